/**
 * What code counts into. An instrument is resolved once, from a family and its
 * label values (`registry.ts`), and kept: counting is then one addition.
 */
export class Counter {
  value = 0;

  add(amount = 1): void {
    this.value += amount;
  }
}

export class Gauge {
  value = 0;

  set(value: number): void {
    this.value = value;
  }

  add(amount: number): void {
    this.value += amount;
  }
}

export class Histogram {
  readonly bounds: readonly number[];
  /** One for each bound and one for what is above all, not cumulative. */
  readonly counts: Float64Array;
  sum = 0;

  /** `bounds` are the inclusive upper ends, ascending. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** From the lowest bound up: durations are mostly short, so the first few comparisons decide. */
  observe(value: number): void {
    const { bounds } = this;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] as number)) at++;
    this.counts[at]!++;
    this.sum += value;
  }
}

/** `count` bounds, each `factor` times the one before: upstream's histograms are mostly of this form. */
export function exponentialBounds(start: number, factor: number, count: number): readonly number[] {
  const bounds: number[] = [];
  for (let bound = start; bounds.length < count; bound *= factor) bounds.push(bound);
  return bounds;
}
