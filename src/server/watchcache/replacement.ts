/**
 * What must have happened between a known state and a later one, when the
 * events in between are lost: at least one change per object that differs, in
 * an order and at revisions that a real history could have had.
 */
import type { KeyValue, Revision } from '../../storage/contract.ts';
import type { CacheEntry } from './cache-entry.ts';

export interface Replacement {
  readonly revision: Revision;
  readonly key: string;
  /** The new version; undefined for a deletion. */
  readonly item: KeyValue | undefined;
}

interface KnownObjects {
  readonly size: number;
  get(key: string): CacheEntry | undefined;
  entries(): Iterable<CacheEntry>;
}

/** From `known` to `items` (the whole state at `revision`), by revision. `prefixLength`: how much of the store's keys to leave off. */
export function replacementEvents(
  known: KnownObjects,
  items: readonly KeyValue[],
  prefixLength: number,
  revision: Revision,
): Replacement[] {
  const changes: Replacement[] = [];
  const kept = new Set<string>();
  for (const item of items) {
    const key = item.key.slice(prefixLength);
    kept.add(key);
    const had = known.get(key);
    if (had?.modRevision === item.modRevision) continue;
    // Another object of the same name: the old one went before the new one came.
    if (had && had.createRevision !== item.createRevision)
      changes.push({ revision: item.createRevision - 1, key, item: undefined });
    changes.push({ revision: item.modRevision, key, item });
  }
  for (const { key } of known.entries()) if (!kept.has(key)) changes.push({ revision, key, item: undefined });
  return changes.sort((a, b) => a.revision - b.revision);
}
