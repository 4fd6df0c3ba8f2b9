/**
 * Most of an object is like another that is here already: the version of it
 * before, or its sibling from the same template. What is equal is taken from
 * there. Then tens of thousands of pods hold what sets them apart, and the rest
 * of what was just parsed dies young, which costs the collector nothing.
 */

/** The parser itself makes equal strings up to this length one. */
const shortMax = 10;

/** `next` with all that equals what is in `known` at its place replaced by that; `known` itself where everything does. Changes `next`. */
export function shareEqual<T>(known: T, next: T): T {
  if (typeof known !== 'object' || typeof next !== 'object' || known === null || next === null) return known === next ? known : next;
  if (Array.isArray(next)) return Array.isArray(known) ? (shareItems(known, next) as T) : next;
  return Array.isArray(known) ? next : (shareFields(known as Fields, next as Fields) as T);
}

type Fields = Record<string, unknown>;

function shareFields(known: Fields, next: Fields): Fields {
  let same = true;
  let fields = 0;
  for (const name in next) {
    fields++;
    const there = known[name];
    const here = next[name];
    if (there === here) {
      // Strings that are equal are two in memory until one takes the place of the other.
      if (typeof here === 'string' && here.length > shortMax) next[name] = there;
      else if (here === undefined && !(name in known)) same = false;
    } else if (typeof here !== 'object') same = false;
    else {
      const shared = shareEqual(there, here);
      if (shared === there) next[name] = there;
      else same = false;
    }
  }
  if (same) for (const _ in known) fields--;
  return same && fields === 0 ? known : next;
}

function shareItems(known: readonly unknown[], next: unknown[]): readonly unknown[] {
  let same = known.length === next.length;
  const length = Math.min(known.length, next.length);
  for (let i = 0; i < length; i++) {
    const shared = shareEqual(known[i], next[i]);
    if (shared === known[i]) next[i] = shared;
    else same = false;
  }
  return same ? known : next;
}
