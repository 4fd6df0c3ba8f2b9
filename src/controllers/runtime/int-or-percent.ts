/** `3` or `"25%"` of a total. */
export function scaledValue(value: number | string | undefined, total: number, roundUp: boolean): number {
  if (value === undefined) return 0;
  if (typeof value === 'number') return value;
  const exact = (Number.parseFloat(value) * total) / 100;
  return roundUp ? Math.ceil(exact) : Math.floor(exact);
}
