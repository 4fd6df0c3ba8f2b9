/**
 * The distribution of what was observed in the last minutes, in bounded memory.
 * Time is cut into slots; when one leaves the window its counts are taken off
 * the total. What has seen nothing for a whole window holds nothing.
 *
 * Buckets are eighths of an octave, so a quantile is told at most 12.5 % too
 * high, and never too low: it is the upper end of its bucket. 1, 5 and 30 are
 * ends of buckets, so whether a quantile is below them is exact.
 */

/** The exponents of the lowest and highest octave: 0.12 ms to 1024 s where what is observed are seconds. */
const octaves = { first: -13, end: 10 };
const firstBucket = (1023 + octaves.first) << 3;
/** The last one is for all that is above. */
const bucketCount = ((octaves.end - octaves.first) << 3) + 1;

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);
const high = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0;

/** The exponent and the first three binary digits of a positive number are its bucket. */
function bucketOf(value: number): number {
  double[0] = value;
  const bucket = ((words[high] as number) >>> 17) - firstBucket;
  return bucket < 0 ? 0 : bucket < bucketCount ? bucket : bucketCount - 1;
}

function upperEnd(bucket: number): number {
  if (bucket === bucketCount - 1) return Infinity;
  const next = bucket + 1;
  return 2 ** (octaves.first + (next >>> 3)) * (1 + (next & 7) / 8);
}

export class SlidingHistogram {
  readonly #slotMs: number;
  readonly #slots: (Uint32Array | undefined)[];
  #total: Uint32Array | undefined;
  #count = 0;
  /** The number of the newest slot since the beginning of time. */
  #newest = -Infinity;

  constructor(windowMs: number, slotMs: number) {
    this.#slotMs = slotMs;
    this.#slots = new Array<Uint32Array | undefined>(Math.ceil(windowMs / slotMs)).fill(undefined);
  }

  /** `now` is in milliseconds and never goes back; `value` is not negative. */
  observe(now: number, value: number): void {
    const slot = this.#advance(now) % this.#slots.length;
    const bucket = bucketOf(value);
    const counts = (this.#slots[slot] ??= new Uint32Array(bucketCount));
    this.#total ??= new Uint32Array(bucketCount);
    counts[bucket]!++;
    this.#total[bucket]!++;
    this.#count++;
  }

  /** How many observations the window holds. */
  count(now: number): number {
    this.#advance(now);
    return this.#count;
  }

  /** The smallest value that at least `fraction` of the window's observations are not above; undefined where there are none. */
  quantile(now: number, fraction: number): number | undefined {
    this.#advance(now);
    if (!this.#total) return undefined;
    const rank = Math.ceil(fraction * this.#count);
    let bucket = 0;
    for (let seen = this.#total[0] as number; seen < rank; seen += this.#total[bucket] as number) bucket++;
    return upperEnd(bucket);
  }

  #advance(now: number): number {
    const newest = Math.floor(now / this.#slotMs);
    if (newest <= this.#newest) return newest;
    const { length } = this.#slots;
    const first = Math.max(this.#newest + 1, newest - length + 1);
    for (let slot = first; slot <= newest; slot++) this.#clear(slot % length);
    this.#newest = newest;
    return newest;
  }

  #clear(index: number): void {
    const counts = this.#slots[index];
    const total = this.#total;
    if (!counts || !total) return;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      total[bucket]! -= counts[bucket] as number;
      this.#count -= counts[bucket] as number;
    }
    if (this.#count > 0) {
      counts.fill(0);
      return;
    }
    this.#total = undefined;
    this.#slots.fill(undefined);
  }
}
