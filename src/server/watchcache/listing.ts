/**
 * One page of a list, out of a state held in memory or out of the store's past.
 * Both answer alike: entries in key order, where to go on, how many remain.
 */
import type { Clock } from '../../base/clock.ts';
import { prefixEnd, type Revision, type Store } from '../../storage/contract.ts';
import type { CacheEntry } from './cache-entry.ts';
import type { CachedResource } from './cached-resource.ts';
import { nextTurn, type Turns } from './contract.ts';
import { encodeContinue } from './continue-token.ts';
import type { EntryFactory } from './entry-factory.ts';
import type { IndexSnapshot } from './ordered-index.ts';
import type { Selection } from './selection.ts';

export interface ListResult {
  readonly revision: Revision;
  /** In key order. Entries are immutable; each gives its bytes when asked. */
  readonly entries: readonly CacheEntry[];
  /** Undefined on the last page. */
  readonly continueToken: string | undefined;
  /** Only where there is more and no selector, as upstream. */
  readonly remainingItemCount: number | undefined;
}

export interface Page {
  readonly selection: Selection;
  /** The list's scope: `<namespace>/`, or '' for all. Continue tokens are relative to it. */
  readonly scope: string;
  /** Where to begin, relative to the scope. */
  readonly start: string;
  /** 0 for no limit. */
  readonly limit: number;
  readonly revision: Revision;
}

export interface Slicing {
  readonly clock: Clock;
  readonly turns: Turns;
  readonly sliceMs: number;
}

/** The range of keys that a selection can match within a page. */
export function rangeOf({ selection, scope, start }: Page): { from: string; to: string } {
  const narrow = selection.namespace === '' ? scope : `${selection.namespace}/`;
  const begin = scope + start;
  return { from: begin > narrow ? begin : narrow, to: narrow === '' ? '' : prefixEnd(narrow) };
}

/** Reads `page` out of `snapshot`; yields to the loop where there is much to look at. */
export async function pageOfSnapshot(
  snapshot: IndexSnapshot,
  page: Page,
  slicing: Slicing,
): Promise<ListResult> {
  const { selection, limit } = page;
  const { from, to } = rangeOf(page);
  const items: CacheEntry[] = [];
  let more = false;
  let until = slicing.clock.monotonic() + slicing.sliceMs;
  for (const run of snapshot.runs(from, to)) {
    if (limit > 0 && items.length >= limit) {
      more = true;
      break;
    }
    for (let at = 0; at < run.length; at++) {
      if (limit > 0 && items.length >= limit) {
        more = true;
        break;
      }
      const entry = run[at] as CacheEntry;
      if (selection.isWhole || selection.selects(entry)) items.push(entry);
    }
    if (more) break;
    if (slicing.clock.monotonic() > until) {
      await nextTurn(slicing.turns);
      until = slicing.clock.monotonic() + slicing.sliceMs;
    }
  }
  return finished(
    page,
    items,
    more,
    selection.isWhole && more ? snapshot.count(from, to) - items.length : undefined,
  );
}

/** The page out of candidates that an index found. */
export function pageOfCandidates(candidates: readonly CacheEntry[], page: Page): ListResult {
  const { selection, limit } = page;
  const items: CacheEntry[] = [];
  for (let at = 0; at < candidates.length; at++) {
    const entry = candidates[at] as CacheEntry;
    if (limit > 0 && items.length >= limit) return finished(page, items, true, undefined);
    if (selection.matches(entry)) items.push(entry);
  }
  return finished(page, items, false, undefined);
}

/** Items the store is asked for at once. */
const storePageMax = 500;

/** Reads `page` out of the store as it was at its revision. Throws the store's CompactedError. */
export async function pageOfStore(
  store: Store,
  resource: CachedResource,
  factory: EntryFactory,
  page: Page,
): Promise<ListResult> {
  const { selection, limit } = page;
  const prefix = resource.storagePrefix;
  const { from, to } = rangeOf(page);
  const end = to === '' ? prefixEnd(prefix) : prefix + to;
  const items: CacheEntry[] = [];
  let next = prefix + from;
  for (;;) {
    const wanted =
      selection.isWhole && limit > 0 ? Math.min(limit - items.length, storePageMax) : storePageMax;
    const range = await store.range({ from: next, to: end, revision: page.revision, limit: wanted });
    for (let at = 0; at < range.items.length; at++) {
      const item = range.items[at] as (typeof range.items)[number];
      next = `${item.key}\0`;
      const entry = factory.makeTransient(item);
      if (!selection.matches(entry)) continue;
      items.push(entry);
      if (limit > 0 && items.length === limit) {
        const rest = range.count - at - 1;
        return finished(
          page,
          items,
          range.more || at < range.items.length - 1,
          selection.isWhole ? rest : undefined,
        );
      }
    }
    if (!range.more || range.items.length === 0) return finished(page, items, false, undefined);
  }
}

function finished(
  page: Page,
  entries: readonly CacheEntry[],
  more: boolean,
  remaining: number | undefined,
): ListResult {
  const last = entries.at(-1);
  return {
    revision: page.revision,
    entries,
    continueToken:
      more && last ? encodeContinue(last.key.slice(page.scope.length), page.revision) : undefined,
    remainingItemCount: more && remaining !== undefined && remaining > 0 ? remaining : undefined,
  };
}
