/** The server half of the transport between threads: requests from a port become exchanges. */
import type { MessagePort } from 'node:worker_threads';
import { assert } from '../../base/assert.ts';
import type { ExchangeHandler, Responder, UserInfo } from '../../base/exchange.ts';
import { turns } from '../../base/turns.ts';
import { kinds, PostBatch, ReceivedPost, windowBytes } from './port-messages.ts';

/** Fewer make turns shorter, and cost the thread more in all. */
const messagesPerStep = 32;
/** Clients keep well below (request-gate.ts); this is for one that does not. */
const unansweredMax = 256;

/** Answers what comes through `port` until it closes. Who holds the other end is trusted to say who asks. */
export function servePort(port: MessagePort, handler: ExchangeHandler): { close(): void } {
  const batch = new PostBatch(port);
  const identities: UserInfo[] = [];
  const open = new Map<number, PortResponder>();
  const headerSets: Readonly<Record<string, string>>[] = [];

  const receive = (post: ReceivedPost): void => {
    const { id } = post;
    switch (post.kind) {
      case kinds.identity:
        identities[id] = JSON.parse(post.text) as UserInfo;
        return;
      case kinds.headers:
        headerSets[id] = JSON.parse(post.text) as Record<string, string>;
        return;
      case kinds.cancel:
        open.get(id)?.close();
        return;
      case kinds.credit:
        open.get(id)?.credit(post.number);
        return;
      case kinds.request: {
        const identity = identities[post.number];
        const headers = headerSets[post.second];
        assert(identity && headers, 'a request from another thread names an identity or headers that it has not sent');
        unanswered++;
        const responder = new PortResponder(batch, id, () => {
          unanswered--;
          if (paused) resume();
        });
        open.set(id, responder);
        responder.onClose(() => open.delete(id));
        const line = post.text;
        const space = line.indexOf(' ');
        const { body } = post;
        handler(
          {
            method: line.slice(0, space),
            target: line.slice(space + 1),
            headers,
            body: () => Promise.resolve(body),
            identity,
            remoteAddress: '127.0.0.1',
          },
          responder,
        );
        return;
      }
      default:
        return;
    }
  };

  // A post may hold hundreds of requests: some a step, so that other callers get their turn between them, and no more
  // are under way than the others' latency can bear.
  const posts: ReceivedPost[] = [];
  let unanswered = 0;
  let paused = false;
  const resume = (): void => {
    paused = false;
    turns.step(work);
  };
  const work = (): void => {
    for (let count = 0; count < messagesPerStep; count++) {
      if (unanswered >= unansweredMax) {
        paused = true;
        return;
      }
      const [post] = posts;
      if (!post) return;
      if (post.next()) receive(post);
      else posts.shift();
    }
    turns.step(work);
  };
  port.on('message', (bytes: ArrayBuffer) => {
    posts.push(new ReceivedPost(bytes));
    if (posts.length === 1) turns.step(work);
  });
  port.on('close', () => {
    for (const responder of [...open.values()]) responder.close();
  });
  return { close: () => port.close() };
}

class PortResponder implements Responder {
  readonly #batch: PostBatch;
  readonly #id: number;
  readonly #drainCallbacks: (() => void)[] = [];
  readonly #closeCallbacks: (() => void)[] = [];
  #ahead = 0;
  #full = false;
  #closed = false;
  readonly #onAnswer: () => void;
  #answered = false;

  /** `onAnswer` is called once: with the head, or where there will be none. */
  constructor(batch: PostBatch, id: number, onAnswer: () => void) {
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
    this.#batch.add(kinds.head, this.#id, status, JSON.stringify(plain));
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#closed) return true;
    let bytes = 0;
    for (const chunk of chunks) bytes += chunk.byteLength;
    if (bytes > 0) this.#batch.add(kinds.data, this.#id, 0, '', chunks);
    this.#ahead += bytes;
    if (this.#ahead > windowBytes) this.#full = true;
    return !this.#full;
  }

  end(chunks: readonly Uint8Array[] = []): void {
    if (this.#closed) return;
    this.write(chunks);
    this.#batch.add(kinds.end, this.#id);
    this.close();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#batch.add(kinds.destroy, this.#id);
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
