/**
 * The data file. Two tables by revision and no index: a commit appends at the
 * end of two B-trees. Values stand apart from the rest because a start reads the
 * whole log and no value: 150,000 objects are 15 MB of the one, 500 MB of the other.
 *
 * `created` is 0 for a deletion, which has no value. Superseded rows go by compaction.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DirectoryInUseError } from '../errors.ts';

const schemaVersion = 1;

export function dataFile(directory: string): string {
  return join(directory, 'data.db');
}

/** Private to the user: the directory and every file in it (SQLite gives its WAL the mode of the data file). */
export function prepareDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const name of ['data.db', 'lock.db']) closeSync(openSync(join(directory, name), 'a', 0o600));
}

/**
 * The directory is this process's until the returned database is closed, or the
 * process ends in whatever way: the lock is the operating system's on a file of
 * its own, so the data file stays open to several threads.
 */
export function lockDirectory(directory: string): DatabaseSync {
  const lock = new DatabaseSync(join(directory, 'lock.db'), { timeout: 0 });
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    if (error instanceof Error && error.message.includes('locked')) throw new DirectoryInUseError(directory);
    throw error;
  }
}

export function openForWriting(directory: string): DatabaseSync {
  const database = new DatabaseSync(dataFile(directory), { timeout: 5000 });
  // auto_vacuum and page_size take effect on an empty file only. Checkpoints are the reader thread's.
  database.exec(`
    PRAGMA page_size = 8192;
    PRAGMA auto_vacuum = INCREMENTAL;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA journal_size_limit = 16777216;
  `);
  const { user_version: found } = database.prepare('PRAGMA user_version').get() as { user_version: number };
  if (found > schemaVersion)
    throw new Error(`${dataFile(directory)} was written by a later version of Coxswain`);
  if (found === 0) {
    database.exec(`
      BEGIN;
      CREATE TABLE log (revision INTEGER PRIMARY KEY, created INTEGER NOT NULL, key TEXT NOT NULL, lease TEXT);
      CREATE TABLE value (revision INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
      CREATE TABLE lease (id TEXT PRIMARY KEY, ttl_seconds INTEGER NOT NULL) WITHOUT ROWID;
      CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
      INSERT INTO meta VALUES ('compacted', 0);
      PRAGMA user_version = ${schemaVersion};
      COMMIT;
    `);
  }
  return database;
}

export function openForReading(directory: string): DatabaseSync {
  const database = new DatabaseSync(dataFile(directory), { timeout: 5000 });
  database.exec('PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = FULL');
  return database;
}
