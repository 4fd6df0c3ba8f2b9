/** The client half of the transport between threads. The server half is serve-port.ts. */
import type { MessagePort } from 'node:worker_threads';
import type { UserInfo } from '../../base/exchange.ts';
import type { ClientRequest, ClientResponse, ClientStream, Transport } from '../transport.ts';
import { ChunkQueue, readAll } from './chunk-queue.ts';
import type { CallerIdentity } from './exchange.ts';
import { PostBatch, sliceOf, windowBytes } from './port-messages.ts';
import type { ClientMessage, Post, ServerMessage } from './port-messages.ts';

/** Ports in use: transports of several identities may share one, and the last to close closes it. */
const clients = new WeakMap<MessagePort, { readonly client: PortClient; users: number }>();

export function portTransport(port: MessagePort, identity: CallerIdentity): Transport {
  const shared = clients.get(port) ?? { client: new PortClient(port), users: 0 };
  clients.set(port, shared);
  shared.users++;
  let open = true;
  return {
    ...shared.client.as(identity),
    async close() {
      if (open && --shared.users === 0) await shared.client.close();
      open = false;
    },
  };
}

interface Pending {
  readonly queue: ChunkQueue;
  resolve(stream: ClientStream): void;
  reject(error: Error): void;
  /** Bytes read that the server has not been told of. */
  unreported: number;
  forgetSignal(): void;
}

export class PortClient {
  readonly #port: MessagePort;
  readonly #batch: PostBatch<ClientMessage>;
  readonly #pending = new Map<number, Pending>();
  readonly #identities = new Map<UserInfo, number>();
  #nextId = 1;
  #closed = false;

  constructor(port: MessagePort) {
    this.#port = port;
    this.#batch = new PostBatch(port);
    port.on('message', (post: Post<ServerMessage>) => {
      for (const message of post.messages) this.#receive(message, post.bytes);
    });
    port.on('close', () => this.#fail(new Error('the port to the server was closed')));
  }

  /** A transport that speaks for `identity`. Closing it does nothing: the port may serve others. */
  as(identity: CallerIdentity): Transport {
    const stream = (request: ClientRequest) => this.#send(request, identity);
    return {
      stream,
      async request(request): Promise<ClientResponse> {
        const { status, headers, chunks } = await stream(request);
        return { status, headers, body: await readAll(chunks) };
      },
      close: () => Promise.resolve(),
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#fail(new Error('the transport was closed'));
    this.#batch.flush();
    this.#port.close();
  }

  #send(request: ClientRequest, identity: CallerIdentity): Promise<ClientStream> {
    const { signal } = request;
    if (this.#closed) return Promise.reject(new Error('the transport is closed'));
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const id = this.#nextId++;
    const user = typeof identity === 'function' ? identity(request) : identity;
    const head = {
      type: 'request' as const,
      id,
      identity: this.#identityIndex(user),
      method: request.method,
      target: request.target,
      headers: request.headers ?? {},
    };
    this.#batch.add(request.body?.byteLength ? { ...head, body: this.#batch.slice(request.body) } : head);
    return new Promise((resolve, reject) => {
      const onAbort = () => this.#cancel(id, signal?.reason as Error);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#pending.set(id, {
        queue: new ChunkQueue(
          (bytes) => this.#credit(id, bytes),
          () => this.#cancel(id, new Error('cancelled')),
        ),
        resolve,
        reject,
        unreported: 0,
        forgetSignal: () => signal?.removeEventListener('abort', onAbort),
      });
    });
  }

  #identityIndex(user: UserInfo): number {
    let index = this.#identities.get(user);
    if (index === undefined) {
      index = this.#identities.size;
      this.#identities.set(user, index);
      this.#batch.add({ type: 'identity', index, user });
    }
    return index;
  }

  #receive(message: ServerMessage, bytes: ArrayBuffer): void {
    const pending = this.#pending.get(message.id);
    if (!pending) return;
    switch (message.type) {
      case 'head':
        pending.resolve({ status: message.status, headers: message.headers, chunks: pending.queue });
        return;
      case 'data':
        pending.queue.push([sliceOf(bytes, message.body)]);
        return;
      case 'end':
        pending.queue.end();
        this.#forget(message.id);
        return;
      case 'destroy':
        this.#settle(message.id, new Error('the server broke off its answer'));
    }
  }

  #credit(id: number, bytes: number): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    pending.unreported += bytes;
    if (pending.unreported < windowBytes / 4) return;
    this.#batch.add({ type: 'credit', id, bytes: pending.unreported });
    pending.unreported = 0;
  }

  #cancel(id: number, reason: Error): void {
    if (!this.#pending.has(id)) return;
    this.#batch.add({ type: 'cancel', id });
    this.#settle(id, reason);
  }

  #settle(id: number, error: Error): void {
    const pending = this.#pending.get(id);
    this.#forget(id);
    pending?.queue.fail(error);
    pending?.reject(error);
  }

  #forget(id: number): void {
    this.#pending.get(id)?.forgetSignal();
    this.#pending.delete(id);
  }

  #fail(error: Error): void {
    this.#closed = true;
    for (const id of [...this.#pending.keys()]) this.#settle(id, error);
  }
}
