/**
 * What travels between threads, and how: the messages of one turn of the loop
 * go as one buffer, which is transferred and not cloned. Cloning an object for
 * each message would cost more than all else that is done with it. (A Buffer
 * from Node's pool must never be posted: the whole slab would go, with other
 * requests' bytes in it.)
 *
 *   length of the texts, number of words | words | texts (UTF-8) | bytes
 *
 * A message is a fixed number of words: its kind, the exchange it belongs to,
 * two numbers, and for its text and its body where they begin and end.
 */
import type { MessagePort } from 'node:worker_threads';
import { copyBytes } from '../../base/bytes.ts';
import { turns } from '../../base/turns.ts';

export const kinds = {
  // From the client:
  /** Text: a user as JSON. Requests name it by its number, `id`. */
  identity: 0,
  /** Text: a set of headers as JSON. Requests name it by its number, `id`; another may take the number later. */
  headers: 8,
  /** Numbers: of the identity, of the headers. Text: method and target with a space between. Bytes: the body. */
  request: 1,
  /** No more is wanted of the answer. */
  cancel: 2,
  /** Number: the reader took so many bytes more, and as many more may be sent. */
  credit: 3,
  // From the server:
  /** Number: the status. Text: the headers as JSON. */
  head: 4,
  data: 5,
  end: 6,
  /** The answer breaks off. */
  destroy: 7,
} as const;

export type Kind = (typeof kinds)[keyof typeof kinds];

/** Bytes a server may send on one exchange ahead of its reader. */
export const windowBytes = 4 * 1024 * 1024;

const wordsOfMessage = 8;
const headWords = 2;
const noBytes: readonly Uint8Array[] = [];

/** Gathers the messages of a turn and posts them together. */
export class PostBatch {
  readonly #port: MessagePort;
  #words: number[] = [];
  #text = '';
  #bodies: Uint8Array[] = [];
  #bodyBytes = 0;
  #scheduled = false;

  readonly #flushNow = (): void => this.flush();

  constructor(port: MessagePort) {
    this.#port = port;
  }

  /** The parts of a body arrive as one; they must not change until they are posted. */
  add(kind: Kind, id: number, number = 0, text = '', body: readonly Uint8Array[] = noBytes, second = 0): void {
    const textFrom = this.#text.length;
    const bodyFrom = this.#bodyBytes;
    this.#text += text;
    for (const part of body) {
      if (part.byteLength === 0) continue;
      this.#bodies.push(part);
      this.#bodyBytes += part.byteLength;
    }
    this.#words.push(kind, id, number, second, textFrom, textFrom + text.length, bodyFrom, this.#bodyBytes);
    if (this.#scheduled) return;
    this.#scheduled = true;
    turns.whenGathered(this.#flushNow);
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#words.length === 0) return;
    const texts = Buffer.from(this.#text, 'utf8');
    const textAt = (headWords + this.#words.length) * 4;
    const bodyAt = textAt + texts.byteLength;
    const bytes = new ArrayBuffer(bodyAt + this.#bodyBytes);
    const words = new Int32Array(bytes, 0, headWords + this.#words.length);
    words[0] = texts.byteLength;
    words[1] = this.#words.length;
    words.set(this.#words, headWords);
    const target = new Uint8Array(bytes);
    target.set(texts, textAt);
    let offset = bodyAt;
    for (const body of this.#bodies) {
      copyBytes(body, target, offset);
      offset += body.byteLength;
    }
    this.#words = [];
    this.#text = '';
    this.#bodies = [];
    this.#bodyBytes = 0;
    this.#port.postMessage(bytes, [bytes]);
  }
}

/** The messages of one post, read one after another. */
export class ReceivedPost {
  readonly #bytes: ArrayBuffer;
  readonly #words: Int32Array;
  readonly #text: string;
  readonly #bodyAt: number;
  #at: number;

  constructor(bytes: ArrayBuffer) {
    this.#bytes = bytes;
    const [textBytes = 0, wordCount = 0] = new Int32Array(bytes, 0, headWords);
    this.#words = new Int32Array(bytes, 0, headWords + wordCount);
    const textAt = this.#words.byteLength;
    this.#text = Buffer.from(bytes, textAt, textBytes).toString('utf8');
    this.#bodyAt = textAt + textBytes;
    this.#at = headWords - wordsOfMessage;
  }

  /** Goes to the next message; false where there is none. */
  next(): boolean {
    this.#at += wordsOfMessage;
    return this.#at < this.#words.length;
  }

  get kind(): Kind {
    return this.#words[this.#at] as Kind;
  }

  get id(): number {
    return this.#words[this.#at + 1] as number;
  }

  get number(): number {
    return this.#words[this.#at + 2] as number;
  }

  get second(): number {
    return this.#words[this.#at + 3] as number;
  }

  get text(): string {
    return this.#text.slice(this.#words[this.#at + 4], this.#words[this.#at + 5]);
  }

  /** A view: it keeps the whole post in memory. */
  get body(): Uint8Array {
    const from = this.#words[this.#at + 6] as number;
    return new Uint8Array(this.#bytes, this.#bodyAt + from, (this.#words[this.#at + 7] as number) - from);
  }
}
