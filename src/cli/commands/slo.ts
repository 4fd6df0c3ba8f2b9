import process from 'node:process';
import type { SloReport } from '../../api/slo.ts';
import { systemClock } from '../../base/clock.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { parseBody, responseError } from '../../client/response.ts';
import { http2Transport } from '../../client/transports/http2.ts';
import { sloTable, type Cell } from '../slo-table.ts';
import { bold, dim, fail, green, red, say } from '../terminal.ts';

export interface SloCommandOptions {
  readonly kubeconfig: string;
  readonly output: string;
}

/** Exit codes: whether the objectives are kept can be asked by scripts. */
const violated = 1;
const unknown = 2;

/** Prints whether a cluster keeps its service level objectives. */
export async function slo({ kubeconfig, output }: SloCommandOptions): Promise<void> {
  let report: SloReport;
  try {
    report = await readReport(kubeconfig);
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
    process.exitCode = unknown;
    return;
  }
  if (output === 'json') say(JSON.stringify(report, null, 2));
  else print(report);
  if (report.verdict === 'violated') process.exitCode = violated;
}

async function readReport(kubeconfig: string): Promise<SloReport> {
  const config = loadKubeconfig(kubeconfig);
  const transport = http2Transport(config, { clock: systemClock() });
  try {
    const response = await transport.request({ method: 'GET', target: '/debug/slo', headers: { accept: 'application/json' } });
    if (response.status === 404) throw new Error(`${config.server} does not measure its service levels: no Coxswain API server answers there`);
    if (response.status !== 200) throw responseError(response);
    return parseBody(response.body) as SloReport;
  } finally {
    await transport.close();
  }
}

const paint: Readonly<Record<NonNullable<Cell['tone']>, (text: string) => string>> = { good: green, bad: red, quiet: dim };

function print(report: SloReport): void {
  const rows = sloTable(report);
  const widths = rows.reduce<number[]>((most, row) => row.map(({ text }, at) => Math.max(most[at] ?? 0, text.length)), []);
  for (const row of rows) {
    const cells = row.map(({ text, tone }, at) => {
      const padded = at === row.length - 1 ? text : text.padEnd(widths[at] ?? 0);
      return tone ? paint[tone](padded) : padded;
    });
    say(cells.join('  ').trimEnd());
  }
  say();
  const summary = { met: green('all objectives are met'), violated: red('objectives are violated'), noData: 'nothing has been measured yet' }[report.verdict];
  say(`${bold(summary)} ${dim(`(99th percentiles, measured since ${report.since})`)}`);
}
