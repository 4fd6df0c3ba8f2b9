/**
 * What travels between threads, and how: the messages of one turn of the loop
 * go as one post, with all their bytes copied into one buffer of their own that
 * is transferred, not cloned. (A Buffer from Node's pool must never be posted:
 * the whole slab would go, with other requests' bytes in it.)
 */
import type { MessagePort } from 'node:worker_threads';
import type { UserInfo } from '../../base/exchange.ts';

/** Bytes of a message: where they lie in the post's buffer. */
export interface Slice {
  readonly offset: number;
  readonly length: number;
}

export type ClientMessage =
  /** Gives an identity its number; requests name it by that. */
  | { readonly type: 'identity'; readonly index: number; readonly user: UserInfo }
  | {
      readonly type: 'request';
      readonly id: number;
      readonly identity: number;
      readonly method: string;
      readonly target: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body?: Slice;
    }
  | { readonly type: 'cancel'; readonly id: number }
  /** The reader took `bytes` more: as many more may be sent. */
  | { readonly type: 'credit'; readonly id: number; readonly bytes: number };

export type ServerMessage =
  | { readonly type: 'head'; readonly id: number; readonly status: number; readonly headers: Readonly<Record<string, string>> }
  | { readonly type: 'data'; readonly id: number; readonly body: Slice }
  | { readonly type: 'end'; readonly id: number }
  | { readonly type: 'destroy'; readonly id: number };

export interface Post<M> {
  readonly messages: readonly M[];
  readonly bytes: ArrayBuffer;
}

/** Bytes a server may send on one exchange ahead of its reader. */
export const windowBytes = 4 * 1024 * 1024;

/** Gathers the messages of a turn and posts them together. */
export class PostBatch<M> {
  readonly #port: MessagePort;
  #messages: M[] = [];
  #bodies: Uint8Array[] = [];
  #length = 0;
  #scheduled = false;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  add(message: M): void {
    this.#messages.push(message);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.flush());
  }

  /** Reserves room for `body` in the post of this turn. It must not change until then. */
  slice(body: Uint8Array): Slice {
    const offset = this.#length;
    this.#bodies.push(body);
    this.#length += body.byteLength;
    return { offset, length: body.byteLength };
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#messages.length === 0) return;
    const bytes = new ArrayBuffer(this.#length);
    const target = new Uint8Array(bytes);
    let offset = 0;
    for (const body of this.#bodies) {
      target.set(body, offset);
      offset += body.byteLength;
    }
    const post: Post<M> = { messages: this.#messages, bytes };
    this.#messages = [];
    this.#bodies = [];
    this.#length = 0;
    this.#port.postMessage(post, [bytes]);
  }
}

export function sliceOf(bytes: ArrayBuffer, slice: Slice): Uint8Array {
  return new Uint8Array(bytes, slice.offset, slice.length);
}
