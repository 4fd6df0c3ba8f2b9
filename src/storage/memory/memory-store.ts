/** The store of tests and of virtual time: everything in memory, durable at once, gone at the end. */
import type { Clock } from '../../base/clock.ts';
import type { Store } from '../contract.ts';
import type { Journal } from '../mvcc/journal.ts';
import type { Version } from '../mvcc/key-index.ts';
import { MvccStore } from '../mvcc/mvcc-store.ts';

export function openMemoryStore(options: { readonly clock: Clock }): Promise<Store> {
  const store = new MvccStore({ clock: options.clock, journal: memoryJournal(), recentBytesMax: Infinity });
  return Promise.resolve(store);
}

/** All values stay with their versions in the index, so nothing is ever read back. */
function memoryJournal(): Journal {
  const done = Promise.resolve();
  let bytes = 0;
  const size = ({ history, value }: Version) => history.key.length + (value?.byteLength ?? 0);
  return {
    append(records) {
      for (const { version } of records) bytes += size(version);
      return Promise.resolve([]);
    },
    read: (revisions) => Promise.resolve(revisions.map(() => undefined)),
    forget(_compacted, versions) {
      for (const version of versions) bytes -= size(version);
      return done;
    },
    saveLease: () => done,
    dropLease: () => done,
    sizeBytes: () => Promise.resolve(bytes),
    close: () => done,
  };
}
