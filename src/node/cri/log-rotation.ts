/**
 * Keeps the logs of running containers from filling the disk. A log that has
 * grown too large gets another name, `<log>.<time>`, and the runtime is told to
 * begin a new one; those rotated before are compressed, and the oldest removed.
 * Names, limits and period are upstream's (pkg/kubelet/logs).
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Clock, Timer } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';

export interface LoggingContainer {
  readonly id: string;
  readonly logPath: string;
}

export interface LogRotationOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default 10 MiB. */
  readonly bytesMax?: number;
  /** With the one that is being written. Default 5, at least 2. */
  readonly filesMax?: number;
  running(): Iterable<LoggingContainer>;
  /** Has the runtime open the log under its name again. */
  reopen(containerId: string): Promise<void>;
}

const periodMs = 10_000;
const partialSuffix = '.tmp';
const compressedSuffix = '.gz';

export class LogRotation {
  readonly #options: LogRotationOptions;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: LogRotationOptions) {
    this.#options = options;
    this.#arm();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  /** Looks at all logs, one after the other; never rejects. */
  async look(): Promise<void> {
    const { running, logger, bytesMax = 10 << 20 } = this.#options;
    for (const container of running()) {
      try {
        const found = container.logPath === '' ? undefined : await stat(container.logPath).catch(() => undefined);
        if (found && found.size > bytesMax) await this.#rotate(container);
      } catch (error) {
        logger.warn('rotating a log failed', { container: container.id, log: container.logPath, error });
      }
    }
  }

  #arm(): void {
    if (this.#closed) return;
    this.#timer = this.#options.clock.after(periodMs, () => void this.look().then(() => this.#arm()));
  }

  async #rotate({ id, logPath }: LoggingContainer): Promise<void> {
    const { clock, reopen, filesMax = 5 } = this.#options;
    const rotated = await tidied(logPath);
    // One is written, and one is about to be rotated.
    const excess = rotated.slice(0, Math.max(0, rotated.length - (filesMax - 2)));
    await Promise.all(excess.map((path) => rm(path, { force: true })));
    for (const path of rotated.slice(excess.length)) if (!path.endsWith(compressedSuffix)) await compress(path);
    const away = `${logPath}.${timestamp(clock.now())}`;
    await rename(logPath, away);
    try {
      await reopen(id);
    } catch (error) {
      await rename(away, logPath);
      throw error;
    }
  }
}

/** The logs rotated before, oldest first, after what an interrupted rotation has left is removed. */
async function tidied(logPath: string): Promise<readonly string[]> {
  const prefix = `${basename(logPath)}.`;
  const names = (await readdir(dirname(logPath))).filter((name) => name.startsWith(prefix)).toSorted();
  const useless = names.filter((name) => name.endsWith(partialSuffix) || names.includes(`${name}${compressedSuffix}`));
  await Promise.all(useless.map((name) => rm(join(dirname(logPath), name), { force: true })));
  return names.filter((name) => !useless.includes(name)).map((name) => join(dirname(logPath), name));
}

async function compress(path: string): Promise<void> {
  const partial = `${path}${compressedSuffix}${partialSuffix}`;
  await pipeline(createReadStream(path), createGzip(), createWriteStream(partial));
  await rename(partial, `${path}${compressedSuffix}`);
  await rm(path);
}

/** `20261125-215406` */
function timestamp(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
}
