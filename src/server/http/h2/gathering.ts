/**
 * What one connection sends in a turn, gathered for one write. What is small is
 * copied piece by piece into a slab, large bodies are referenced. The slab
 * serves one connection after the other and is never written to twice, since
 * sockets may keep what they were given.
 */
import type { Duplex } from 'node:stream';
import { copyBytes } from '../../../base/bytes.ts';
import { frameHeadBytes } from './frames.ts';

const slabBytes = 64 * 1024;
/** Up to here a copy is cheaper than one more piece in the write, even in a large body. */
const copiedBytesMax = 1024;

export class Gathering {
  #slab = Buffer.allocUnsafeSlow(slabBytes);
  /** Where the piece that is being written begins, and how far it is. */
  #start = 0;
  #at = 0;
  #pieces: Uint8Array[] = [];

  frameHead(length: number, type: number, flags: number, stream: number): void {
    this.#reserve(frameHeadBytes);
    const slab = this.#slab;
    const at = this.#at;
    slab[at] = length >>> 16;
    slab[at + 1] = length >>> 8;
    slab[at + 2] = length;
    slab[at + 3] = type;
    slab[at + 4] = flags;
    slab[at + 5] = stream >>> 24;
    slab[at + 6] = stream >>> 16;
    slab[at + 7] = stream >>> 8;
    slab[at + 8] = stream;
    this.#at = at + frameHeadBytes;
  }

  /** Of bytes that do not change: they need not be copied. */
  add(bytes: Uint8Array): void {
    if (bytes.length <= copiedBytesMax) return this.copy(bytes);
    this.#cut();
    this.#pieces.push(bytes);
  }

  /** No more than a slab. */
  copy(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    copyBytes(bytes, this.#slab, this.#at);
    this.#at += bytes.length;
  }

  /** Writes what was gathered; false if the socket wants no more for now. */
  writeTo(socket: Duplex): boolean {
    this.#cut();
    const pieces = this.#pieces;
    if (pieces.length === 0) return true;
    this.#pieces = [];
    if (pieces.length === 1) return socket.write(pieces[0]);
    socket.cork();
    let free = true;
    for (const piece of pieces) free = socket.write(piece);
    socket.uncork();
    return free;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= slabBytes) return;
    this.#cut();
    this.#slab = Buffer.allocUnsafeSlow(slabBytes);
    this.#start = this.#at = 0;
  }

  #cut(): void {
    if (this.#at > this.#start) this.#pieces.push(this.#slab.subarray(this.#start, this.#at));
    this.#start = this.#at;
  }
}
