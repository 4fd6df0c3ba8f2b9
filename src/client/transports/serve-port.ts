/** The server half of the transport between threads: requests from a port become exchanges. */
import type { MessagePort } from 'node:worker_threads';
import { assert } from '../../base/assert.ts';
import type { ExchangeHandler, Responder, UserInfo } from '../../base/exchange.ts';
import { PostBatch, sliceOf, windowBytes } from './port-messages.ts';
import type { ClientMessage, Post, ServerMessage } from './port-messages.ts';

const noBody = new Uint8Array(0);
const sliceMs = 2;
const unansweredMax = 64;

/** Answers what comes through `port` until it closes. Who holds the other end is trusted to say who asks. */
export function servePort(port: MessagePort, handler: ExchangeHandler): { close(): void } {
  const batch = new PostBatch<ServerMessage>(port);
  const identities: UserInfo[] = [];
  const open = new Map<number, PortResponder>();

  const receive = (message: ClientMessage, bytes: ArrayBuffer): void => {
    switch (message.type) {
      case 'identity':
        identities[message.index] = message.user;
        return;
      case 'cancel':
        open.get(message.id)?.close();
        return;
      case 'credit':
        open.get(message.id)?.credit(message.bytes);
        return;
      case 'request': {
        const identity = identities[message.identity];
        assert(identity, 'a request from another thread names an identity it has not sent');
        unanswered++;
        const responder = new PortResponder(batch, message.id, () => {
          unanswered--;
          if (paused) resume();
        });
        open.set(message.id, responder);
        responder.onClose(() => open.delete(message.id));
        const body = message.body ? sliceOf(bytes, message.body) : noBody;
        handler(
          {
            method: message.method,
            target: message.target,
            headers: message.headers,
            body: () => Promise.resolve(body),
            identity,
            remoteAddress: '127.0.0.1',
          },
          responder,
        );
      }
    }
  };

  // A post may hold hundreds of requests: other callers get their turn between them, and no more are under way than
  // the others' latency can bear.
  const posts: Post<ClientMessage>[] = [];
  let next = 0;
  let unanswered = 0;
  let paused = false;
  const resume = (): void => {
    paused = false;
    setImmediate(work);
  };
  const work = (): void => {
    const until = performance.now() + sliceMs;
    for (let post = posts[0]; post; post = posts[0]) {
      while (next < post.messages.length) {
        if (unanswered >= unansweredMax) {
          paused = true;
          return;
        }
        if (performance.now() > until) {
          setImmediate(work);
          return;
        }
        receive(post.messages[next++] as ClientMessage, post.bytes);
      }
      posts.shift();
      next = 0;
    }
  };
  port.on('message', (post: Post<ClientMessage>) => {
    posts.push(post);
    if (posts.length === 1) work();
  });
  port.on('close', () => {
    for (const responder of [...open.values()]) responder.close();
  });
  return { close: () => port.close() };
}

class PortResponder implements Responder {
  readonly #batch: PostBatch<ServerMessage>;
  readonly #id: number;
  readonly #drainCallbacks: (() => void)[] = [];
  readonly #closeCallbacks: (() => void)[] = [];
  #ahead = 0;
  #full = false;
  #closed = false;
  readonly #onAnswer: () => void;
  #answered = false;

  /** `onAnswer` is called once: with the head, or where there will be none. */
  constructor(batch: PostBatch<ServerMessage>, id: number, onAnswer: () => void) {
    this.#batch = batch;
    this.#id = id;
    this.#onAnswer = onAnswer;
  }

  #answer(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#onAnswer();
  }

  get closed(): boolean {
    return this.#closed;
  }

  head(status: number, headers: Readonly<Record<string, string | readonly string[]>>): void {
    if (this.#closed) return;
    this.#answer();
    const plain: Record<string, string> = {};
    for (const [name, value] of Object.entries(headers)) plain[name.toLowerCase()] = typeof value === 'string' ? value : value.join(', ');
    this.#batch.add({ type: 'head', id: this.#id, status, headers: plain });
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#closed) return true;
    for (const chunk of chunks) {
      if (chunk.byteLength === 0) continue;
      this.#batch.add({ type: 'data', id: this.#id, body: this.#batch.slice(chunk) });
      this.#ahead += chunk.byteLength;
    }
    if (this.#ahead > windowBytes) this.#full = true;
    return !this.#full;
  }

  end(chunks: readonly Uint8Array[] = []): void {
    if (this.#closed) return;
    this.write(chunks);
    this.#batch.add({ type: 'end', id: this.#id });
    this.close();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#batch.add({ type: 'destroy', id: this.#id });
    this.close();
  }

  onDrain(callback: () => void): void {
    this.#drainCallbacks.push(callback);
  }

  onClose(callback: () => void): void {
    if (this.#closed) callback();
    else this.#closeCallbacks.push(callback);
  }

  credit(bytes: number): void {
    this.#ahead -= bytes;
    if (!this.#full || this.#ahead > windowBytes / 2) return;
    this.#full = false;
    for (const callback of this.#drainCallbacks) callback();
  }

  close(): void {
    if (this.#closed) return;
    this.#answer();
    this.#closed = true;
    for (const callback of this.#closeCallbacks.splice(0)) callback();
  }
}
