/** A measured figure, its target, and how it is printed. */
import type { CpuShares } from './processes.ts';

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Compared with `value`; a figure without one is for information. */
  readonly target?: Target;
  /** What a reader must know beside: latencies, CPU, the peer. */
  readonly note?: string;
}

export type Target = { readonly atLeast: number } | { readonly atMost: number };

/** Above this share of a core a client in one thread is what limits. */
const clientShareMax = 0.9;

export function verdict({ value, target }: Figure): 'met' | 'missed' | '' {
  if (!target) return '';
  const isMet = 'atLeast' in target ? value >= target.atLeast : value <= target.atMost;
  return isMet ? 'met' : 'missed';
}

/** Where the CPU went, in shares of a core; says so where the client or the machine's other work limits. */
export function cpuNote({ client, server, others }: CpuShares): string {
  const note = `CPU: client ${percent(client)}, server ${percent(server)}, others ${percent(others)}`;
  return client > clientShareMax ? `${note}; the client limits` : note;
}

const percent = (share: number) => `${Math.round(share * 100)}%`;

export function formatFigure(figure: Figure): string {
  const [name, value, target, is] = cells(figure);
  return `${name.padEnd(60)} ${value.padStart(14)}  ${target.padEnd(12)} ${is.padEnd(7)} ${figure.note ?? ''}`.trimEnd();
}

export function formatTable(figures: readonly Figure[]): string {
  const rows = [['figure', 'measured', 'target', 'verdict'], ...figures.map(cells)];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  const line = (row: readonly string[]) => row.map((cell, column) => (column === 1 ? cell.padStart(widths[column] as number) : cell.padEnd(widths[column] as number))).join('  ');
  return rows.map((row) => line(row).trimEnd()).join('\n');
}

function cells(figure: Figure): [string, string, string, string] {
  const { name, value, unit, target } = figure;
  const bound = !target ? '' : 'atLeast' in target ? `>= ${digits(target.atLeast)}` : `<= ${digits(target.atMost)}`;
  return [name, `${digits(value)} ${unit}`, bound, verdict(figure)];
}

function digits(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}
