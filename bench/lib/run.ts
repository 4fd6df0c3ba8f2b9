/** One run of one benchmark: its options, where it stands, and what it has found so far. */
import { cpus, release, totalmem } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { seededRandom, type Random } from '../../src/base/random.ts';
import type { BenchReport, Distribution, LatencyTable, Phase, Series } from '../report/bench-report.ts';
import type { Figure } from '../report/figure.ts';
import { distribution, ratePoints, thinned } from '../report/shapes.ts';
import type { ClusterShape, System, Target } from '../target/target.ts';
import type { BenchOptions } from './options.ts';
import { Progress, type PhaseProgress } from './progress.ts';
import type { ProcessUsage } from './usage.ts';

export interface Bench {
  readonly title: string;
  run(run: Run): Promise<void>;
}

export class Run {
  readonly bench: string;
  readonly options: BenchOptions;
  readonly system: System;
  readonly random: Random;
  readonly progress: Progress;
  /** The zero of the report's seconds. */
  readonly beganAt = performance.now();
  readonly #startedAt = new Date().toISOString();
  readonly #phases: Phase[] = [];
  readonly #figures: Figure[] = [];
  readonly #latencies: LatencyTable[] = [];
  readonly #distributions: Distribution[] = [];
  readonly #series: Series[] = [];
  readonly #notes: string[] = [];
  #settings: Record<string, string | number> = {};
  #usage: readonly ProcessUsage[] = [];
  #systemName: string;
  readonly #failure = Promise.withResolvers<never>();

  constructor(bench: string, options: BenchOptions, system: System) {
    this.bench = bench;
    this.options = options;
    this.system = system;
    this.random = seededRandom(options.seed);
    this.progress = new Progress(bench);
    this.#systemName = system.name;
    this.#failure.promise.catch(() => {});
  }

  /** Rejects when what is measured breaks down: whatever the benchmark waits for will not come. */
  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  async start(shape: ClusterShape): Promise<Target> {
    const target = await this.system.start(shape);
    target.failed.catch(this.#failure.reject);
    return target;
  }

  /** Seconds of the report at a time of performance.now(). */
  secondsAt(now: number): number {
    return (now - this.beganAt) / 1000;
  }

  /** A stretch of the run with a bar of its own. `total` undefined: nobody knows how much there is. */
  async phase<T>(name: string, unit: string, total: number | undefined, work: (progress: PhaseProgress) => Promise<T>): Promise<T> {
    const from = this.secondsAt(performance.now());
    const progress = this.progress.begin(name, unit, total);
    try {
      return await work(progress);
    } finally {
      this.progress.end();
      this.#phases.push({ name, from, to: this.secondsAt(performance.now()), done: progress.done, unit });
    }
  }

  /** A phase in which nothing is done but to wait. */
  pass(name: string, seconds: number): Promise<void> {
    return this.phase(name, 's', seconds, async (progress) => {
      for (let second = 1; second <= seconds; second++) {
        await wait(1000);
        progress.set(second);
      }
    });
  }

  figure(...figures: readonly Figure[]): void {
    this.#figures.push(...figures);
  }

  latency(...tables: readonly LatencyTable[]): void {
    this.#latencies.push(...tables.filter(({ rows }) => rows.length > 0));
  }

  distribution(chart: string, name: string, unit: string, samples: readonly number[]): Distribution {
    const made = distribution(chart, name, unit, samples);
    this.#distributions.push(made);
    return made;
  }

  series(...series: readonly Series[]): void {
    this.#series.push(...series.filter(({ points }) => points.length > 1).map(thinned));
  }

  /** Moments (of performance.now()) as a line of moments a second. */
  rate(chart: string, name: string, moments: readonly number[]): void {
    this.series({ chart, name, unit: '/s', points: ratePoints(moments.map((at) => this.secondsAt(at))) });
  }

  settings(settings: Readonly<Record<string, string | number>>): void {
    this.#settings = { ...this.#settings, ...settings };
  }

  usage(usage: readonly ProcessUsage[]): void {
    this.#usage = usage;
  }

  note(text: string): void {
    this.#notes.push(text);
  }

  measured(systemName: string): void {
    this.#systemName = systemName;
  }

  report(title: string): BenchReport {
    return {
      bench: this.bench,
      title,
      system: this.#systemName,
      machine: machineName(),
      startedAt: this.#startedAt,
      seconds: this.secondsAt(performance.now()),
      settings: this.#settings,
      phases: this.#phases,
      figures: this.#figures,
      latencies: this.#latencies,
      distributions: this.#distributions,
      series: this.#series,
      usage: this.#usage,
      notes: this.#notes,
    };
  }
}

function machineName(): string {
  const [first] = cpus();
  return `${cpus().length} × ${first?.model.trim() ?? 'CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${release()}, Node ${process.versions.node}`;
}
