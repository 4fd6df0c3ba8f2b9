/**
 * Reads a container's log file: all of it, its last lines, or what comes. Memory
 * is flat whatever the size of the file: the place where the last lines begin is
 * found by reading backwards, and lines go out as they are read.
 *
 * Following goes on when the file is rotated (renamed, with a new one in its
 * place), and ends when the container has ended and nothing is left to read.
 */
import { watch, type FSWatcher } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { LogLine } from '../kubelet/runtime.ts';
import { EntrySplitter, parseEntry } from './log-lines.ts';

export interface LogReading {
  readonly path: string;
  readonly sinceMs: number | undefined;
  readonly tailLines: number | undefined;
  readonly follow: boolean;
  readonly signal: AbortSignal;
  /** Asked when a followed log has nothing more for now. */
  isRunning(): boolean;
}

const chunkBytes = 64 << 10;
const newline = 0x0a;
/** A change that no event told of (a file system without them) is seen after this. */
const lookAgainMs = 1000;

export async function* readLog(reading: LogReading, clock: Clock): AsyncGenerator<LogLine> {
  const { path, sinceMs, tailLines, follow, signal } = reading;
  let file = await open(path, 'r');
  using changes = follow ? new Changes(path) : undefined;
  try {
    const splitter = new EntrySplitter();
    let position = tailLines === undefined ? 0 : await beginOfLast(file, tailLines);
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (;;) {
      // Both are asked before reading: what was written until the end, or until the rotation, is then read for sure.
      const running = follow && reading.isRunning();
      const next = follow ? await rotatedTo(file, path) : undefined;
      const before = position;
      for (;;) {
        if (signal.aborted) return;
        const { bytesRead } = await file.read(buffer, 0, chunkBytes, position);
        if (bytesRead === 0) break;
        position += bytesRead;
        for (const entry of splitter.push(buffer.subarray(0, bytesRead))) {
          const line = parseEntry(entry);
          if (line && !(sinceMs !== undefined && Date.parse(line.time) < sinceMs)) yield line;
        }
      }
      if (!follow) return;
      if (next) {
        await file.close();
        file = next;
        position = 0;
        continue;
      }
      if (!running && position === before) return;
      if (position === before) await changes?.next(clock, signal);
    }
  } finally {
    await file.close();
  }
}

/** The file that has taken the path, once it is another than the one that is read. */
async function rotatedTo(file: FileHandle, path: string): Promise<FileHandle | undefined> {
  const [current, here] = await Promise.all([stat(path).catch(() => undefined), file.stat()]);
  if (!current || current.ino === here.ino) return undefined;
  return open(path, 'r').catch(() => undefined);
}

/** Where the last `lines` entries begin, found backwards. Parts of a line are counted one by one, as upstream does. */
async function beginOfLast(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines === 0) return size;
  const buffer = Buffer.allocUnsafe(chunkBytes);
  let ends = 0;
  for (let end = size; end > 0; end -= chunkBytes) {
    const begin = Math.max(0, end - chunkBytes);
    const { bytesRead } = await file.read(buffer, 0, end - begin, begin);
    const chunk = buffer.subarray(0, bytesRead);
    for (let at = chunk.lastIndexOf(newline); at >= 0; at = at === 0 ? -1 : chunk.lastIndexOf(newline, at - 1)) if (++ends > lines) return begin + at + 1;
  }
  return 0;
}

/** What happens to a file, for one who waits for it; more than one change is told as one. */
class Changes implements Disposable {
  #seen = false;
  #wake: (() => void) | undefined;
  readonly #watcher: FSWatcher | undefined;

  /** The directory is watched, since the file itself is replaced when it is rotated. */
  constructor(path: string) {
    const name = basename(path);
    try {
      this.#watcher = watch(dirname(path), (_, changed) => {
        if (changed !== name && changed !== null) return;
        this.#seen = true;
        this.#wake?.();
      });
      this.#watcher.on('error', () => {});
    } catch {
      // The machine has no more watches to give: looking again has to do.
    }
  }

  /** Resolves at the next change, or the one that was not waited for yet, or after a while. */
  async next(clock: Clock, signal: AbortSignal): Promise<void> {
    if (!this.#seen && !signal.aborted)
      await new Promise<void>((resolve) => {
        const done = () => {
          timer.cancel();
          signal.removeEventListener('abort', done);
          resolve();
        };
        const timer = clock.after(lookAgainMs, done);
        signal.addEventListener('abort', done, { once: true });
        this.#wake = done;
      });
    this.#wake = undefined;
    this.#seen = false;
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
  }
}
