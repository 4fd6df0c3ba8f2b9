/**
 * The other forms of cached objects, kept while there is room: a queue with a
 * second chance for what was asked for again, bounded by bytes.
 */
import type { CacheEntry } from './cache-entry.ts';

export interface DerivedSlot {
  readonly entry: CacheEntry;
  readonly kind: string;
  readonly bytes: Uint8Array;
  /** Asked for again since it was last looked at for eviction. */
  wanted: boolean;
}

export class DerivedEncodings {
  readonly #maxBytes: number;
  readonly #queue = new Set<DerivedSlot>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  of(entry: CacheEntry, kind: string, make: (entry: CacheEntry) => Uint8Array): Uint8Array {
    const known = entry.derivedSlots?.find((slot) => slot.kind === kind);
    if (known) {
      known.wanted = true;
      return known.bytes;
    }
    const bytes = make(entry);
    const slot: DerivedSlot = { entry, kind, bytes, wanted: false };
    (entry.derivedSlots ??= []).push(slot);
    this.#queue.add(slot);
    this.#bytes += bytes.length;
    this.#shrink();
    return bytes;
  }

  /** The version is no longer current: readers of it are few. */
  drop(entry: CacheEntry): void {
    for (const slot of entry.derivedSlots ?? []) this.#forget(slot);
    entry.derivedSlots = undefined;
  }

  #shrink(): void {
    while (this.#bytes > this.#maxBytes) {
      const [slot] = this.#queue;
      if (!slot) return;
      if (slot.wanted) {
        slot.wanted = false;
        this.#queue.delete(slot);
        this.#queue.add(slot);
        continue;
      }
      this.#forget(slot);
      const others = slot.entry.derivedSlots?.filter((other) => other !== slot);
      slot.entry.derivedSlots = others?.length ? others : undefined;
    }
  }

  #forget(slot: DerivedSlot): void {
    if (this.#queue.delete(slot)) this.#bytes -= slot.bytes.length;
  }
}
