/** A heap of entries that know their place, so that any of them can be removed. */
export interface HeapEntry {
  /** Kept by the heap; -1: in none. */
  heapIndex: number;
}

export class Heap<T extends HeapEntry> {
  readonly #less: (a: T, b: T) => boolean;
  readonly #entries: T[] = [];

  constructor(less: (a: T, b: T) => boolean) {
    this.#less = less;
  }

  get size(): number {
    return this.#entries.length;
  }

  peek(): T | undefined {
    return this.#entries[0];
  }

  push(entry: T): void {
    entry.heapIndex = this.#entries.length;
    this.#entries.push(entry);
    this.#up(entry.heapIndex);
  }

  pop(): T | undefined {
    const [first] = this.#entries;
    if (first) this.remove(first);
    return first;
  }

  has(entry: T): boolean {
    return this.#entries[entry.heapIndex] === entry;
  }

  remove(entry: T): void {
    const at = entry.heapIndex;
    if (this.#entries[at] !== entry) return;
    const last = this.#entries.pop() as T;
    entry.heapIndex = -1;
    if (last === entry) return;
    this.#entries[at] = last;
    last.heapIndex = at;
    this.#up(at);
    this.#down(last.heapIndex);
  }

  values(): readonly T[] {
    return this.#entries;
  }

  #up(start: number): void {
    let at = start;
    const entry = this.#entries[at] as T;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#entries[parent] as T;
      if (!this.#less(entry, above)) break;
      this.#entries[at] = above;
      above.heapIndex = at;
      at = parent;
    }
    this.#entries[at] = entry;
    entry.heapIndex = at;
  }

  #down(start: number): void {
    let at = start;
    const entry = this.#entries[at] as T;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#entries.length) break;
      if (child + 1 < this.#entries.length && this.#less(this.#entries[child + 1] as T, this.#entries[child] as T)) child++;
      const below = this.#entries[child] as T;
      if (!this.#less(below, entry)) break;
      this.#entries[at] = below;
      below.heapIndex = at;
      at = child;
    }
    this.#entries[at] = entry;
    entry.heapIndex = at;
  }
}
