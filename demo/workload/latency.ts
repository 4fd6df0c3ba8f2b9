/**
 * How long requests took, in buckets of a thirty-second of an octave: bots count
 * into them, and the counts of many bots add up to one distribution. A quantile
 * is at most 3 % too high, and never too low.
 */
const perOctave = 32;
/** 1 us to 67 s. */
const octaves = 26;

export type BucketCounts = readonly (readonly [bucket: number, count: number])[];

export class LatencyCounts {
  readonly #counts = new Float64Array(perOctave * octaves);
  count = 0;
  sumMs = 0;

  add(ms: number): void {
    const octave = Math.log2(Math.max(1, ms * 1000));
    this.#counts[Math.min(this.#counts.length - 1, Math.floor(octave * perOctave))]!++;
    this.count++;
    this.sumMs += ms;
  }

  merge(counts: BucketCounts, sumMs: number): void {
    for (const [bucket, count] of counts) {
      if (!(bucket >= 0 && bucket < this.#counts.length)) continue;
      this.#counts[bucket]! += count;
      this.count += count;
    }
    this.sumMs += sumMs;
  }

  /** Only those that counted something. */
  buckets(): BucketCounts {
    const found: (readonly [number, number])[] = [];
    this.#counts.forEach((count, bucket) => void (count > 0 && found.push([bucket, count])));
    return found;
  }

  meanMs(): number {
    return this.count === 0 ? 0 : this.sumMs / this.count;
  }

  quantileMs(fraction: number): number {
    const rank = Math.ceil(fraction * this.count);
    if (rank === 0) return 0;
    let seen = 0;
    const bucket = this.#counts.findIndex((count) => (seen += count) >= rank);
    return 2 ** ((bucket + 1) / perOctave) / 1000;
  }
}
