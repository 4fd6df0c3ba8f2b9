/** `coxswain bench`: runs benchmarks one after another, prints what they found, and says whether the objectives were met. */
import { writeFileSync } from 'node:fs';
import { catalogue } from './catalogue.ts';
import type { BenchOptions } from './lib/options.ts';
import { Run } from './lib/run.ts';
import type { BenchReport } from './report/bench-report.ts';
import { isFailure } from './report/figure.ts';
import { formatReport } from './report/table.ts';
import { givenSystem } from './target/given-cluster.ts';
import { ownSystem } from './target/own-cluster.ts';
import type { System } from './target/target.ts';

export interface Output {
  readonly format: 'text' | 'json';
  /** File for the page with charts. */
  readonly html?: string;
}

/** Resolves with the exit code: 1 where a service level objective was missed. Throws for names that are not there. */
export async function bench(names: readonly string[], options: BenchOptions, output: Output): Promise<number> {
  const system = options.kubeconfig === undefined ? ownSystem(options) : givenSystem(options, options.kubeconfig);
  const reports: BenchReport[] = [];
  for (const name of names) {
    const report = await runBench(name, options, system);
    reports.push(report);
    if (output.format === 'text') process.stdout.write(`${formatReport(report)}\n`);
  }
  if (output.format === 'json') process.stdout.write(`${JSON.stringify(reports, undefined, 1)}\n`);
  if (output.html !== undefined) writeFileSync(output.html, (await import('./report/page.ts')).renderPage(reports));
  return reports.some(({ figures }) => figures.some(isFailure)) ? 1 : 0;
}

export async function runBench(name: string, options: BenchOptions, system: System): Promise<BenchReport> {
  const entry = catalogue[name];
  if (!entry) throw new Error(`there is no benchmark "${name}"; there are ${Object.keys(catalogue).join(', ')}`);
  const program = await entry.load();
  const run = new Run(name, options, system);
  await Promise.race([program.run(run), run.failed]);
  return run.report(program.title);
}
