/** Connections to ports of pretended containers: each is told what the behaviour says of its port. */
import type { Duplex } from 'node:stream';
import { roomIn } from '../../base/writing.ts';
import type { Behaviour } from './behaviour.ts';

export interface PortScript {
  readonly port: number;
  /** Said once the client has said something; undefined: what it says comes back. */
  readonly reply: string | undefined;
}

/** Resolves when the client has heard it all; rejects where nobody listens. */
export async function answerScripted(behaviours: readonly Behaviour[], port: number, connection: Duplex): Promise<void> {
  const script = behaviours.flatMap(({ ports }) => ports ?? []).find((one) => one.port === port);
  if (!script) throw new Error(`dial tcp4 127.0.0.1:${port}: connect: connection refused`);
  for await (const heard of connection.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    if (script.reply !== undefined) {
      connection.end(script.reply);
      return;
    }
    connection.write(heard);
    await roomIn(connection);
  }
}
