/** All that one benchmark has found, as JSON: what the table, the page and a comparison are made of. */
import type { LatencyRow } from '../lib/latency.ts';
import type { Summary } from '../lib/percentile.ts';
import type { ProcessUsage } from '../lib/usage.ts';
import type { Figure } from './figure.ts';

export interface BenchReport {
  readonly bench: string;
  readonly title: string;
  /** What was measured, e.g. `Coxswain v1.36.0`. */
  readonly system: string;
  readonly machine: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  /** What the run was asked for, and what follows from it. */
  readonly settings: Readonly<Record<string, string | number>>;
  readonly phases: readonly Phase[];
  readonly figures: readonly Figure[];
  readonly latencies: readonly LatencyTable[];
  readonly distributions: readonly Distribution[];
  readonly series: readonly Series[];
  readonly usage: readonly ProcessUsage[];
  /** What a reader must know to judge the figures. */
  readonly notes: readonly string[];
}

/** Seconds since the run began. */
export interface Phase {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** What was done in it: objects and their unit. */
  readonly done: number;
  readonly unit: string;
}

export interface LatencyTable {
  /** The probe's calls, those of the client that makes the load, or the server's own histogram. */
  readonly source: 'probe' | 'load client' | 'server';
  /** Undefined: the whole run. */
  readonly phase?: string;
  readonly rows: readonly LatencyRow[];
}

/** How often which value was seen: a histogram, and its exact percentiles. */
export interface Distribution {
  readonly chart: string;
  readonly name: string;
  readonly unit: string;
  readonly summary: Summary;
  /** Upper bounds, growing by a constant factor, and counts. */
  readonly buckets: readonly (readonly [bound: number, count: number])[];
}

/** A line of a chart, over time unless it says otherwise. Lines of one `chart` share its axes. */
export interface Series {
  readonly chart: string;
  readonly name: string;
  readonly unit: string;
  /** What the first of a point's numbers counts, where it is not seconds since the run began. */
  readonly x?: string;
  readonly points: readonly (readonly [x: number, value: number])[];
}
