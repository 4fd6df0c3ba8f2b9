/**
 * A container's streams over a WebSocket, as Kubernetes has them: each binary
 * message begins with its channel's number. v5.channel.k8s.io can close a
 * channel (stdin ends); v4 cannot. The outcome comes as a Status on the error
 * channel, then the connection closes.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import type { Status } from '../../../api/types/meta-v1.ts';
import type { ContainerStreams } from '../runtime.ts';

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;
export const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const;
/** Sent by the client and not yet taken by the command: beyond it the connection is not read. */
const unreadBytesMax = 1 << 20;

const handshakes = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: 32 << 20,
  handleProtocols: (offered) => protocols.find((protocol) => offered.has(protocol)) ?? false,
});

/** Which of a command's streams the client wants. */
export interface WantedStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** Whether the request offers a protocol that is known here. */
export function offersChannels({ headers }: IncomingMessage): boolean {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
  return headers.upgrade?.toLowerCase() === 'websocket' && protocols.some((protocol) => offered.includes(protocol));
}

/** Makes the handshake, runs `work` over the streams, and reports its outcome. */
export function serveChannels(request: IncomingMessage, socket: Duplex, head: Buffer, wanted: WantedStreams, work: (streams: ContainerStreams, signal: AbortSignal) => Promise<Status>): void {
  handshakes.handleUpgrade(request, socket, head, (connection) => {
    const channels = new Channels(connection, wanted);
    void work(channels, channels.signal).then((status) => channels.finish(status));
  });
}

class Channels implements ContainerStreams {
  readonly stdin: Feed<Uint8Array> | undefined;
  readonly sizes = new Feed<{ width: number; height: number }>(() => {});
  readonly #connection: WebSocket;
  readonly #wanted: WantedStreams;
  readonly #gone = new AbortController();
  #unread = 0;

  constructor(connection: WebSocket, wanted: WantedStreams) {
    this.#connection = connection;
    this.#wanted = wanted;
    this.stdin = wanted.stdin
      ? new Feed((chunk) => {
          this.#unread -= chunk.length;
          if (this.#unread <= unreadBytesMax) connection.resume();
        })
      : undefined;
    connection.on('message', (data) => this.#receive(data));
    connection.on('error', () => {});
    connection.on('close', () => {
      this.#gone.abort(new Error('the client has gone'));
      this.stdin?.end();
      this.sizes.end();
    });
  }

  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  write(stream: 'stdout' | 'stderr', chunk: Uint8Array): Promise<void> {
    // A terminal has one output.
    const target = this.#wanted.tty ? 'stdout' : stream;
    return this.#wanted[target] ? this.#send(channel[target], chunk) : Promise.resolve();
  }

  async finish(status: Status): Promise<void> {
    await this.#send(channel.error, Buffer.from(JSON.stringify(status)));
    this.#connection.close(1000);
  }

  #send(to: number, chunk: Uint8Array): Promise<void> {
    if (this.#connection.readyState !== this.#connection.OPEN) return Promise.resolve();
    const message = Buffer.allocUnsafe(chunk.length + 1);
    message[0] = to;
    message.set(chunk, 1);
    return new Promise((resolve) => this.#connection.send(message, { binary: true }, () => resolve()));
  }

  #receive(data: RawData): void {
    const bytes = data as Buffer;
    const content = bytes.subarray(1);
    if (bytes[0] === channel.stdin) {
      if (!this.stdin || content.length === 0) return;
      this.#unread += content.length;
      if (this.#unread > unreadBytesMax) this.#connection.pause();
      this.stdin.push(content);
    } else if (bytes[0] === channel.resize) this.#resize(content);
    else if (bytes[0] === channel.close && content[0] === channel.stdin) this.stdin?.end();
  }

  #resize(content: Buffer): void {
    try {
      const { Width, Height } = JSON.parse(content.toString()) as { Width?: number; Height?: number };
      if (Width && Height) this.sizes.push({ width: Width, height: Height });
    } catch {
      // What is no size changes none.
    }
  }
}

/** What was pushed, for one reader, until the end. */
class Feed<V> implements AsyncIterable<V> {
  readonly #onRead: (value: V) => void;
  readonly #values: V[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(onRead: (value: V) => void) {
    this.#onRead = onRead;
  }

  push(value: V): void {
    if (this.#ended) return;
    this.#values.push(value);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<V> {
    for (;;) {
      const value = this.#values.shift();
      if (value !== undefined) {
        this.#onRead(value);
        yield value;
      } else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
