/** The embedded store: the MVCC store over a log in SQLite. */
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { LeaseId, Revision, Store } from '../contract.ts';
import { DirectoryInUseError } from '../errors.ts';
import { MvccStore } from '../mvcc/mvcc-store.ts';
import type { Loaded, LoadedRows } from './protocol.ts';
import { SqliteJournal } from './sqlite-journal.ts';

const recentBytesMax = 16 * 1024 * 1024;

export interface SqliteStoreOptions {
  /** Made (mode 0700) where it does not exist. One process at a time: DirectoryInUseError otherwise. */
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export async function openSqliteStore({ directory, clock, logger }: SqliteStoreOptions): Promise<Store> {
  const writer = startWorker('thread', 'store writer', directory);
  const found = await loaded(writer, directory);
  const reader = startWorker('reader-thread', 'store reader', directory);
  const store = new MvccStore({
    clock,
    journal: new SqliteJournal(writer, reader, logger),
    recentBytesMax,
    compactedRevision: found.compacted,
    leases: found.leases,
  });
  for (const rows of found.rows) loadRows(store, rows);
  store.start();
  return store;
}

function loadRows(store: MvccStore, { revisions, created, keys, leases }: LoadedRows): void {
  for (const [place, key] of keys.entries()) {
    const lease = leases?.[place];
    store.load({
      key,
      revision: revisions[place] as Revision,
      createRevision: created[place] as Revision,
      lease,
    });
  }
}

/** Workers lie beside this file, in source as in the built package. `name` is what the kernel calls the thread. */
function startWorker(file: string, name: string, directory: string): Worker {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  return new Worker(new URL(`./${file}${extension}`, import.meta.url), { workerData: { directory }, name });
}

interface Found {
  readonly compacted: Revision;
  readonly leases: ReadonlyMap<LeaseId, number>;
  readonly rows: readonly LoadedRows[];
}

function loaded(writer: Worker, directory: string): Promise<Found> {
  return new Promise((resolve, reject) => {
    const rows: LoadedRows[] = [];
    let state: Pick<Found, 'compacted' | 'leases'> = { compacted: 0, leases: new Map() };
    const onMessage = (message: Loaded) => {
      if (message.kind === 'rows') rows.push(message);
      else if (message.kind === 'state') state = message;
      else {
        writer.off('message', onMessage).off('error', reject);
        if (message.kind === 'ready') resolve({ ...state, rows });
        else
          reject(
            message.inUse
              ? new DirectoryInUseError(directory)
              : new Error(`cannot open ${directory}: ${message.message}`),
          );
      }
    };
    writer.on('message', onMessage).on('error', reject);
  });
}
