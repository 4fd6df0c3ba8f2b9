/**
 * The transport over HTTP/2 and TLS. Requests and endless streams have
 * connections of their own (but where `shared` is asked for), so that a
 * thousand watches never take the place of a write; each connection carries a limited number of streams, and further
 * ones are opened beyond that. A connection that is told to go away takes no
 * new streams, and is closed when its last has ended; one that does not answer
 * a ping is destroyed. A request that the server surely has not seen is sent
 * again, once, on another connection.
 */
import http2 from 'node:http2';
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2';
import type { Clock, Timer } from '../../base/clock.ts';
import { isListed } from '../../base/exchange.ts';
import type { ConnectionConfig } from '../kubeconfig.ts';
import type { ClientRequest, ClientResponse, ClientStream, Transport } from '../transport.ts';

export interface Http2TransportOptions {
  readonly clock: Clock;
  /** Of `request`, from sending to the end of the answer; streams may stay open for ever once they have a head. */
  readonly requestTimeoutMs?: number;
  readonly requestsPerConnection?: number;
  readonly requestConnections?: number;
  readonly streamsPerConnection?: number;
  /** One connection for everything, for a client with a single watch and little to say. */
  readonly shared?: boolean;
  readonly pingPeriodMs?: number;
}

const defaults = {
  requestTimeoutMs: 60_000,
  requestsPerConnection: 100,
  requestConnections: 4,
  streamsPerConnection: 100,
  shared: false,
  pingPeriodMs: 30_000,
};
const windowBytes = 4 * 1024 * 1024;

export function http2Transport(config: ConnectionConfig, options: Http2TransportOptions): Transport {
  return new Http2Transport(config, options);
}

class Http2Transport implements Transport {
  readonly #settings: Http2TransportOptions & typeof defaults;
  readonly #requests: ConnectionPool;
  readonly #streams: ConnectionPool;
  readonly #basePath: string;
  readonly #baseHeaders: Record<string, string>;
  #closed = false;

  constructor(config: ConnectionConfig, options: Http2TransportOptions) {
    this.#settings = { ...defaults, ...options };
    const settings = this.#settings;
    const url = new URL(config.server);
    this.#basePath = url.pathname === '/' ? '' : url.pathname;
    this.#baseHeaders = config.token ? { authorization: `Bearer ${config.token}` } : {};
    const connect = () => new Connection(config, settings.clock, settings.pingPeriodMs);
    this.#requests = new ConnectionPool(connect, settings.requestsPerConnection, settings.shared ? 1 : settings.requestConnections);
    this.#streams = settings.shared ? this.#requests : new ConnectionPool(connect, settings.streamsPerConnection, Infinity);
  }

  async request(request: ClientRequest): Promise<ClientResponse> {
    const timeout = new AbortController();
    const timer = this.#settings.clock.after(this.#settings.requestTimeoutMs, () => timeout.abort(timeoutError(request)));
    const forward = () => timeout.abort(request.signal?.reason);
    request.signal?.addEventListener('abort', forward, { once: true });
    try {
      request.signal?.throwIfAborted();
      const { status, headers, chunks } = await this.#send(this.#requests, request, timeout.signal);
      const body: Uint8Array[] = [];
      for await (const chunk of chunks) body.push(chunk);
      return { status, headers, body: body.length === 1 ? body[0]! : Buffer.concat(body) };
    } catch (error) {
      throw timeout.signal.aborted ? (timeout.signal.reason as Error) : error;
    } finally {
      timer.cancel();
      request.signal?.removeEventListener('abort', forward);
    }
  }

  async stream(request: ClientRequest): Promise<ClientStream> {
    request.signal?.throwIfAborted();
    return this.#send(this.#streams, request, request.signal);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#requests.close();
    this.#streams.close();
  }

  async #send(pool: ConnectionPool, request: ClientRequest, signal: AbortSignal | undefined): Promise<ClientStream> {
    for (let attempt = 0; ; attempt++) {
      if (this.#closed) throw new Error('the transport is closed');
      try {
        return await this.#sendOnce(pool.pick(), request, signal);
      } catch (error) {
        if (attempt > 0 || signal?.aborted || !(error instanceof NotSeenError)) throw error;
      }
    }
  }

  #sendOnce(connection: Connection, request: ClientRequest, signal: AbortSignal | undefined): Promise<ClientStream> {
    const stream = connection.open(
      { ...this.#baseHeaders, ...sentHeaders(request.headers), ':method': request.method, ':path': this.#basePath + request.target },
      request.body === undefined,
    );
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        reject(signal?.reason as Error);
        stream.destroy(signal?.reason as Error);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      let failure: Error | undefined;
      stream.on('error', (error: Error) => {
        failure = error;
        reject(asTransportError(stream, error));
      });
      stream.once('close', () => {
        signal?.removeEventListener('abort', onAbort);
        reject(asTransportError(stream, failure ?? new Error('the connection was closed before an answer came')));
      });
      stream.once('response', (headers) => {
        resolve({ status: headers[':status'] ?? 0, headers: plainHeaders(headers), chunks: chunksOf(stream) });
      });
      if (request.body !== undefined) stream.end(request.body);
    });
  }
}

