/** The client half of the transport between threads. The server half is serve-port.ts. */
import type { MessagePort } from 'node:worker_threads';
import type { UserInfo } from '../../base/exchange.ts';
import type { ClientRequest, ClientResponse, ClientStream, Transport } from '../transport.ts';
import { ChunkQueue } from './chunk-queue.ts';
import type { CallerIdentity } from './exchange.ts';
import { kinds, PostBatch, ReceivedPost, windowBytes } from './port-messages.ts';
import { RequestGate } from './request-gate.ts';
import { SignalBook } from './signal-book.ts';

/** Ids travel as 32-bit words. */
const idMax = 0x7fff_ffff;
/** Clients send few different sets of headers, each of them one object (client.ts). */
const headerSetsMax = 1000;
const noHeaders: Headers = {};

type Headers = Readonly<Record<string, string>>;

/** One exchange under way, or waiting to be. */
abstract class Pending {
  readonly id: number;
  readonly request: ClientRequest;
  readonly user: UserInfo;
  readonly isBackground: boolean;
  posted = false;
  /** It has a place in the gate. */
  hasPlace = false;
  settled = false;
  /** Bytes read that the server has not been told of. */
  unreported = 0;

  constructor(id: number, request: ClientRequest, user: UserInfo) {
    this.id = id;
    this.request = request;
    this.user = user;
    this.isBackground = request.background === true;
  }

  abstract head(status: number, headersText: string): void;
  abstract data(bytes: Uint8Array): void;
  abstract end(): void;
  abstract fail(error: Error): void;
}

/** An answer that is wanted whole. */
class PendingWhole extends Pending {
  readonly #resolve: (response: ClientResponse) => void;
  readonly #reject: (error: Error) => void;
  readonly #onRead: (pending: Pending, bytes: number) => void;
  readonly #chunks: Uint8Array[] = [];
  #status = 0;
  #headersText = '';

  constructor(id: number, request: ClientRequest, user: UserInfo, resolve: (response: ClientResponse) => void, reject: (error: Error) => void, onRead: (pending: Pending, bytes: number) => void) {
    super(id, request, user);
    this.#resolve = resolve;
    this.#reject = reject;
    this.#onRead = onRead;
  }

  head(status: number, headersText: string): void {
    this.#status = status;
    this.#headersText = headersText;
  }

  data(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#onRead(this, bytes.byteLength);
  }

  end(): void {
    const [first] = this.#chunks;
    this.#resolve(new PortResponse(this.#status, this.#headersText, first && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks)));
  }

  fail(error: Error): void {
    this.#reject(error);
  }
}

/** An answer that is read as it comes. */
class PendingStream extends Pending {
  readonly #queue: ChunkQueue;
  readonly #resolve: (stream: ClientStream) => void;
  readonly #reject: (error: Error) => void;

  constructor(id: number, request: ClientRequest, user: UserInfo, resolve: (stream: ClientStream) => void, reject: (error: Error) => void, queue: (pending: Pending) => ChunkQueue) {
    super(id, request, user);
    this.#resolve = resolve;
    this.#reject = reject;
    this.#queue = queue(this);
  }

  head(status: number, headersText: string): void {
    this.#resolve({ status, headers: JSON.parse(headersText) as Headers, chunks: this.#queue });
  }

  data(bytes: Uint8Array): void {
    this.#queue.push([bytes]);
  }

  end(): void {
    this.#queue.end();
  }

  fail(error: Error): void {
    this.#queue.fail(error);
    this.#reject(error);
  }
}

class PortResponse implements ClientResponse {
  readonly status: number;
  readonly body: Uint8Array;
  readonly #headersText: string;
  #headers: Headers | undefined;

  constructor(status: number, headersText: string, body: Uint8Array) {
    this.status = status;
    this.#headersText = headersText;
    this.body = body;
  }

  /** Hardly anyone asks. */
  get headers(): Headers {
    return (this.#headers ??= JSON.parse(this.#headersText) as Headers);
  }
}

export class PortClient {
  readonly #port: MessagePort;
  readonly #batch: PostBatch;
  readonly #gate = new RequestGate<Pending>();
  readonly #pending = new Map<number, Pending>();
  readonly #identities = new Map<UserInfo, number>();
  readonly #headerSets = new Map<Headers, number>();
  readonly #signals = new SignalBook<number>((id, reason) => this.#cancel(id, reason));
  #lastId = 0;
  #closed = false;

