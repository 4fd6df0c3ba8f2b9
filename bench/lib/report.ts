/** One figure of a benchmark beside its target. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the value should reach (`min`) or stay under (`max`). */
  readonly min?: number;
  readonly max?: number;
  readonly note?: string;
}

const round = (value: number) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));

export function print(figures: readonly Figure[], json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(figures)}\n`);
    return;
  }
  for (const { name, value, unit, min, max, note } of figures) {
    const target = min !== undefined ? `≥ ${round(min)}` : max !== undefined ? `≤ ${round(max)}` : '';
    const good = (min === undefined || value >= min) && (max === undefined || value <= max);
    const verdict = target === '' ? '' : good ? 'met' : 'missed';
    process.stdout.write(`${name.padEnd(58)} ${`${round(value)} ${unit}`.padStart(16)}  ${target.padStart(10)} ${verdict.padEnd(7)} ${note ?? ''}\n`);
  }
}