/** One TLS connection and the count of what is open on it. */
class Connection {
  readonly #session: ClientHttp2Session;
  readonly #pinger: Timer;
  active = 0;
  /** Streams that the server allows at once, as soon as it has said so. */
  limit = Infinity;
  /** No new streams: closing, closed or broken. */
  spent = false;

  constructor(config: ConnectionConfig, clock: Clock, pingPeriodMs: number) {
    const session = http2.connect(new URL(config.server).origin, {
      ...(config.ca ? { ca: config.ca } : {}),
      ...(config.cert ? { cert: config.cert } : {}),
      ...(config.key ? { key: config.key } : {}),
      ...(config.serverName ? { servername: config.serverName } : {}),
      rejectUnauthorized: !config.insecure,
      settings: { enablePush: false, initialWindowSize: windowBytes },
    });
    this.#session = session;
    session.once('connect', () => session.setLocalWindowSize(windowBytes * 4));
    session.on('remoteSettings', ({ maxConcurrentStreams }) => (this.limit = maxConcurrentStreams ?? Infinity));
    session.once('goaway', () => this.retire());
    session.once('close', () => {
      this.spent = true;
      this.#pinger.cancel();
    });
    // The streams hear of it themselves; without a listener it would be thrown.
    session.on('error', () => (this.spent = true));
    this.#pinger = clock.every(pingPeriodMs, () => this.#ping(clock, pingPeriodMs / 2));
  }

  open(headers: http2.OutgoingHttpHeaders, endStream: boolean): ClientHttp2Stream {
    let stream: ClientHttp2Stream;
    try {
      stream = this.#session.request(headers, { endStream });
    } catch (error) {
      this.spent = true;
      throw new NotSeenError('the connection takes no more requests', { cause: error });
    }
    this.active++;
    stream.once('close', () => {
      this.active--;
      if (this.spent && this.active === 0) this.#session.close();
    });
    return stream;
  }

  retire(): void {
    this.spent = true;
    if (this.active === 0) this.#session.close();
  }

  destroy(): void {
    this.spent = true;
    this.#pinger.cancel();
    this.#session.destroy();
  }

  #ping(clock: Clock, timeoutMs: number): void {
    if (this.#session.destroyed || this.#session.connecting) return;
    const timer = clock.after(timeoutMs, () => this.#session.destroy(new Error('the server does not answer pings')));
    this.#session.ping(() => timer.cancel());
  }
}

class ConnectionPool {
  readonly #connect: () => Connection;
  readonly #perConnection: number;
  readonly #connectionsMax: number;
  #connections: Connection[] = [];

  constructor(connect: () => Connection, perConnection: number, connectionsMax: number) {
    this.#connect = connect;
    this.#perConnection = perConnection;
    this.#connectionsMax = connectionsMax;
  }

  /** A connection with room; a new one if none has and there may be more; else the least busy. */
  pick(): Connection {
    let least: Connection | undefined;
    let anySpent = false;
    for (const connection of this.#connections) {
      if (connection.spent) {
        anySpent = true;
        continue;
      }
      if (connection.active < Math.min(this.#perConnection, connection.limit)) return connection;
      if (!least || connection.active < least.active) least = connection;
    }
    if (anySpent) this.#connections = this.#connections.filter(({ spent, active }) => !spent || active > 0);
    if (least && this.#connections.length >= this.#connectionsMax) return least;
    const connection = this.#connect();
    this.#connections.push(connection);
    return connection;
  }

  close(): void {
    for (const connection of this.#connections.splice(0)) connection.destroy();
  }
}

/** The server has certainly not begun with the request. */
class NotSeenError extends Error {
  override readonly name = 'NotSeenError';
}

function asTransportError(stream: ClientHttp2Stream, error: Error): Error {
  const code = (error as NodeJS.ErrnoException).code;
  const unsent = code === 'ERR_HTTP2_GOAWAY_SESSION' || code === 'ERR_HTTP2_INVALID_SESSION' || stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM;
  return unsent ? new NotSeenError(error.message, { cause: error }) : error;
}

/** A list goes out as one header for each value. */
function sentHeaders(headers: ClientRequest['headers']): http2.OutgoingHttpHeaders | undefined {
  if (headers?.['impersonate-user'] === undefined) return headers;
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, isListed(name) ? value.split('\n') : value]));
}

function timeoutError(request: ClientRequest): Error {
  return new Error(`${request.method} ${request.target}: no answer in time`);
}

function plainHeaders(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !name.startsWith(':')) plain[name] = Array.isArray(value) ? value.join(', ') : String(value);
  }
  return plain;
}

async function* chunksOf(stream: ClientHttp2Stream): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) yield chunk as Uint8Array;
  // Iteration ends as if all were well when the connection goes; only `end` says that the answer is whole.
  if (!stream.readableEnded || stream.aborted) throw new Error('the server broke off its answer');
}
