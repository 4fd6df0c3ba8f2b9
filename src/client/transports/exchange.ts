/**
 * The transport within a thread: a request is handed to the server's exchange
 * handler as it is, with the identity of the caller, and passes the same
 * authorization and admission as one that came over a socket.
 */
import type { ExchangeHandler, Responder, UserInfo } from '../../base/exchange.ts';
import type { ClientRequest, ClientResponse, ClientStream, Transport } from '../transport.ts';
import { ChunkQueue, readAll } from './chunk-queue.ts';

/** Who asks: always the same, or chosen for each request. */
export type CallerIdentity = UserInfo | ((request: ClientRequest) => UserInfo);

/** A server that writes faster than the reader reads is told to wait beyond this. */
const highWaterBytes = 1024 * 1024;
const noBody = new Uint8Array(0);

export function exchangeTransport(handler: ExchangeHandler, identity: CallerIdentity): Transport {
  const open = new Set<InProcessResponder>();
  let closed = false;

  const stream = (request: ClientRequest): Promise<ClientStream> => {
    if (closed) return Promise.reject(new Error('the transport is closed'));
    if (request.signal?.aborted) return Promise.reject(request.signal.reason as Error);
    return new Promise((resolve, reject) => {
      const responder = new InProcessResponder(resolve, reject);
      open.add(responder);
      responder.onClose(() => open.delete(responder));
      bindSignal(request.signal, responder);
      handler(
        {
          method: request.method,
          target: request.target,
          headers: request.headers ?? {},
          body: () => Promise.resolve(request.body ?? noBody),
          identity: typeof identity === 'function' ? identity(request) : identity,
          remoteAddress: '127.0.0.1',
        },
        responder,
      );
    });
  };

  return {
    stream,
    async request(request): Promise<ClientResponse> {
      const { status, headers, chunks } = await stream(request);
      return { status, headers, body: await readAll(chunks) };
    },
    async close() {
      closed = true;
      for (const responder of open) responder.cancel(new Error('the transport was closed'));
    },
  };
}

function bindSignal(signal: AbortSignal | undefined, responder: InProcessResponder): void {
  if (!signal) return;
  const onAbort = () => responder.cancel(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  responder.onClose(() => signal.removeEventListener('abort', onAbort));
}

class InProcessResponder implements Responder {
  readonly #resolve: (stream: ClientStream) => void;
  readonly #reject: (error: Error) => void;
  readonly #queue: ChunkQueue;
  readonly #drainCallbacks: (() => void)[] = [];
  readonly #closeCallbacks: (() => void)[] = [];
  #full = false;
  #closed = false;

  constructor(resolve: (stream: ClientStream) => void, reject: (error: Error) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#queue = new ChunkQueue(
      () => this.#drained(),
      () => this.#close(),
    );
  }

  get closed(): boolean {
    return this.#closed;
  }

  head(status: number, headers: Readonly<Record<string, string | readonly string[]>>): void {
    const plain: Record<string, string> = {};
    for (const [name, value] of Object.entries(headers)) plain[name.toLowerCase()] = typeof value === 'string' ? value : value.join(', ');
    this.#resolve({ status, headers: plain, chunks: this.#queue });
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#closed) return true;
    this.#queue.push(chunks);
    if (this.#queue.bytes > highWaterBytes) this.#full = true;
    return !this.#full;
  }

  end(chunks: readonly Uint8Array[] = []): void {
    this.#queue.push(chunks);
    this.#queue.end();
    this.#close();
  }

  destroy(): void {
    this.cancel(new Error('the server broke off its answer'));
  }

  cancel(error: Error): void {
    this.#queue.fail(error);
    this.#reject(error);
    this.#close();
  }

  onDrain(callback: () => void): void {
    this.#drainCallbacks.push(callback);
  }

  onClose(callback: () => void): void {
    if (this.#closed) callback();
    else this.#closeCallbacks.push(callback);
  }

  #drained(): void {
    if (!this.#full) return;
    this.#full = false;
    for (const callback of this.#drainCallbacks) callback();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const callback of this.#closeCallbacks.splice(0)) callback();
  }
}
