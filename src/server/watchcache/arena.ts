/**
 * Object bytes live in a few large buffers instead of one small buffer each:
 * the collector sees megabyte blocks, not 150,000 external allocations.
 *
 * Invariants: arenas are append-only, so a view handed to a reader stays right
 * for as long as the reader keeps it. The live counts only decide when an arena
 * is worth emptying; what is still referenced is the collector's business, so a
 * wrong count can cost memory but never correctness.
 */
import { copyBytes } from '../../base/bytes.ts';

export class Arena {
  readonly buffer: Uint8Array;
  used = 0;
  liveBytes = 0;
  /** What lives here; each item knows its slot. */
  readonly items: ArenaItem[] = [];
  queued = false;

  constructor(buffer: Uint8Array) {
    this.buffer = buffer;
  }
}

/** Something whose bytes are in an arena. Only ArenaSpace changes where. */
export class ArenaItem {
  arena: Arena;
  offset: number;
  readonly length: number;
  slot = -1;
  /** How many keepers (the current state, history) want it; at 0 its bytes count as dead. */
  holds = 0;

  constructor(arena: Arena, offset: number, length: number) {
    this.arena = arena;
    this.offset = offset;
    this.length = length;
  }

  /** The object's bytes. Never to be changed; may be kept. */
  get bytes(): Uint8Array {
    return this.arena.buffer.subarray(this.offset, this.offset + this.length);
  }
}

/** Shared memory, though nobody shares it: of other memory V8 keeps an account, and collects the whole heap for each 64 MB that come. */
function memory(bytes: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(bytes));
}

export class ArenaSpace {
  readonly #arenaBytes: number;
  #current: Arena | undefined;
  readonly #arenas = new Set<Arena>();
  /** Sealed arenas less than half alive, waiting to be emptied. */
  readonly #sparse: Arena[] = [];
  /** Told when there is something for `compactStep` to do. */
  onSparse: () => void = () => {};

  constructor(arenaBytes: number) {
    this.#arenaBytes = arenaBytes;
  }

  get capacityBytes(): number {
    let sum = 0;
    for (const arena of this.#arenas) sum += arena.buffer.length;
    return sum;
  }

  get liveBytes(): number {
    let sum = 0;
    for (const arena of this.#arenas) sum += arena.liveBytes;
    return sum;
  }

  /** An arena with `length` bytes free at its `used`. The caller writes them and makes the item at once. */
  reserve(length: number): Arena {
    if (length > this.#arenaBytes / 4) {
      const own = new Arena(memory(length));
      this.#arenas.add(own);
      return own;
    }
    const current = this.#current;
    if (current && current.used + length <= current.buffer.length) return current;
    this.#current = new Arena(memory(this.#arenaBytes));
    this.#arenas.add(this.#current);
    if (current) this.#review(current);
    return this.#current;
  }

  /** Takes the item's bytes, just written at `arena.used`, into account. */
  adopt(item: ArenaItem): void {
    const arena = item.arena;
    arena.used = item.offset + item.length;
    this.#settle(item);
  }

  hold(item: ArenaItem): void {
    item.holds++;
  }

  release(item: ArenaItem): void {
    if (--item.holds > 0 || item.slot < 0) return;
    const arena = item.arena;
    const last = arena.items.pop() as ArenaItem;
    if (last !== item) {
      arena.items[item.slot] = last;
      last.slot = item.slot;
    }
    item.slot = -1;
    arena.liveBytes -= item.length;
    this.#review(arena);
  }

  /** Moves up to `maxBytes` out of sparse arenas; true while more is to do. */
  compactStep(maxBytes: number): boolean {
    let moved = 0;
    for (;;) {
      const arena = this.#sparse[0];
      if (!arena) return false;
      let item: ArenaItem | undefined;
      while ((item = arena.items.at(-1)) !== undefined) {
        if (moved >= maxBytes) return true;
        this.#move(item);
        moved += item.length;
      }
      this.#sparse.shift();
      this.#arenas.delete(arena);
    }
  }

  #move(item: ArenaItem): void {
    const from = item.arena;
    from.items.pop();
    from.liveBytes -= item.length;
    const to = this.reserve(item.length);
    copyBytes(from.buffer, to.buffer, to.used, item.offset, item.offset + item.length);
    item.arena = to;
    item.offset = to.used;
    to.used += item.length;
    this.#settle(item);
  }

  #settle(item: ArenaItem): void {
    const arena = item.arena;
    item.slot = arena.items.length;
    arena.items.push(item);
    arena.liveBytes += item.length;
  }

  #review(arena: Arena): void {
    if (arena === this.#current || arena.queued || arena.liveBytes * 2 >= arena.buffer.length) return;
    arena.queued = true;
    if (arena.items.length === 0) {
      this.#arenas.delete(arena);
      return;
    }
    this.#sparse.push(arena);
    this.onSparse();
  }
}
