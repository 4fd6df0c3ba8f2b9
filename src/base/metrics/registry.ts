/**
 * The metrics of one thread. Families are declared by name, label names and, for
 * histograms, bounds; `with` resolves the instrument of one set of label values,
 * which the caller keeps. `snapshot` is plain data: it crosses threads, and
 * `exposition.ts` writes it.
 */
import { assert } from '../assert.ts';
import { Counter, Gauge, Histogram } from './instruments.ts';

export type MetricType = 'counter' | 'gauge' | 'histogram';

export interface SeriesSnapshot {
  /** Values in the order of the family's label names. */
  readonly labels: readonly string[];
  /** Of a histogram the sum. */
  readonly value: number;
  /** Of a histogram: one for each bound and one for what is above all, not cumulative. */
  readonly counts?: Float64Array;
}

export interface FamilySnapshot {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly labelNames: readonly string[];
  readonly bounds: readonly number[];
  readonly series: readonly SeriesSnapshot[];
}

type Instrument = Counter | Gauge | Histogram;

/** All series of one name. */
export class Family<I extends Instrument> {
  readonly name: string;
  readonly labelNames: readonly string[];
  readonly #make: () => I;
  readonly #series = new Map<string, { readonly labels: readonly string[]; readonly instrument: I }>();

  constructor(name: string, labelNames: readonly string[], make: () => I) {
    this.name = name;
    this.labelNames = labelNames;
    this.#make = make;
    // Nothing has happened yet, and that is a value too.
    if (labelNames.length === 0) this.with();
  }

  /** The instrument of these label values. Not for every event: keep it. */
  with(...labels: readonly string[]): I {
    assert(labels.length === this.labelNames.length, `${this.name} has the labels ${this.labelNames.join(', ')}`);
    const key = labels.join('\0');
    let known = this.#series.get(key);
    if (!known) this.#series.set(key, (known = { labels, instrument: this.#make() }));
    return known.instrument;
  }

  /** What these label values named exists no more. */
  remove(...labels: readonly string[]): void {
    this.#series.delete(labels.join('\0'));
  }

  /** Without the histograms among many that have seen nothing: a page of empty buckets helps nobody. */
  *snapshot(): Generator<SeriesSnapshot> {
    for (const { labels, instrument } of this.#series.values()) {
      if (!(instrument instanceof Histogram)) yield { labels, value: instrument.value };
      else if (labels.length === 0 || instrument.counts.some((count) => count > 0)) yield { labels, value: instrument.sum, counts: instrument.counts.slice() };
    }
  }
}

interface Declared {
  readonly help: string;
  readonly type: MetricType;
  readonly bounds: readonly number[];
  readonly family: Family<Instrument>;
}

const nameForm = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

export class MetricRegistry {
  readonly #declared = new Map<string, Declared>();
  readonly #collectors: (() => void)[] = [];

  counter(name: string, help: string, labelNames: readonly string[] = []): Family<Counter> {
    assert(name.endsWith('_total'), `${name}: the names of counters end in _total`);
    return this.#declare(name, help, 'counter', labelNames, [], () => new Counter());
  }

  gauge(name: string, help: string, labelNames: readonly string[] = []): Family<Gauge> {
    return this.#declare(name, help, 'gauge', labelNames, [], () => new Gauge());
  }

  histogram(name: string, help: string, bounds: readonly number[], labelNames: readonly string[] = []): Family<Histogram> {
    return this.#declare(name, help, 'histogram', labelNames, bounds, () => new Histogram(bounds));
  }

  /** Called before each snapshot: for what is read when asked for, and costs nothing until then. */
  beforeSnapshot(collect: () => void): void {
    this.#collectors.push(collect);
  }

  snapshot(): FamilySnapshot[] {
    for (const collect of this.#collectors) collect();
    return Array.from(this.#declared, ([name, { help, type, bounds, family }]) => ({
      name,
      help,
      type,
      labelNames: family.labelNames,
      bounds,
      series: [...family.snapshot()],
    }));
  }

  /** Parts that share a family each declare it. */
  #declare<I extends Instrument>(name: string, help: string, type: MetricType, labelNames: readonly string[], bounds: readonly number[], make: () => I): Family<I> {
    const known = this.#declared.get(name);
    if (known) {
      assert(known.type === type && known.family.labelNames.join() === labelNames.join(), `${name} is declared in two forms`);
      return known.family as unknown as Family<I>;
    }
    assert([name, ...labelNames].every((one) => nameForm.test(one)), `${name}: not a name for a metric, or for a label`);
    const family = new Family(name, labelNames, make);
    this.#declared.set(name, { help, type, bounds, family: family as unknown as Family<Instrument> });
    return family;
  }
}

/** What several threads counted, as one: the same series of two of them are added up. */
export function mergeSnapshots(snapshots: readonly (readonly FamilySnapshot[])[]): FamilySnapshot[] {
  const merged = new Map<string, FamilySnapshot>();
  for (const family of snapshots.flat()) {
    const known = merged.get(family.name);
    merged.set(family.name, known ? { ...known, series: mergeSeries(known.series, family.series) } : family);
  }
  return [...merged.values()];
}

function mergeSeries(left: readonly SeriesSnapshot[], right: readonly SeriesSnapshot[]): SeriesSnapshot[] {
  const merged = new Map<string, SeriesSnapshot>();
  for (const series of [...left, ...right]) {
    const key = series.labels.join('\0');
    const known = merged.get(key);
    merged.set(key, known ? add(known, series) : series);
  }
  return [...merged.values()];
}

function add({ labels, value, counts }: SeriesSnapshot, other: SeriesSnapshot): SeriesSnapshot {
  return {
    labels,
    value: value + other.value,
    ...(counts ? { counts: counts.map((count, at) => count + (other.counts?.[at] ?? 0)) } : {}),
  };
}
