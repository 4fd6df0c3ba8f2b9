/**
 * Metrics as text, in the two forms that scrapers ask for: Prometheus' format
 * 0.0.4 and OpenMetrics 1.0. They differ in how counters are named in the head
 * of a family, in how whole numbers of buckets are written, and in the end mark.
 */
import type { FamilySnapshot, SeriesSnapshot } from './registry.ts';

export type ExpositionFormat = 'text' | 'openmetrics';

export const expositionTypes: Readonly<Record<ExpositionFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** What an Accept header prefers; text where it says nothing of either. */
export function expositionFormat(accept: string | undefined): ExpositionFormat {
  let [text, openMetrics] = [0, 0];
  for (const range of (accept ?? '').split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const parameter = (name: string) => parameters.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
    const quality = Number(parameter('q') ?? 1);
    const version = parameter('version');
    if (type === 'application/openmetrics-text') {
      if (version === undefined || version === '1.0.0') openMetrics = Math.max(openMetrics, quality);
    } else if (type === 'text/plain' || type === 'text/*' || type === '*/*') text = Math.max(text, quality);
  }
  return openMetrics > text ? 'openmetrics' : 'text';
}

/** One family a step, so that the caller can let others have their turn between them. */
export function* exposition(families: Iterable<FamilySnapshot>, format: ExpositionFormat): Generator<string> {
  for (const family of families) if (family.series.length > 0) yield familyText(family, format);
  if (format === 'openmetrics') yield '# EOF\n';
}

function familyText(family: FamilySnapshot, format: ExpositionFormat): string {
  const { name, type } = family;
  const headName = format === 'openmetrics' && type === 'counter' ? name.slice(0, -'_total'.length) : name;
  let text = `# HELP ${headName} ${escapeHelp(family.help, format)}\n# TYPE ${headName} ${type}\n`;
  const ends = [...family.bounds.map((bound) => boundText(bound, format)), '+Inf'];
  for (const series of family.series) {
    const labels = labelText(family.labelNames, series.labels);
    text += series.counts ? histogramText(name, labels, series, series.counts, ends) : `${name}${labels === '' ? '' : `{${labels}}`} ${numberText(series.value)}\n`;
  }
  return text;
}

function histogramText(name: string, labels: string, { value }: SeriesSnapshot, counts: Float64Array, ends: readonly string[]): string {
  const before = labels === '' ? `${name}_bucket{le="` : `${name}_bucket{${labels},le="`;
  const set = labels === '' ? '' : `{${labels}}`;
  let text = '';
  let total = 0;
  for (let at = 0; at < ends.length; at++) {
    total += counts[at] as number;
    text += `${before}${ends[at]}"} ${numberText(total)}\n`;
  }
  return `${text}${name}_sum${set} ${numberText(value)}\n${name}_count${set} ${numberText(total)}\n`;
}

function labelText(names: readonly string[], values: readonly string[]): string {
  return names.map((name, at) => `${name}="${escapeLabel(values[at] as string)}"`).join(',');
}

function escapeLabel(value: string): string {
  return /[\\"\n]/.test(value) ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n') : value;
}

function escapeHelp(help: string, format: ExpositionFormat): string {
  const escaped = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return format === 'openmetrics' ? escaped.replaceAll('"', '\\"') : escaped;
}

/** As Go writes a float in its shortest form: `le` is compared as text, by rules made for upstream. */
export function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-4 && size < 1e6)) return String(value);
  const [digits, exponent] = value.toExponential().split('e') as [string, string];
  return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
}

function boundText(bound: number, format: ExpositionFormat): string {
  const text = numberText(bound);
  return format === 'openmetrics' && /^-?\d+$/.test(text) ? `${text}.0` : text;
}
