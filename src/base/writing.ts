/** What writers of streams wait for. A stream that is destroyed is waited for no longer. */
import type { Writable } from 'node:stream';

/** Resolves when the stream takes more. */
export function roomIn(stream: Writable): Promise<void> {
  if (stream.destroyed || !stream.writableNeedDrain) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    stream.on('drain', done).on('close', done);
  });
}

/** Ends the stream. Resolves when all that was written is on its way. */
export function endOfWrites(stream: Writable): Promise<void> {
  if (stream.destroyed || stream.writableFinished) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once('finish', resolve).once('close', resolve);
    stream.end();
  });
}
