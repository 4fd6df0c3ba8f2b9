/** Watches in thousands: their events are counted, not parsed. */
import type { Api } from './api.ts';
import type { H2Connection } from './h2-connection.ts';

const newline = 0x0a;

/** Events end with a new line, and none is inside. */
export function countEvents(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, at + 1)) count++;
  return count;
}

/** A watch that ends would let the run wait for ever, so it ends the run; unless `onEnd` knows better. */
export function openWatch(connection: H2Connection, head: Buffer, onData: (chunk: Buffer) => void, onEnd?: () => void): void {
  const ended = (what: string) => {
    if (onEnd) onEnd();
    else throw new Error(`a watch has ended: ${what}`);
  };
  connection.send(head, undefined, { onData, onEnd: (status) => ended(`status ${status}`), onError: (error) => ended(error.message) });
}

/** Where a watch of a collection can begin. */
export async function versionOf(api: Api, collection: string): Promise<string> {
  const { metadata } = await api.json<{ metadata: { resourceVersion: string } }>('GET', `${collection}?limit=1`);
  return metadata.resourceVersion;
}
