/**
 * /portForward/{namespace}/{pod}: connections of a client to ports inside a pod.
 * Over SPDY (plain, or tunnelled in a WebSocket) each is a pair of streams, found
 * by its request id: one for the data, one for what went wrong. Over a
 * WebSocket's channels there is one connection for each port of the query.
 * Headers, channels and wording are upstream's (cri-streaming/pkg/streaming/portforward).
 */
import { Duplex } from 'node:stream';
import type { Pod } from '../../../api/types/core-v1.ts';
import type { Clock, Timer } from '../../../base/clock.ts';
import { SpdyConnection } from '../../../base/spdy/connection.ts';
import type { SpdyHeaders } from '../../../base/spdy/header-block.ts';
import type { SpdyStream } from '../../../base/spdy/stream.ts';
import { endOfWrites } from '../../../base/writing.ts';
import type { Runtime } from '../runtime.ts';
import { ChannelSocket } from './channel-socket.ts';
import { acceptSpdy, acceptTunnel, acceptWebSocket, asksForTunnel, asksForWebSocket, type UpgradeRequest } from './handshake.ts';
import { NodeError } from './served-node.ts';

const spdyProtocols = ['portforward.k8s.io'];
const channelProtocols = ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io'];
/** For a client to open both streams of a pair. */
const pairWithinMs = 30_000;

export interface ForwardedPod {
  readonly pod: Pod;
  readonly runtime: Runtime;
  readonly clock: Clock;
}

/** Throws NodeError before it has begun to answer. */
export function servePortForward(upgrade: UpgradeRequest, query: URLSearchParams, target: ForwardedPod): void {
  if (asksForTunnel(upgrade)) acceptTunnel(upgrade, spdyProtocols, (transport) => forwardPairs(transport, target));
  else if (asksForWebSocket(upgrade)) {
    const ports = portsOf(query);
    acceptWebSocket(upgrade, channelProtocols, (connection) => void forwardChannels(new ChannelSocket(connection, target.clock), ports, target));
  } else forwardPairs(acceptSpdy(upgrade, spdyProtocols).transport, target);
}

/** Resolves to what went wrong, as clients hear it. */
async function forward({ pod, runtime }: ForwardedPod, port: number, connection: Duplex, signal: AbortSignal): Promise<string | undefined> {
  try {
    if (!runtime.portForward) throw new Error('the runtime of this node forwards no ports');
    await runtime.portForward({ pod, port, connection, signal });
    return undefined;
  } catch (error) {
    return `error forwarding port ${port} to pod ${pod.metadata.name}, uid ${pod.metadata.uid}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

interface Pair {
  data?: SpdyStream;
  error?: SpdyStream;
  readonly late: Timer;
}

function forwardPairs(transport: Duplex, target: ForwardedPod): void {
  const pairs = new Map<string, Pair>();
  const connection = new SpdyConnection(transport, { role: 'server', clock: target.clock, accept: isForwarded, onStream: take });
  connection.signal.addEventListener('abort', () => {
    for (const { late } of pairs.values()) late.cancel();
  });

  function take(stream: SpdyStream): void {
    const id = requestIdOf(stream);
    const kind = stream.headers.get('streamtype') as 'data' | 'error';
    const pair = pairs.get(id) ?? { late: target.clock.after(pairWithinMs, () => give(id, 'timed out waiting for streams')) };
    pairs.set(id, pair);
    if (pair[kind]) return give(id, `error processing stream for request ${id}: ${kind} stream already assigned`);
    pair[kind] = stream;
    const { data, error } = pair;
    if (!data || !error) return;
    pair.late.cancel();
    pairs.delete(id);
    void join(data, error);
  }

  /** Up. */
  function give(id: string, why: string): void {
    const pair = pairs.get(id);
    pair?.late.cancel();
    pairs.delete(id);
    pair?.error?.end(why);
    pair?.data?.destroy();
  }

  async function join(data: SpdyStream, error: SpdyStream): Promise<void> {
    // The client says nothing on it; its end of it is heard all the same.
    error.resume();
    const wrong = await forward(target, Number(data.headers.get('port')), data, connection.signal);
    error.end(wrong);
    if (wrong !== undefined) data.destroy();
    else {
      data.end();
      data.resume();
    }
  }
}

function isForwarded(headers: SpdyHeaders): boolean {
  const type = headers.get('streamtype');
  return portOf(headers.get('port') ?? '') !== undefined && (type === 'data' || type === 'error');
}

/** Clients of old give none: of theirs the error stream comes first, and the data stream next. */
function requestIdOf({ id, headers }: SpdyStream): string {
  return headers.get('requestid') || String(headers.get('streamtype') === 'error' ? id : id - 2);
}

function portOf(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

function portsOf(query: URLSearchParams): number[] {
  const texts = query.getAll('port');
  if (texts.length === 0) throw new NodeError(400, 'query parameter "port" is required');
  return texts.flatMap((text) => {
    if (text === '') throw new NodeError(400, 'query parameter "port" cannot be empty');
    return text.split(',').map((one) => {
      const port = portOf(one);
      if (port === undefined) throw new NodeError(400, /^0+$/.test(one) ? `port ${JSON.stringify(one)} must be > 0` : `unable to parse ${JSON.stringify(text)} as a port: strconv.ParseUint: parsing ${JSON.stringify(one)}: invalid syntax`);
      return port;
    });
  });
}

/** Data on the even channels, errors on the odd ones; each begins with its port, low byte first. */
async function forwardChannels(socket: ChannelSocket, ports: readonly number[], target: ForwardedPod): Promise<void> {
  await Promise.all(
    ports.map(async (port, index) => {
      const [data, error] = [index * 2, index * 2 + 1];
      const connection = channelDuplex(socket, data);
      const head = Buffer.from([port & 0xff, port >> 8]);
      socket.send(data, head);
      socket.send(error, head);
      const wrong = await forward(target, port, connection, socket.signal);
      if (wrong !== undefined) await socket.sent(error, Buffer.from(wrong));
      await endOfWrites(connection);
      connection.destroy();
    }),
  );
  socket.close();
}

function channelDuplex(socket: ChannelSocket, channel: number): Duplex {
  const incoming = socket.incoming(channel)[Symbol.asyncIterator]();
  const duplex = new Duplex({
    read() {
      void incoming.next().then(({ value, done }) => this.push(done ? null : value));
    },
    write(chunk: Buffer, _encoding, callback) {
      socket.send(channel, chunk, callback);
    },
  });
  // How it ended is told on the error channel.
  return duplex.on('error', () => {});
}
