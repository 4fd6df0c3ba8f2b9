/**
 * A map that forgets what was not used for long, in two generations: what is
 * used moves into the young one, and when that is full the old one goes. So a
 * use costs a look-up, not the delete and insert of an exact order. It remembers
 * the `max` last used, and up to as many more.
 */
export class RecentlyUsed<V> {
  readonly #max: number;
  #young = new Map<string, V>();
  #old = new Map<string, V>();

  constructor(max: number) {
    this.#max = max;
  }

  get(key: string): V | undefined {
    const value = this.#young.get(key);
    if (value !== undefined) return value;
    const older = this.#old.get(key);
    if (older !== undefined) this.set(key, older);
    return older;
  }

  set(key: string, value: V): void {
    if (this.#young.size >= this.#max && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }
}
