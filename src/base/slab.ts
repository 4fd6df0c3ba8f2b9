/**
 * Memory for many small pieces that come and go together: cut out of large
 * slabs, each of which lives as long as one of its pieces is held.
 *
 * It is shared memory, though nobody shares it: of other memory V8 keeps an
 * account, and collects the whole heap for so many megabytes of it.
 */
const slabBytes = 256 * 1024;
/** Larger pieces get memory of their own. */
const pieceBytesMax = 32 * 1024;

export class Slab {
  #slab: Uint8Array = new Uint8Array(0);
  #used = 0;

  /** The caller's own, and not yet written to: it may hold anything. */
  take(bytes: number): Uint8Array {
    if (bytes > pieceBytesMax) return Buffer.allocUnsafeSlow(bytes);
    if (this.#used + bytes > this.#slab.byteLength) {
      this.#slab = new Uint8Array(new SharedArrayBuffer(slabBytes));
      this.#used = 0;
    }
    const piece = this.#slab.subarray(this.#used, this.#used + bytes);
    this.#used += bytes;
    return piece;
  }
}
