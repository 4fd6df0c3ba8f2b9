/**
 * `coxswain bench compare`: the same benchmarks on upstream's executables and
 * on Coxswain, in turn, with the same hollow nodes beside each and the same
 * client. Results go to a folder, as JSON and as a page.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runBench } from './command.ts';
import type { BenchOptions } from './lib/options.ts';
import type { BenchReport } from './report/bench-report.ts';
import { compareReports, comparisonHtml, formatComparison, type ComparedFigure } from './report/comparison.ts';
import { renderPage } from './report/page.ts';
import { formatReport } from './report/table.ts';
import { ownSystem } from './target/own-cluster.ts';
import { upstreamSystem } from './target/upstream.ts';

export const comparedByDefault = ['startup', 'density', 'reads', 'writes', 'lists', 'watches', 'list-storm', 'events'] as const;

export interface ComparisonOutput {
  readonly format: 'text' | 'json';
  readonly directory: string;
}

export async function compare(names: readonly string[], options: BenchOptions, output: ComparisonOutput): Promise<void> {
  const theirs = upstreamSystem(options.upstreamDir);
  const ours = ownSystem(options, 'beside');
  const reports: BenchReport[] = [];
  const compared: ComparedFigure[] = [];
  for (const name of names.length > 0 ? names : comparedByDefault) {
    const [their, our] = [await runBench(name, options, theirs), await runBench(name, options, ours)];
    if (output.format === 'text') for (const report of [their, our]) process.stdout.write(`${formatReport(report)}\n\n`);
    reports.push(their, our);
    compared.push(...compareReports(our, their));
  }
  const systems = { theirs: reports[0]?.system ?? theirs.name, ours: reports[1]?.system ?? ours.name };
  const document = { systems, compared, reports };
  const base = join(output.directory, `compare-${(reports[0]?.startedAt ?? '').slice(0, 16).replaceAll(':', '')}`);
  mkdirSync(output.directory, { recursive: true });
  writeFileSync(`${base}.json`, `${JSON.stringify(document, undefined, 1)}\n`);
  writeFileSync(`${base}.html`, renderPage(reports, { title: `${systems.theirs} and ${systems.ours}`, summary: comparisonHtml(compared, systems) }));
  process.stdout.write(output.format === 'json' ? `${JSON.stringify(document, undefined, 1)}\n` : `${formatComparison(compared, systems)}\n\n${base}.json\n${base}.html\n`);
}
