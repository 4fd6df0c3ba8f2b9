import type { Duplex } from 'node:stream';
import type { Status } from '../../../api/types/meta-v1.ts';
import type { Clock } from '../../../base/clock.ts';
import { SpdyConnection } from '../../../base/spdy/connection.ts';
import type { SpdyStream } from '../../../base/spdy/stream.ts';
import { endOfWrites, roomIn } from '../../../base/writing.ts';
import { sizeOf, statusText, type RemoteCommand, type WantedStreams } from './remote-command.ts';

/** For a client to open the streams that it asked for. */
const streamsWithinMs = 30_000;
const types = ['error', 'stdin', 'stdout', 'stderr', 'resize'] as const;
type StreamType = (typeof types)[number];
const sizeBytesMax = 4096;

/** Calls back with the command once its client has opened all streams; one that does not is left. */
export function receiveSpdyCommand({ transport, protocol }: { readonly transport: Duplex; readonly protocol: string }, wanted: WantedStreams, clock: Clock, onCommand: (client: RemoteCommand) => void): void {
  const expected = new Set<StreamType>(['error', ...types.filter((type) => type === 'stdin' || type === 'stdout' || type === 'stderr').filter((type) => wanted[type])]);
  if (wanted.tty && /^v[34]\./.test(protocol)) expected.add('resize');
  const streams = new Map<StreamType, SpdyStream>();
  const connection = new SpdyConnection(transport, {
    role: 'server',
    clock,
    accept: (headers) => types.some((type) => type === headers.get('streamtype') && !streams.has(type)),
    onStream: (stream) => {
      streams.set(stream.headers.get('streamtype') as StreamType, stream);
      expected.delete(stream.headers.get('streamtype') as StreamType);
      if (expected.size > 0) return;
      late.cancel();
      onCommand(new SpdyCommand(connection, streams, wanted, protocol));
    },
  });
  const late = clock.after(streamsWithinMs, () => connection.close());
  connection.signal.addEventListener('abort', () => late.cancel());
}

/** A command whose client is behind a SPDY connection. */
class SpdyCommand implements RemoteCommand {
  readonly stdin: AsyncIterable<Uint8Array> | undefined;
  readonly sizes: AsyncIterable<{ width: number; height: number }>;
  readonly #connection: SpdyConnection;
  readonly #streams: ReadonlyMap<StreamType, SpdyStream>;
  readonly #wanted: WantedStreams;
  readonly #protocol: string;

  constructor(connection: SpdyConnection, streams: ReadonlyMap<StreamType, SpdyStream>, wanted: WantedStreams, protocol: string) {
    this.#connection = connection;
    this.#streams = streams;
    this.#wanted = wanted;
    this.#protocol = protocol;
    const stdin = streams.get('stdin');
    this.stdin = stdin && arrivingOn(stdin);
    this.sizes = sizesIn(streams.get('resize'));
  }

  get signal(): AbortSignal {
    return this.#connection.signal;
  }

  async write(name: 'stdout' | 'stderr', chunk: Uint8Array): Promise<void> {
    // A terminal has one output.
    const stream = this.#streams.get(this.#wanted.tty ? 'stdout' : name);
    if (!stream || stream.destroyed) return;
    stream.write(chunk);
    await roomIn(stream);
  }

  async finish(status: Status): Promise<void> {
    const text = statusText(status, this.#protocol);
    if (text !== undefined) this.#streams.get('error')?.write(text);
    await Promise.all([...this.#streams.values()].map(endOfWrites));
    this.#connection.close();
  }
}

/** Until its end, whether that was said or the client has gone. */
async function* arrivingOn(stream: SpdyStream): AsyncGenerator<Uint8Array> {
  try {
    yield* stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  } catch {
    // Nothing more comes.
  }
}

/** A size is a line of JSON. */
async function* sizesIn(stream: SpdyStream | undefined): AsyncGenerator<{ width: number; height: number }> {
  let rest = '';
  for await (const chunk of stream ? arrivingOn(stream) : []) {
    const lines = `${rest}${Buffer.from(chunk).toString()}`.split('\n');
    rest = (lines.pop() ?? '').slice(0, sizeBytesMax);
    for (const line of lines) {
      const size = sizeOf(line);
      if (size) yield size;
    }
  }
}
