/** The same benchmark on two systems, figure by figure. */
import type { BenchReport } from './bench-report.ts';
import { digits, type Figure } from './figure.ts';
import { htmlTable } from './page.ts';
import { escape } from './svg.ts';
import { formatTable } from './table.ts';

export interface ComparedFigure {
  readonly bench: string;
  readonly name: string;
  readonly unit: string;
  readonly ours: number;
  readonly theirs: number;
  /** How many times better ours is; below 1 it is worse. Undefined where a figure says nothing about better. */
  readonly ratio: number | undefined;
}

export function compareReports(ours: BenchReport, theirs: BenchReport): ComparedFigure[] {
  return ours.figures.flatMap((figure) => {
    const other = theirs.figures.find(({ name }) => name === figure.name);
    return other ? [{ bench: ours.bench, name: figure.name, unit: figure.unit, ours: figure.value, theirs: other.value, ratio: ratioOf(figure, other) }] : [];
  });
}

/** Of rates more is better; of times, memory and CPU less. */
function ratioOf(ours: Figure, theirs: Figure): number | undefined {
  const [better, worse] = ours.unit.startsWith('/') ? [ours.value, theirs.value] : [theirs.value, ours.value];
  return worse > 0 && better > 0 ? better / worse : undefined;
}

const ratioText = (ratio: number | undefined) => (ratio === undefined ? '' : `${digits(ratio)} ×`);

export function formatComparison(figures: readonly ComparedFigure[], names: { readonly ours: string; readonly theirs: string }): string {
  const rows = figures.map(({ bench, name, unit, ours, theirs, ratio }) => [
    bench,
    name,
    `${digits(theirs)} ${unit}`,
    `${digits(ours)} ${unit}`,
    { text: ratioText(ratio), style: ratio !== undefined && ratio < 1 ? ('red' as const) : ('green' as const) },
  ]);
  return formatTable(['benchmark', 'figure', names.theirs, names.ours, 'better'], rows, [2, 3, 4]);
}

export function comparisonHtml(figures: readonly ComparedFigure[], names: { readonly ours: string; readonly theirs: string }): string {
  const badge = (ratio: number | undefined) => (ratio === undefined ? '' : `<span class="badge ${ratio < 1 ? 'missed' : 'ok'}">${ratioText(ratio)}</span>`);
  const rows = figures.map(({ bench, name, unit, ours, theirs, ratio }) => [escape(bench), escape(name), `${digits(theirs)} ${escape(unit)}`, `${digits(ours)} ${escape(unit)}`, badge(ratio)]);
  const head = [{ title: 'Benchmark' }, { title: 'Figure' }, { title: names.theirs, isNumber: true }, { title: names.ours, isNumber: true }, { title: `${names.ours} is better by`, isNumber: true }];
  return `<p>Same machine, same hollow fleet, same programs, same run; one system at a time.</p>${htmlTable(head, rows)}`;
}
