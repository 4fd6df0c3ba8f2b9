/**
 * The thread that writes: one transaction, and so one fsync, for each group of
 * commits it is handed. Everything it does between two groups is a small step.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { DatabaseSync } from 'node:sqlite';
import { assert } from '../../base/assert.ts';
import type { LeaseId, Revision } from '../contract.ts';
import { DirectoryInUseError } from '../errors.ts';
import { lockDirectory, openForWriting, prepareDirectory } from './database.ts';
import {
  packValues,
  unpackValues,
  type Answer,
  type Loaded,
  type PackedValues,
  type Request,
  type WriterJob,
} from './protocol.ts';

const rowsPerMessage = 4096;
/** Free pages are kept for the next commits, up to this part of the file. */
const freePartMax = 0.25;
const freePagesMin = 256;
const shrinkStepPages = 128;

assert(parentPort !== null, 'runs as a worker');
const port = parentPort;

function tell(message: Loaded): void {
  port.postMessage(message);
}

function run(directory: string): void {
  prepareDirectory(directory);
  const lock = lockDirectory(directory);
  const database = openForWriting(directory);
  load(database);
  const perform = createPerformer(database, lock);
  port.on('message', ({ id, job }: Request<WriterJob>) => {
    let answer: Answer;
    try {
      answer = { id, result: perform(job) };
    } catch (error) {
      answer = { id, error: error instanceof Error ? error.message : String(error) };
    }
    port.postMessage(answer, transferred(answer));
    if (job.kind === 'close') port.close();
  });
  tell({ kind: 'ready' });
}

function load(database: DatabaseSync): void {
  const { value: compacted } = database.prepare("SELECT value FROM meta WHERE name = 'compacted'").get() as {
    value: number;
  };
  const leases = database.prepare('SELECT id, ttl_seconds FROM lease').all() as {
    id: LeaseId;
    ttl_seconds: number;
  }[];
  tell({ kind: 'state', compacted, leases: new Map(leases.map((lease) => [lease.id, lease.ttl_seconds])) });
  const select = database.prepare(
    `SELECT revision, created, key, lease FROM log WHERE revision > ? ORDER BY revision LIMIT ${rowsPerMessage}`,
  );
  select.setReturnArrays(true);
  for (let after = 0, more = true; more;) {
    const rows = select.all(after) as unknown as [Revision, Revision, string, LeaseId | null][];
    tell({
      kind: 'rows',
      revisions: Float64Array.from(rows, (row) => row[0]),
      created: Float64Array.from(rows, (row) => row[1]),
      keys: rows.map((row) => row[2]),
      leases: rows.some((row) => row[3] !== null) ? rows.map((row) => row[3] ?? undefined) : undefined,
    });
    after = rows.at(-1)?.[0] ?? after;
    more = rows.length === rowsPerMessage;
  }
}

/** A buffer that only the answer holds goes over without a copy. */
function transferred(answer: Answer): ArrayBuffer[] {
  const packed = 'result' in answer ? (answer.result as PackedValues | undefined)?.bytes : undefined;
  return packed === undefined ? [] : [packed];
}

function createPerformer(database: DatabaseSync, lock: DatabaseSync): (job: WriterJob) => unknown {
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  const insert = database.prepare('INSERT INTO log (revision, created, key, lease) VALUES (?, ?, ?, ?)');
  const insertValue = database.prepare('INSERT INTO value (revision, bytes) VALUES (?, ?)');
  const read = database.prepare('SELECT bytes FROM value WHERE revision = ?');
  const remove = database.prepare('DELETE FROM log WHERE revision = ?');
  const removeValue = database.prepare('DELETE FROM value WHERE revision = ?');
  const setCompacted = database.prepare("UPDATE meta SET value = ? WHERE name = 'compacted'");
  const saveLease = database.prepare('INSERT OR REPLACE INTO lease (id, ttl_seconds) VALUES (?, ?)');
  const dropLease = database.prepare('DELETE FROM lease WHERE id = ?');

  const transaction = (work: () => void): void => {
    begin.run();
    try {
      work();
      commit.run();
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  };
  const append = (job: WriterJob & { kind: 'append' }): PackedValues | undefined => {
    const { firstRevision, created, keys, leases, wanted } = job;
    const found: (Uint8Array | undefined)[] = [];
    for (const revision of wanted ?? []) {
      found.push(
        revision === 0 ? undefined : (read.get(revision) as { bytes: Uint8Array } | undefined)?.bytes,
      );
    }
    const values = unpackValues(job.values);
    transaction(() => {
      for (const [place, key] of keys.entries()) {
        insert.run(firstRevision + place, created[place] as number, key, leases?.[place] ?? null);
        const value = values[place];
        if (value !== undefined) insertValue.run(firstRevision + place, value);
      }
    });
    return wanted === undefined ? undefined : packValues(found);
  };
  const forget = ({ compacted, revisions }: WriterJob & { kind: 'forget' }): void => {
    transaction(() => {
      setCompacted.run(compacted);
      for (const revision of revisions) {
        remove.run(revision);
        removeValue.run(revision);
      }
    });
  };
  /** One step; true while there is more to give back. */
  const shrink = (): boolean => {
    const free = pragma(database, 'freelist_count');
    if (free < Math.max(freePagesMin, freePartMax * pragma(database, 'page_count'))) return false;
    database.exec(`PRAGMA incremental_vacuum(${shrinkStepPages})`);
    return true;
  };
  return (job) => {
    switch (job.kind) {
      case 'append':
        return append(job);
      case 'forget':
        return forget(job);
      case 'saveLease':
        return void saveLease.run(job.lease, job.ttlSeconds);
      case 'dropLease':
        return void dropLease.run(job.lease);
      case 'checkpoint':
        return void database.exec('PRAGMA wal_checkpoint(PASSIVE)');
      case 'shrink':
        return shrink();
      case 'close':
        database.close();
        return lock.close();
    }
  };
}

function pragma(database: DatabaseSync, name: string): number {
  return Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0] as number;
}

try {
  run((workerData as { directory: string }).directory);
} catch (error) {
  tell({
    kind: 'failed',
    message: error instanceof Error ? error.message : String(error),
    inUse: error instanceof DirectoryInUseError,
  });
}
