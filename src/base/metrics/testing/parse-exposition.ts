/**
 * A strict reader of both exposition formats, for tests: whatever a scraper may
 * stumble over throws here. Returns the samples by family.
 */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

const sampleForm = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const labelForm = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y;
const suffixes: Readonly<Record<string, readonly string[]>> = { counter: ['', '_total'], gauge: [''], histogram: ['_bucket', '_sum', '_count'] };

export function parseExposition(text: string, format: 'text' | 'openmetrics' = 'text'): Map<string, ParsedFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const lines = text.slice(0, -1).split('\n');
  if (format === 'openmetrics' && lines.pop() !== '# EOF') throw new Error('no end mark');
  const families = new Map<string, ParsedFamily>();
  let help: [string, string] | undefined;
  let family: ParsedFamily | undefined;
  for (const line of lines) {
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line) ?? [];
    if (keyword === 'HELP') help = [name, rest];
    else if (keyword === 'TYPE') {
      if (help?.[0] !== name) throw new Error(`TYPE without its HELP: ${line}`);
      if (families.has(name) || !suffixes[rest]) throw new Error(`twice, or of no known type: ${line}`);
      families.set(name, (family = { name, type: rest, help: help[1], samples: [] }));
    } else {
      if (!family) throw new Error(`a sample without a family: ${line}`);
      family.samples.push(sampleOf(line, family));
    }
  }
  for (const one of families.values()) checkFamily(one, format);
  return families;
}

function sampleOf(line: string, { name, type }: ParsedFamily): Sample {
  const [, sampleName, labelText = '', valueText = ''] = sampleForm.exec(line) ?? [];
  if (sampleName === undefined) throw new Error(`no sample: ${line}`);
  if (!suffixes[type]!.some((suffix) => sampleName === name + suffix)) throw new Error(`not of the family ${name}: ${line}`);
  const value = valueText === '+Inf' ? Infinity : valueText === '-Inf' ? -Infinity : Number(valueText);
  if (Number.isNaN(value) && valueText !== 'NaN') throw new Error(`no number: ${line}`);
  return { name: sampleName, labels: labelsOf(labelText, line), value };
}

function labelsOf(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  labelForm.lastIndex = 0;
  while (labelForm.lastIndex < text.length) {
    const match = labelForm.exec(text);
    if (!match || labels[match[1] as string] !== undefined) throw new Error(`bad labels: ${line}`);
    labels[match[1] as string] = (match[2] as string).replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
  }
  return labels;
}

function checkFamily(family: ParsedFamily, format: string): void {
  const { name, type, samples } = family;
  if (samples.length === 0) throw new Error(`${name} has no samples`);
  const seen = new Set<string>();
  for (const sample of samples) {
    const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
    if (seen.has(key)) throw new Error(`twice: ${key}`);
    seen.add(key);
    if (type === 'counter' && !(sample.value >= 0)) throw new Error(`${name} counts downwards`);
    if (type === 'counter' && format === 'openmetrics' && sample.name !== `${name}_total`) throw new Error(`${sample.name}: counters end in _total`);
  }
  if (type === 'histogram') checkHistogram(family);
}

function checkHistogram({ name, samples }: ParsedFamily): void {
  const groups = Map.groupBy(samples, ({ labels: { le: _, ...rest } }) => JSON.stringify(Object.entries(rest).sort()));
  for (const [labels, group] of groups) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const ends = buckets.map(({ labels: { le = '' } }) => (le === '+Inf' ? Infinity : Number(le)));
    const count = group.find((sample) => sample.name === `${name}_count`)?.value;
    const ascending = (numbers: readonly number[], strictly: boolean) => numbers.every((n, i) => i === 0 || n > numbers[i - 1]! || (!strictly && n === numbers[i - 1]));
    if (!ascending(ends, true) || ends.at(-1) !== Infinity) throw new Error(`${name}${labels}: bounds out of order`);
    if (!ascending(buckets.map(({ value }) => value), false)) throw new Error(`${name}${labels}: not cumulative`);
    if (count === undefined || buckets.at(-1)?.value !== count) throw new Error(`${name}${labels}: the count is not that of the last bucket`);
    if (!group.some((sample) => sample.name === `${name}_sum`)) throw new Error(`${name}${labels}: no sum`);
  }
}
