/**
 * The order of a list that was merged: what the patch names stands in the
 * patch's order, the rest in the order it had, and of the rest an element comes
 * before a named one only where it already stood before it.
 */
import { isExactInteger } from '../../../codec/json.ts';
import { field, isFields } from './json-values.ts';

/** What tells elements apart: the merge key's value, or the element itself in a list of scalars. */
export function identity(element: unknown, mergeKey: string | undefined): unknown {
  const value = mergeKey !== undefined && isFields(element) ? field(element, mergeKey) : element;
  return isExactInteger(value) ? `integer ${value.rawJSON}` : value;
}

/** `merged` in order: `named` is the patch's order, `standing` the one that the document had. */
export function arranged(
  merged: readonly unknown[],
  named: readonly unknown[],
  standing: readonly unknown[],
  mergeKey: string | undefined,
): unknown[] {
  const rank = places(named, mergeKey);
  const place = places(standing, mergeKey);
  const by = (order: ReadonlyMap<unknown, number>, element: unknown) =>
    order.get(identity(element, mergeKey)) ?? Infinity;
  const isNamed = (element: unknown) => rank.has(identity(element, mergeKey));
  const first = merged.filter(isNamed).sort((a, b) => by(rank, a) - by(rank, b));
  const rest = merged.filter((element) => !isNamed(element)).sort((a, b) => by(place, a) - by(place, b));
  const result: unknown[] = [];
  let r = 0;
  for (const element of first) {
    const at = by(place, element);
    while (r < rest.length && at !== Infinity && by(place, rest[r]) < at) result.push(rest[r++]);
    result.push(element);
  }
  return [...result, ...rest.slice(r)];
}

/** Where each element stands first. */
function places(order: readonly unknown[], mergeKey: string | undefined): ReadonlyMap<unknown, number> {
  const found = new Map<unknown, number>();
  for (const [at, element] of order.entries()) {
    const name = identity(element, mergeKey);
    if (!found.has(name)) found.set(name, at);
  }
  return found;
}
