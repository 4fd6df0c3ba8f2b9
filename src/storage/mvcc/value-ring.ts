/**
 * The bytes of recent versions, bounded. Values are copied together into slabs:
 * a caller's Buffer is often a small piece of a pool whose other pieces are
 * other requests' bytes, and keeping the piece would keep them all.
 *
 * A view that was handed out stays valid for as long as somebody holds it.
 */
import { copyBytes } from '../../base/bytes.ts';
import type { Revision } from '../contract.ts';
import type { Version } from './key-index.ts';

const slabBytes = 256 * 1024;
/** Larger values get memory of their own. */
const sharedBytesMax = 32 * 1024;

export class ValueRing {
  readonly #bytesMax: number;
  #slab: Uint8Array = new Uint8Array(0);
  #used = 0;
  #bytes = 0;
  /** In revision order; the ones before `#head` have left. */
  #held: (Version | undefined)[] = [];
  #head = 0;

  /** With Infinity nothing ever leaves. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  copy(value: Uint8Array): Uint8Array {
    const length = value.byteLength;
    if (length > sharedBytesMax) return new Uint8Array(value);
    if (this.#used + length > this.#slab.byteLength) {
      // Shared, though nobody shares it: V8 collects the whole heap for so many megabytes of memory that is not.
      this.#slab = new Uint8Array(new SharedArrayBuffer(slabBytes));
      this.#used = 0;
    }
    const view = this.#slab.subarray(this.#used, this.#used + length);
    copyBytes(value, view, 0);
    this.#used += length;
    return view;
  }

  /** Counts the value of `version` in. */
  hold(version: Version): void {
    if (version.value === undefined || this.#bytesMax === Infinity) return;
    this.#held.push(version);
    this.#bytes += version.value.byteLength;
  }

  /** Lets the oldest values go while there are too many; those after `durable` exist nowhere else and stay. */
  trim(durable: Revision): void {
    while (this.#bytes > this.#bytesMax) {
      const version = this.#held[this.#head];
      if (version === undefined || version.revision > durable) break;
      this.#bytes -= version.value?.byteLength ?? 0;
      version.value = undefined;
      this.#held[this.#head++] = undefined;
    }
    if (this.#head > 1024 && this.#head * 2 > this.#held.length) {
      this.#held = this.#held.slice(this.#head);
      this.#head = 0;
    }
  }
}
