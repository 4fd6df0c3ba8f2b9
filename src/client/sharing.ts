/**
 * Most of an object is like another that is here already: the version of it
 * before, or its sibling from the same template. What is equal is taken from
 * there. Then tens of thousands of pods hold what sets them apart, and the rest
 * of what was just parsed dies young, which costs the collector nothing.
 */

/** `next` with all that equals what is in `known` at its place replaced by that; `known` itself where everything does. Changes `next`. */
export function shareEqual<T>(known: T, next: T): T {
  if (known === next) return known;
  if (typeof known !== 'object' || typeof next !== 'object' || known === null || next === null) return next;
  if (Array.isArray(known) || Array.isArray(next)) return Array.isArray(known) && Array.isArray(next) ? (shareItems(known, next) as T) : next;
  const from = known as Record<string, unknown>;
  const to = next as Record<string, unknown>;
  let same = true;
  let fields = 0;
  for (const name in to) {
    fields++;
    const there = from[name];
    const here = to[name];
    const shared = shareEqual(there, here);
    // Strings that are equal are two in memory until one takes the place of the other.
    if (typeof shared === 'object' ? shared !== here : typeof shared === 'string') to[name] = shared;
    if (shared !== there || (shared === undefined && !(name in from))) same = false;
  }
  if (same) for (const _ in from) fields--;
  return same && fields === 0 ? known : next;
}

function shareItems(known: readonly unknown[], next: unknown[]): readonly unknown[] {
  let same = known.length === next.length;
  const length = Math.min(known.length, next.length);
  for (let i = 0; i < length; i++) {
    const shared = shareEqual(known[i], next[i]);
    if (shared !== next[i]) next[i] = shared;
    if (shared !== known[i]) same = false;
  }
  return same ? known : next;
}
