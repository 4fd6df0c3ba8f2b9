import type { Status } from '../../../api/types/meta-v1.ts';
import type { ChannelSocket } from './channel-socket.ts';
import { sizeOf, statusText, type RemoteCommand, type WantedStreams } from './remote-command.ts';

const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;

/** A command whose client is behind a WebSocket. */
export class ChannelCommand implements RemoteCommand {
  readonly stdin: AsyncIterable<Uint8Array> | undefined;
  readonly sizes: AsyncIterable<{ width: number; height: number }>;
  readonly #socket: ChannelSocket;
  readonly #wanted: WantedStreams;

  constructor(socket: ChannelSocket, wanted: WantedStreams) {
    this.#socket = socket;
    this.#wanted = wanted;
    this.stdin = wanted.stdin ? socket.incoming(channels.stdin) : undefined;
    this.sizes = sizesIn(socket.incoming(channels.resize));
    // Tells clients that cannot see the handshake that they are through.
    socket.send(wanted.stdout ? channels.stdout : wanted.stderr ? channels.stderr : channels.error, new Uint8Array(0));
  }

  get signal(): AbortSignal {
    return this.#socket.signal;
  }

  write(stream: 'stdout' | 'stderr', chunk: Uint8Array): Promise<void> {
    // A terminal has one output.
    const target = this.#wanted.tty ? 'stdout' : stream;
    return this.#wanted[target] ? this.#socket.sent(channels[target], chunk) : Promise.resolve();
  }

  async finish(status: Status): Promise<void> {
    const text = statusText(status, this.#socket.protocol);
    if (text !== undefined) await this.#socket.sent(channels.error, Buffer.from(text));
    this.#socket.close();
  }
}

async function* sizesIn(messages: AsyncIterable<Uint8Array>): AsyncGenerator<{ width: number; height: number }> {
  for await (const message of messages) {
    const size = sizeOf(Buffer.from(message).toString());
    if (size) yield size;
  }
}
