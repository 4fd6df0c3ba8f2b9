/** The reports as one page that needs nothing else: no network, no build, light and dark. */
import { formatKey } from '../lib/request-key.ts';
import type { BenchReport, Distribution, LatencyTable, Series } from './bench-report.ts';
import { bars } from './bars.ts';
import { digits, isFailure, targetText, verdict, type Figure } from './figure.ts';
import { histograms } from './histogram.ts';
import { latencyPlot } from './latency-plot.ts';
import { lineChart } from './line-chart.ts';
import { script } from './page-script.ts';
import { style } from './page-style.ts';
import { escape, milliseconds } from './svg.ts';

export interface PageOptions {
  readonly title?: string;
  /** HTML that stands before the reports. */
  readonly summary?: string;
}

export function renderPage(reports: readonly BenchReport[], options: PageOptions = {}): string {
  const [first] = reports;
  const systems = [...new Set(reports.map(({ system }) => system))];
  const title = options.title ?? `${reports.length === 1 ? (first?.title ?? 'Benchmarks') : 'Benchmarks'}: ${systems.join(' and ')}`;
  const links = reports.map((report, index) => `<a href="#r${index}">${escape(report.title)}${systems.length > 1 ? ` · ${escape(report.system)}` : ''}</a>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${escape(title)}</title><style>${style}</style></head>
<body><main>
<h1>${escape(title)}</h1>
<p class="dim">${escape(first?.machine ?? '')} · ${escape(first?.startedAt.slice(0, 16).replace('T', ' ') ?? '')} UTC</p>
${reports.length > 1 ? `<nav>${links.join('')}</nav>` : ''}
${options.summary ?? ''}
${reports.map((report, index) => section(report, index, reports.length > 1)).join('\n')}
</main><script>${script}</script></body></html>
`;
}

function section(report: BenchReport, index: number, withHead: boolean): string {
  const settings = Object.entries(report.settings).map(([name, value]) => `${name} ${value}`);
  const bySeries = grouped(report.series, ({ chart }) => chart);
  const byDistribution = grouped(report.distributions, ({ chart }) => chart);
  const byBars = grouped(report.figures.filter(({ chart }) => chart !== undefined), ({ chart }) => chart ?? '');
  const charts = [
    ...[...byBars].map(([chart, figures]) => bars(chart, figures)),
    ...[...bySeries].map(([chart, lines]: [string, Series[]]) => lineChart(chart, lines, report.phases)),
    ...[...byDistribution].filter(([, some]) => some.some(({ summary }) => summary.count > 0)).map(([chart, some]: [string, Distribution[]]) => histograms(chart, some)),
    ...report.latencies.filter(({ phase }) => phase === undefined).map(({ source, rows }) => latencyPlot(latencyTitle(source), rows)),
  ];
  return `<section id="r${index}">
${withHead ? `<h2>${escape(report.title)}</h2><p class="dim">${escape(report.system)}</p>` : ''}
<p class="dim">${escape(settings.join(' · '))}</p>
${tiles(report.figures)}
<div class="grid">${charts.join('\n')}</div>
<h3>Figures</h3>${figureTable(report.figures)}
${report.usage.length > 0 ? `<h3>Processes</h3>${usageTable(report)}` : ''}
${latencyDetails(report.latencies)}
${report.notes.map((note) => `<p class="dim">${escape(note)}</p>`).join('')}
</section>`;
}

const latencyTitle = (source: LatencyTable['source']) => (source === 'server' ? 'API latency by the server’s own histogram' : `API latency seen by the ${source}`);

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

/** The objectives first; without any, the figures that have a goal. */
function tiles(figures: readonly Figure[]): string {
  const objectives = figures.filter(({ isSlo }) => isSlo);
  const shown = objectives.length > 0 ? objectives : figures.filter(({ target }) => target !== undefined);
  return shown.length === 0 ? '' : `<div class="tiles">${shown.map((figure) => `<div class="tile"><b>${valueText(figure)} ${badge(figure)}</b><span>${escape(figure.name)}</span><span>${escape(targetText(figure))}</span></div>`).join('')}</div>`;
}

const valueText = ({ value, unit }: Figure) => (unit === 'ms' ? milliseconds(value) : `${digits(value)} ${escape(unit)}`);

function badge(figure: Figure): string {
  const is = verdict(figure);
  if (is === '') return '';
  return `<span class="badge ${is === 'ok' ? 'ok' : 'missed'}"${isFailure(figure) ? ' title="a service level objective was missed"' : ''}>${is}</span>`;
}

export interface Column {
  readonly title: string;
  readonly isNumber?: boolean;
}

/** Cells are HTML. */
export function htmlTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const kind = (index: number) => (columns[index]?.isNumber ? ' class="n"' : '');
  const head = columns.map(({ title }, index) => `<th scope="col"${kind(index)}>${escape(title)}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map((cell, index) => `<td${kind(index)}>${cell}</td>`).join('')}</tr>`).join('');
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function figureTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [escape(figure.name), valueText(figure), escape(targetText(figure)), badge(figure), `<span class="dim">${escape(figure.note ?? '')}</span>`]);
  return htmlTable([{ title: 'Figure' }, { title: 'Measured', isNumber: true }, { title: 'Target' }, { title: 'Verdict' }, { title: '' }], rows);
}

function usageTable({ usage }: BenchReport): string {
  const rows = usage.map(({ name, cpuShare, cpuSeconds, rssMb, rssHighestMb, threads }) => [
    escape(name),
    cpuShare.toFixed(2),
    cpuSeconds.toFixed(1),
    rssMb === 0 ? '' : digits(rssMb),
    rssHighestMb === 0 ? '' : digits(rssHighestMb),
    threads.length < 2 ? '' : `<span class="dim">${escape(threads.map((thread) => `${thread.name} ${thread.cpuSeconds.toFixed(1)} s`).join(', '))}</span>`,
  ]);
  return htmlTable([{ title: 'Process' }, ...['Cores', 'CPU, s', 'Memory at the end, MB', 'Highest, MB'].map((title) => ({ title, isNumber: true })), { title: 'Threads' }], rows);
}

function latencyDetails(tables: readonly LatencyTable[]): string {
  const byPhase = grouped(tables, ({ phase }) => phase ?? '');
  return [...byPhase]
    .sort(([a], [b]) => Number(b === '') - Number(a === ''))
    .map(([phase, some]) => `<details><summary>API latency by kind of call, ${phase === '' ? 'the whole run' : `phase “${escape(phase)}”`}</summary>${some.map(latencyTable).join('')}</details>`)
    .join('');
}

function latencyTable({ source, rows }: LatencyTable): string {
  const numbers = ['Calls', 'p50', 'p90', 'p99', 'Highest', 'p99, worst 5 min', 'Errors'].map((title) => ({ title, isNumber: true }));
  const cells = [...rows]
    .sort((a, b) => b.p99 - a.p99)
    .map((row) => [escape(formatKey(row)), digits(row.count), ...[row.p50, row.p90, row.p99, row.max, row.worst.p99].map(milliseconds), row.errors === 0 ? '' : String(row.errors)]);
  return `<h3>${escape(latencyTitle(source))}</h3>${htmlTable([{ title: 'Call' }, ...numbers], cells)}`;
}