  constructor(port: MessagePort) {
    this.#port = port;
    this.#batch = new PostBatch(port);
    port.on('message', (bytes: ArrayBuffer) => {
      const post = new ReceivedPost(bytes);
      while (post.next()) this.#receive(post);
    });
    port.on('close', () => this.#fail(new Error('the port to the server was closed')));
  }

  /** A transport that speaks for `identity`. Closing it does nothing: the port may serve others. */
  as(identity: CallerIdentity): Transport {
    const userOf = (request: ClientRequest) => (typeof identity === 'function' ? identity(request) : identity);
    const queueOf = (pending: Pending) =>
      new ChunkQueue(
        (bytes) => this.#read(pending, bytes),
        () => this.#cancel(pending.id, new Error('cancelled')),
      );
    const onRead = (pending: Pending, bytes: number) => this.#read(pending, bytes);
    return {
      request: (request) => new Promise((resolve, reject) => this.#begin(new PendingWhole(this.#newId(), request, userOf(request), resolve, reject, onRead))),
      stream: (request) => new Promise((resolve, reject) => this.#begin(new PendingStream(this.#newId(), request, userOf(request), resolve, reject, queueOf))),
      close: () => Promise.resolve(),
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#fail(new Error('the transport was closed'));
    this.#batch.flush();
    this.#port.close();
  }

  /** Not one that is in use: after some billions they come around, and a watch may be as old. */
  #newId(): number {
    do this.#lastId = (this.#lastId + 1) & idMax;
    while (this.#pending.has(this.#lastId));
    return this.#lastId;
  }

  #begin(pending: Pending): void {
    const { signal } = pending.request;
    if (this.#closed) return pending.fail(new Error('the transport is closed'));
    if (signal?.aborted) return pending.fail(signal.reason as Error);
    if (signal) this.#signals.add(signal, pending.id);
    this.#pending.set(pending.id, pending);
    if (this.#gate.enter(pending, pending.isBackground)) this.#post(pending);
  }

  #post(pending: Pending): void {
    const { request, user, id } = pending;
    pending.posted = true;
    pending.hasPlace = true;
    this.#batch.add(kinds.request, id, this.#identityIndex(user), `${request.method} ${request.target}`, request.body && [request.body], this.#headersIndex(request.headers ?? noHeaders));
  }

  /** Its place in the gate is free: the next that still wants one takes it. */
  #leave(pending: Pending): void {
    if (!pending.hasPlace) return;
    pending.hasPlace = false;
    let next = this.#gate.left(pending.isBackground);
    while (next?.settled) next = this.#gate.left(pending.isBackground);
    if (next) this.#post(next);
  }

  #identityIndex(user: UserInfo): number {
    let index = this.#identities.get(user);
    if (index === undefined) {
      index = this.#identities.size;
      this.#identities.set(user, index);
      this.#batch.add(kinds.identity, index, 0, JSON.stringify(user));
    }
    return index;
  }

  #headersIndex(headers: Headers): number {
    let index = this.#headerSets.get(headers);
    if (index === undefined) {
      // From the first again: messages keep their order, so what was sent under a number was read under it.
      if (this.#headerSets.size >= headerSetsMax) this.#headerSets.clear();
      index = this.#headerSets.size;
      this.#headerSets.set(headers, index);
      this.#batch.add(kinds.headers, index, 0, JSON.stringify(headers));
    }
    return index;
  }

  #receive(post: ReceivedPost): void {
    const pending = this.#pending.get(post.id);
    if (!pending) return;
    switch (post.kind) {
      case kinds.head:
        pending.head(post.number, post.text);
        // Streams may go on for ever; they have a place only until they begin.
        this.#leave(pending);
        return;
      case kinds.data:
        pending.data(post.body);
        return;
      case kinds.end:
        this.#forget(pending);
        pending.end();
        return;
      case kinds.destroy:
        this.#settle(pending, new Error('the server broke off its answer'));
        return;
      default:
        return;
    }
  }

  #read(pending: Pending, bytes: number): void {
    if (pending.settled) return;
    pending.unreported += bytes;
    if (pending.unreported < windowBytes / 4) return;
    this.#batch.add(kinds.credit, pending.id, pending.unreported);
    pending.unreported = 0;
  }

  #cancel(id: number, reason: Error): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    if (pending.posted) this.#batch.add(kinds.cancel, id);
    this.#settle(pending, reason);
  }

  #settle(pending: Pending, error: Error): void {
    this.#forget(pending);
    pending.fail(error);
  }

  #forget(pending: Pending): void {
    pending.settled = true;
    const { signal } = pending.request;
    if (signal) this.#signals.delete(signal, pending.id);
    this.#pending.delete(pending.id);
    this.#leave(pending);
  }

  #fail(error: Error): void {
    this.#closed = true;
    for (const pending of [...this.#pending.values()]) {
      pending.hasPlace = false;
      this.#settle(pending, error);
    }
  }
}
