/**
 * The journal over the two threads, and the upkeep that they need: checkpoints
 * by bytes written, and giving free pages back to the file system when nothing
 * waits to be written.
 */
import type { Worker } from 'node:worker_threads';
import type { Logger } from '../../base/logger.ts';
import type { LeaseId, Revision } from '../contract.ts';
import type { Bytes, Journal, JournalRecord } from '../mvcc/journal.ts';
import type { Version } from '../mvcc/key-index.ts';
import { packValues, unpackValues, type PackedValues, type ReaderJob, type WriterJob } from './protocol.ts';
import { WorkerCalls } from './worker-calls.ts';

const checkpointBytes = 4 * 1024 * 1024;
/** Under a steady stream of commits the reader thread never quite catches up; past this the writer takes the last step. */
const walPagesMax = 2048;

export class SqliteJournal implements Journal {
  readonly #writer: WorkerCalls<WriterJob>;
  readonly #reader: WorkerCalls<ReaderJob>;
  readonly #logger: Logger;
  #bytesSinceCheckpoint = 0;
  #checkpointing: Promise<void> | undefined;
  #shrinkable = false;
  #closing = false;

  constructor(writer: Worker, reader: Worker, logger: Logger) {
    this.#writer = new WorkerCalls(writer);
    this.#reader = new WorkerCalls(reader);
    this.#logger = logger;
  }

  async append(records: readonly JournalRecord[]): Promise<readonly Bytes[]> {
    const values = packValues(records.map(({ version }) => version.value));
    const job: WriterJob = {
      kind: 'append',
      firstRevision: records[0]?.version.revision ?? 0,
      created: Float64Array.from(records, ({ version }) => version.createRevision),
      keys: records.map(({ version }) => version.history.key),
      leases: records.some(({ version }) => version.lease !== undefined)
        ? records.map(({ version }) => version.lease)
        : undefined,
      values,
      wanted: records.some(({ wanted }) => wanted !== undefined)
        ? Float64Array.from(records, ({ wanted }) => wanted ?? 0)
        : undefined,
    };
    this.#bytesSinceCheckpoint += values.bytes.byteLength;
    const found = await this.#writer.call<PackedValues | undefined>(job, [values.bytes]);
    this.#upkeep();
    return found === undefined ? [] : unpackValues(found);
  }

  async read(revisions: readonly Revision[]): Promise<readonly Bytes[]> {
    const packed = await this.#reader.call<PackedValues>({
      kind: 'read',
      revisions: Float64Array.from(revisions),
    });
    return unpackValues(packed);
  }

  async forget(compacted: Revision, versions: readonly Version[]): Promise<void> {
    const revisions = Float64Array.from(versions, (version) => version.revision);
    await this.#writer.call({ kind: 'forget', compacted, revisions });
    this.#shrinkable = true;
    this.#upkeep();
  }

  saveLease(lease: LeaseId, ttlSeconds: number): Promise<void> {
    return this.#writer.call({ kind: 'saveLease', lease, ttlSeconds });
  }

  dropLease(lease: LeaseId): Promise<void> {
    return this.#writer.call({ kind: 'dropLease', lease });
  }

  sizeBytes(): Promise<number> {
    return this.#reader.call({ kind: 'size' });
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#checkpointing;
    await this.#reader.call({ kind: 'close' }).catch(() => {});
    // Last: it moves what is left of the WAL into the data file and lets the lock go.
    await this.#writer.call({ kind: 'close' }).catch(() => {});
  }

  #upkeep(): void {
    if (this.#closing) return;
    if (this.#bytesSinceCheckpoint >= checkpointBytes && this.#checkpointing === undefined) {
      this.#bytesSinceCheckpoint = 0;
      this.#checkpointing = this.#checkpoint()
        .catch((error: unknown) => this.#logger.warn('checkpoint failed', { error }))
        .finally(() => {
          this.#checkpointing = undefined;
        });
    }
    if (this.#shrinkable && this.#writer.outstanding === 0) void this.#shrink();
  }

  async #checkpoint(): Promise<void> {
    const walPages = await this.#reader.call<number>({ kind: 'checkpoint' });
    if (walPages > walPagesMax) await this.#writer.call({ kind: 'checkpoint' });
  }

  async #shrink(): Promise<void> {
    try {
      this.#shrinkable = false;
      this.#shrinkable = await this.#writer.call<boolean>({ kind: 'shrink' });
      this.#upkeep();
    } catch (error) {
      this.#logger.warn('giving back free pages failed', { error });
    }
  }
}
