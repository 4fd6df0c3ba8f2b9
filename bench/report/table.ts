/** A benchmark's findings for the terminal: settings, phases, API latencies, processes, and the figures with their verdicts. */
import { stdout } from 'node:process';
import { styleText } from 'node:util';
import { formatKey } from '../lib/request-key.ts';
import type { BenchReport, LatencyTable } from './bench-report.ts';
import { digits, targetText, verdict, type Figure, type Verdict } from './figure.ts';

/** The kinds of call with the highest p99; the page has them all. */
const latencyRowsMax = 8;

type Cell = string | { readonly text: string; readonly style: Parameters<typeof styleText>[0] };

export function formatReport(report: BenchReport): string {
  const sections = [
    styled('bold', `${report.title}: ${report.system}`),
    styled('dim', `${report.machine}; ${Object.entries(report.settings).map(([name, value]) => `${name} ${value}`).join(', ')}`),
    ...report.latencies.filter(({ phase }) => phase === undefined).map(formatLatencies),
    formatUsage(report),
    formatDistributions(report),
    formatFigures(report.figures),
    ...report.notes.map((note) => styled('dim', note)),
  ];
  return sections.filter(Boolean).join('\n\n');
}

export function formatFigures(figures: readonly Figure[]): string {
  const rows = figures.map((figure): Cell[] => [figure.name, `${digits(figure.value)} ${figure.unit}`, targetText(figure), painted(verdict(figure)), figure.note ?? '']);
  return formatTable(['figure', 'measured', 'target', 'verdict', ''], rows, [1]);
}

const painted = (is: Verdict): Cell => (is === '' ? '' : { text: is, style: is === 'ok' ? 'green' : ['red', 'bold'] });

function formatLatencies({ source, rows }: LatencyTable): string {
  const slowest = [...rows].sort((a, b) => b.p99 - a.p99).slice(0, latencyRowsMax);
  const cells = slowest.map((row): Cell[] => [formatKey(row), digits(row.count), ...[row.p50, row.p90, row.p99, row.worst.p99].map(milliseconds), row.errors > 0 ? { text: String(row.errors), style: 'red' } : '']);
  const title = source === 'server' ? 'API latency, ms, by the server’s histogram' : `API latency, ms, seen by the ${source}`;
  const more = rows.length > slowest.length ? ` (the slowest ${slowest.length} of ${rows.length})` : '';
  return formatTable([title + more, 'calls', 'p50', 'p90', 'p99', 'worst 5 min', 'errors'], cells, [1, 2, 3, 4, 5, 6]);
}

function formatUsage({ usage }: BenchReport): string {
  const cells = usage.map(({ name, cpuShare, cpuSeconds, rssHighestMb, threads }): Cell[] => [
    name,
    cpuShare.toFixed(2),
    cpuSeconds.toFixed(1),
    rssHighestMb === 0 ? '' : digits(rssHighestMb),
    threads.length < 2 ? '' : threads.slice(0, 6).map((thread) => `${thread.name} ${thread.cpuSeconds.toFixed(1)} s`).join(', '),
  ]);
  return usage.length === 0 ? '' : formatTable(['process', 'cores', 'CPU s', 'highest MB', 'threads'], cells, [1, 2, 3]);
}

function formatDistributions({ distributions }: BenchReport): string {
  const cells = distributions.map(({ chart, name, unit, summary }): Cell[] => [`${chart}: ${name}, ${unit}`, digits(summary.count), ...[summary.p50, summary.p90, summary.p99, summary.max].map(milliseconds)]);
  return distributions.length === 0 ? '' : formatTable(['distribution', 'count', 'p50', 'p90', 'p99', 'max'], cells, [1, 2, 3, 4, 5]);
}

const milliseconds = (ms: number): string => (ms >= 10 ? digits(ms) : ms.toFixed(1));

export function formatTable(head: readonly string[], rows: readonly (readonly Cell[])[], numeric: readonly number[]): string {
  const textOf = (cell: Cell) => (typeof cell === 'string' ? cell : cell.text);
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => textOf(row[column] ?? '').length)));
  const line = (cells: readonly Cell[]) =>
    cells
      .map((cell, column) => {
        const text = textOf(cell);
        const width = column === cells.length - 1 && !numeric.includes(column) ? 0 : (widths[column] as number);
        const padded = numeric.includes(column) ? text.padStart(width) : text.padEnd(width);
        return typeof cell === 'string' ? padded : styled(cell.style, padded);
      })
      .join('  ')
      .trimEnd();
  return [styled('underline', line(head)), ...rows.map(line)].join('\n');
}

function styled(style: Parameters<typeof styleText>[0], text: string): string {
  return styleText(style, text, { stream: stdout });
}
