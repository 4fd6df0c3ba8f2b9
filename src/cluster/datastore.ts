import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Store } from '../storage/contract.ts';

/** `sqlite`, `memory`, or the addresses of an etcd cluster, separated by commas. */
export type DatastoreSpec = string;

export class UnknownDatastoreError extends Error {
  override readonly name = 'UsageError';
}

/** Opens what `spec` names; only the chosen store's code is loaded. */
export async function openDatastore(spec: DatastoreSpec, dataDir: string, clock: Clock, logger: Logger): Promise<Store> {
  if (spec === 'memory') return (await import('../storage/memory/memory-store.ts')).openMemoryStore({ clock });
  if (spec === 'sqlite')
    return (await import('../storage/sqlite/sqlite-store.ts')).openSqliteStore({ directory: join(dataDir, 'store'), clock, logger });
  if (/^https?:\/\//.test(spec))
    return (await import('../storage/etcd/etcd-store.ts')).openEtcdStore({ endpoints: spec.split(','), clock, logger });
  throw new UnknownDatastoreError(`unknown datastore "${spec}": sqlite, memory, or the http(s) address of an etcd`);
}
