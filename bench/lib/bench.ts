/**
 * What every benchmark is: a function that measures and reports figures. Run
 * alone, a file prints its figures as it goes; `--output json` prints one JSON
 * document a line, which is how `bench/all.ts` collects them.
 */
import { parseArgs } from 'node:util';
import { formatFigure, type Figure } from './figure.ts';

export interface BenchOptions {
  /** Of a cluster that is there; the benchmark starts one of its own without it. */
  readonly kubeconfig: string | undefined;
  readonly serverPid: number | undefined;
  /** Where the server leaves CPU profiles, one a thread. */
  readonly profile: string | undefined;
  /** For the server's process. */
  readonly nodeFlags: readonly string[];
  /** Of a benchmark's parts, those whose names hold this. */
  readonly only: string | undefined;
}

export type Report = (figure: Figure) => void;
export type Bench = (options: BenchOptions, report: Report) => Promise<void>;

const flags = {
  kubeconfig: { type: 'string' },
  'server-pid': { type: 'string' },
  profile: { type: 'string' },
  'node-flags': { type: 'string' },
  only: { type: 'string' },
  output: { type: 'string', default: 'text' },
} as const;

/** Runs `bench` if its file is the program that was started. */
export async function runAlone(isMain: boolean, bench: Bench): Promise<void> {
  if (!isMain) return;
  const { values } = parseArgs({ options: flags });
  const format = values.output === 'json' ? JSON.stringify : formatFigure;
  const options: BenchOptions = {
    kubeconfig: values.kubeconfig,
    serverPid: values['server-pid'] ? Number(values['server-pid']) : undefined,
    profile: values.profile,
    nodeFlags: values['node-flags']?.split(' ').filter(Boolean) ?? [],
    only: values.only,
  };
  await bench(options, (figure) => void process.stdout.write(`${format(figure)}\n`));
  // Sockets of the load generator may be left; nothing is lost with them.
  process.exit(0);
}

export const isWanted = ({ only }: BenchOptions, part: string) => !only || part.includes(only);
