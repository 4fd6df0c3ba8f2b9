import process from 'node:process';
import type { BenchOptions } from '../../../bench/lib/options.ts';
import { bench as runBenches } from '../../../bench/command.ts';
import { catalogue } from '../../../bench/catalogue.ts';
import { wholeNumber } from '../numbers.ts';
import { bold, fail, say } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';

export interface BenchCommandOptions {
  readonly nodes?: string;
  readonly podsPerNode?: string;
  readonly qps: string;
  readonly burst?: string;
  readonly rate: string;
  readonly form: string;
  readonly latencyPods?: string;
  readonly duration?: string;
  readonly count?: string;
  readonly seed: string;
  readonly kubeconfig?: string;
  readonly fleet: boolean;
  readonly fleetKubeconfig?: string;
  readonly serverPid?: string;
  readonly datastore: string;
  readonly profile?: string;
  readonly upstreamDir?: string;
  readonly only?: string;
  readonly output: string;
  readonly html?: string;
  readonly results: string;
}

/** Runs benchmarks by name; the exit code is 1 where a service level objective was missed. */
export async function bench(names: readonly string[], options: BenchCommandOptions): Promise<void> {
  if (names.length === 0) {
    for (const [name, { summary }] of Object.entries(catalogue)) say(`  ${bold(name.padEnd(14))} ${summary}`);
    say(`  ${bold('compare'.padEnd(14))} the same benchmarks on upstream’s executables and on Coxswain`);
    return;
  }
  const isComparison = names[0] === 'compare';
  const wanted = isComparison ? names.slice(1) : names;
  const unknown = wanted.find((name) => !(name in catalogue));
  if (unknown !== undefined) throw new UsageError(`there is no benchmark "${unknown}"; there are ${Object.keys(catalogue).join(', ')}`);
  if (options.output !== 'text' && options.output !== 'json') throw new UsageError(`--output takes text or json, not "${options.output}"`);
  // What was started must not outlive us: the handlers of `exit` see to that.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const running = isComparison
    ? runComparison(wanted, parsed(options), { format: options.output, directory: options.results })
    : runBenches(wanted, parsed(options), { format: options.output, ...(options.html ? { html: options.html } : {}) });
  const code = await running.catch((error: unknown) => {
    fail(error instanceof Error ? error.message : String(error));
    return 1;
  });
  // Sockets of the load generator may be left; nothing is lost with them.
  process.exit(code);
}

/** Its exit code says nothing of objectives: it is there to tell two systems apart. */
async function runComparison(...args: Parameters<typeof import('../../../bench/compare.ts').compare>): Promise<number> {
  const { compare } = await import('../../../bench/compare.ts');
  await compare(...args);
  return 0;
}

function parsed(options: BenchCommandOptions): BenchOptions {
  if (options.form !== '1.2' && options.form !== 'modern') throw new UsageError(`--form takes 1.2 or modern, not "${options.form}"`);
  const qps = rate(options.qps, '--qps');
  const optional = (name: string, text: string | undefined, flag: string) => (text === undefined ? {} : { [name]: wholeNumber(text, flag) });
  return {
    qps,
    burst: options.burst === undefined ? qps * 2 : rate(options.burst, '--burst'),
    rate: rate(options.rate, '--rate'),
    form: options.form,
    seed: wholeNumber(options.seed, '--seed'),
    fleet: options.fleet,
    datastore: options.datastore,
    ...optional('nodes', options.nodes, '--nodes'),
    ...optional('podsPerNode', options.podsPerNode, '--pods-per-node'),
    ...optional('latencyPods', options.latencyPods, '--latency-pods'),
    ...optional('durationS', options.duration, '--duration'),
    ...optional('count', options.count, '--count'),
    ...optional('serverPid', options.serverPid, '--server-pid'),
    ...(options.kubeconfig ? { kubeconfig: options.kubeconfig } : {}),
    ...(options.fleetKubeconfig ? { fleetKubeconfig: options.fleetKubeconfig } : {}),
    ...(options.upstreamDir ? { upstreamDir: options.upstreamDir } : {}),
    ...(options.profile ? { profile: options.profile } : {}),
    ...(options.only ? { only: options.only } : {}),
  };
}

/** Of nothing a second, nothing would ever end. */
function rate(text: string, option: string): number {
  const number = wholeNumber(text, option);
  if (number === 0) throw new UsageError(`${option} must be at least 1`);
  return number;
}
