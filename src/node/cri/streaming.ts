/**
 * The client of a runtime's streaming server: CRI's Exec, Attach and PortForward
 * answer with the URL of one, to be spoken to as a kubelet's clients speak to it.
 * Over SPDY, which can end stdin by itself; the runtimes' WebSockets cannot.
 */
import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../../base/clock.ts';
import { SpdyConnection } from '../../base/spdy/connection.ts';
import type { SpdyStream } from '../../base/spdy/stream.ts';
import type { Status } from '../../api/types/meta-v1.ts';
import type { ContainerStreams } from '../kubelet/runtime.ts';

/** What the runtime's server puts before a reason, and the kubelet's, which is of the same making, does again. */
const alreadySaid = /^(?:Internal error occurred: )?error (?:executing command in container|attaching to container|forwarding port \d+ to pod [^,]*, uid [^:]*): /;

export interface StreamedCommand {
  readonly url: string;
  readonly tty: boolean;
  readonly streams: ContainerStreams;
  readonly signal: AbortSignal;
}

/** Resolves to the exit code once the command has ended and all that it wrote has been handed on; rejects where it could not be run. */
export async function streamCommand({ url, tty, streams, signal }: StreamedCommand, clock: Clock): Promise<number> {
  const connection = await connect(url, 'v4.channel.k8s.io', clock, signal);
  const leave = () => connection.close();
  signal.addEventListener('abort', leave, { once: true });
  try {
    const open = (type: string) => connection.open(new Map([['streamtype', type]]));
    // The server begins once all of them are open.
    const error = await open('error');
    const stdin = streams.stdin ? await open('stdin') : undefined;
    const stdout = await open('stdout');
    const stderr = tty ? undefined : await open('stderr');
    const resize = tty ? await open('resize') : undefined;
    if (stdin && streams.stdin) void feed(stdin, streams.stdin);
    if (resize) void feed(resize, sizeMessages(streams.sizes));
    const outcome = textOf(error);
    await Promise.all([drain(stdout, 'stdout', streams), stderr && drain(stderr, 'stderr', streams)]);
    return exitCodeOf(await outcome);
  } finally {
    signal.removeEventListener('abort', leave);
    connection.close();
  }
}

/** Resolves when either side has ended. */
export async function streamPort(url: string, port: number, local: Duplex, signal: AbortSignal, clock: Clock): Promise<void> {
  const connection = await connect(url, 'portforward.k8s.io', clock, signal);
  const leave = () => connection.close();
  signal.addEventListener('abort', leave, { once: true });
  try {
    const open = (type: string) => connection.open(new Map([['streamtype', type], ['port', String(port)], ['requestid', '0']]));
    const error = await open('error');
    error.end();
    const data = await open('data');
    void pipeline(local, data).catch(() => {});
    const inward = pipeline(data, local).catch(() => {});
    // It ends when the forwarding does.
    const wrong = await textOf(error);
    if (wrong !== '') throw new Error(wrong.replace(alreadySaid, ''));
    await inward;
  } finally {
    signal.removeEventListener('abort', leave);
    connection.close();
  }
}

function connect(url: string, protocol: string, clock: Clock, signal: AbortSignal): Promise<SpdyConnection> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method: 'POST', signal, headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocol } });
    asked.on('upgrade', (_, socket, head) => {
      if (head.length > 0) socket.unshift(head);
      resolve(new SpdyConnection(socket, { role: 'client', clock }));
    });
    asked.on('response', (response) => {
      void textOf(response).then((text) => reject(new Error(`the runtime's streaming server answers ${response.statusCode}: ${text.trim()}`)));
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** What the peer does not take any more is nobody's loss. */
async function feed(stream: SpdyStream, source: AsyncIterable<Uint8Array>): Promise<void> {
  await pipeline(source, stream).catch(() => {});
}

async function* sizeMessages(sizes: ContainerStreams['sizes']): AsyncGenerator<Uint8Array> {
  for await (const { width, height } of sizes) yield Buffer.from(`${JSON.stringify({ Width: width, Height: height })}\n`);
}

async function drain(stream: SpdyStream, name: 'stdout' | 'stderr', streams: ContainerStreams): Promise<void> {
  stream.end();
  for await (const chunk of untilGone(stream)) await streams.write(name, chunk);
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of untilGone(stream)) text += chunk.toString();
  return text;
}

/** A connection that breaks ends its streams; whoever reads them asks the error stream why. */
async function* untilGone(stream: AsyncIterable<unknown>): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

/** The server's last word, a Status. Throws where the command did not run to its end. */
function exitCodeOf(text: string): number {
  if (text === '') throw new Error('the connection to the runtime has broken');
  const status = JSON.parse(text) as Status;
  if (status.status === 'Success') return 0;
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  if (status.reason === 'NonZeroExitCode' && code !== undefined) return Number(code);
  throw new Error(status.message?.replace(alreadySaid, '') ?? text);
}
