/**
 * The bytes of recent versions, bounded. Values are copied together into slabs:
 * a caller's Buffer is often a small piece of a pool whose other pieces are
 * other requests' bytes, and keeping the piece would keep them all.
 *
 * A view that was handed out stays valid for as long as somebody holds it.
 */
import { copyBytes } from '../../base/bytes.ts';
import { Slab } from '../../base/slab.ts';
import type { Revision } from '../contract.ts';
import type { Version } from './key-index.ts';

export class ValueRing {
  readonly #bytesMax: number;
  readonly #slab = new Slab();
  #bytes = 0;
  /** In revision order; the ones before `#head` have left. */
  #held: (Version | undefined)[] = [];
  #head = 0;

  /** With Infinity nothing ever leaves. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  copy(value: Uint8Array): Uint8Array {
    const copy = this.#slab.take(value.byteLength);
    copyBytes(value, copy, 0);
    return copy;
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
