/**
 * What should be in the kernel, as a flat table of parts, each claimed by its
 * owners: a chain, a set, an element of a set. Owners say what they want as a
 * whole; the table works out what that changes against what was applied last.
 *
 * Several owners may claim one part (a chain that many Services share). Where
 * they want it differently, the first keeps it, and the next gets it once the
 * first has given it up.
 */

export interface Part {
  /** Where it lies, in the renderer's words: `ip chain`, `ip element services`. Parts of one place form a group in a transaction. */
  readonly place: string;
  readonly key: string;
  readonly value: string;
}

/** `before` is what the kernel has, `after` what it should have; undefined: nothing. */
export interface Change {
  readonly place: string;
  readonly key: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

interface Entry {
  /** The one whose claim counts; undefined when nobody wants it any more. */
  owner: string | undefined;
  value: string;
  /** Claims behind the first, in their order. Most parts have none. */
  rest: Map<string, string> | undefined;
  applied: string | undefined;
}

export class RuleTable {
  readonly #places = new Map<string, Map<string, Entry>>();
  readonly #partsOf = new Map<string, readonly Part[]>();
  readonly #dirty = new Map<string, Set<string>>();

  /** All that `owner` wants from now on, in place of what it wanted before. */
  claim(owner: string, parts: readonly Part[]): void {
    const before = this.#partsOf.get(owner) ?? [];
    if (parts.length > 0) this.#partsOf.set(owner, parts);
    else this.#partsOf.delete(owner);
    const kept = new Map<string, Set<string>>();
    for (const part of parts) {
      let keys = kept.get(part.place);
      if (!keys) kept.set(part.place, (keys = new Set()));
      keys.add(part.key);
      this.#put(owner, part);
    }
    for (const part of before) if (!kept.get(part.place)?.has(part.key)) this.#remove(owner, part);
  }

  /** Everyone who has claimed something. */
  owners(): IterableIterator<string> {
    return this.#partsOf.keys();
  }

  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  /** What has changed since the last call; from now on it counts as applied. */
  takeChanges(): Change[] {
    const changes: Change[] = [];
    for (const [place, keys] of this.#dirty) {
      const entries = this.#places.get(place) as Map<string, Entry>;
      for (const key of keys) {
        const entry = entries.get(key) as Entry;
        const after = entry.owner === undefined ? undefined : entry.value;
        if (entry.applied !== after) changes.push({ place, key, before: entry.applied, after });
        entry.applied = after;
        if (after === undefined) entries.delete(key);
      }
    }
    this.#dirty.clear();
    return changes;
  }

  /** Nothing counts as applied any more: the next changes are the whole table. */
  forgetApplied(): void {
    for (const [place, entries] of this.#places) {
      for (const [key, entry] of entries) {
        entry.applied = undefined;
        this.#touch(place, key);
      }
    }
  }

  /** The parts that count as applied. */
  *applied(): IterableIterator<Part> {
    for (const [place, entries] of this.#places) for (const [key, { applied }] of entries) if (applied !== undefined) yield { place, key, value: applied };
  }

  #put(owner: string, { place, key, value }: Part): void {
    let entries = this.#places.get(place);
    if (!entries) this.#places.set(place, (entries = new Map()));
    const entry = entries.get(key);
    if (!entry) {
      entries.set(key, { owner, value, rest: undefined, applied: undefined });
      this.#touch(place, key);
    } else if (entry.owner === undefined || entry.owner === owner) {
      if (entry.owner === owner && entry.value === value) return;
      entry.owner = owner;
      entry.value = value;
      this.#touch(place, key);
    } else {
      entry.rest ??= new Map();
      entry.rest.set(owner, value);
    }
  }

  #remove(owner: string, { place, key }: Part): void {
    const entry = this.#places.get(place)?.get(key);
    if (!entry) return;
    if (entry.owner !== owner) {
      entry.rest?.delete(owner);
      return;
    }
    const [next] = entry.rest ?? [];
    entry.owner = next?.[0];
    if (next) {
      entry.rest?.delete(next[0]);
      entry.value = next[1];
    }
    this.#touch(place, key);
  }

  #touch(place: string, key: string): void {
    const keys = this.#dirty.get(place);
    if (keys) keys.add(key);
    else this.#dirty.set(place, new Set([key]));
  }
}
