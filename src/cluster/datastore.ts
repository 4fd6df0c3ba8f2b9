import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Store } from '../storage/contract.ts';

/**
 * `sqlite`, `memory`, or the addresses of the members of an etcd, separated by
 * commas: `https://user:password@host:port` where it asks for a name.
 */
export type DatastoreSpec = string;

/** How to reach an etcd, beyond its addresses. Files hold PEM. */
export interface EtcdAccess {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Put before every key: several clusters can share an etcd. */
  readonly prefix?: string;
}

export class UnknownDatastoreError extends Error {
  override readonly name = 'UsageError';
}

/** Opens what `spec` names; only the chosen store's code is loaded. */
export async function openDatastore(spec: DatastoreSpec, dataDir: string, clock: Clock, logger: Logger, etcd: EtcdAccess = {}): Promise<Store> {
  if (spec === 'memory') return (await import('../storage/memory/memory-store.ts')).openMemoryStore({ clock });
  if (spec === 'sqlite')
    return (await import('../storage/sqlite/sqlite-store.ts')).openSqliteStore({ directory: join(dataDir, 'store'), clock, logger });
  if (/^https?:\/\//.test(spec)) {
    const { openEtcdStore } = await import('../storage/etcd/etcd-store.ts');
    return openEtcdStore({ ...membersOf(spec), ...tlsOf(etcd), prefix: etcd.prefix ?? '', clock, logger });
  }
  throw new UnknownDatastoreError(`unknown datastore "${spec}": sqlite, memory, or the http(s) address of an etcd`);
}

function membersOf(spec: DatastoreSpec) {
  const urls = spec.split(',').map((text) => {
    if (!URL.canParse(text)) throw new UnknownDatastoreError(`"${text.replace(/\/\/[^@]*@/, '//')}" is no address of an etcd`);
    return new URL(text);
  });
  const endpoints = urls.map(({ protocol, host }) => `${protocol}//${host}`);
  const named = urls.find(({ username }) => username !== '');
  if (!named) return { endpoints };
  return { endpoints, auth: { username: decodeURIComponent(named.username), password: decodeURIComponent(named.password) } };
}

function tlsOf({ caFile, certFile, keyFile }: EtcdAccess) {
  if ((certFile === undefined) !== (keyFile === undefined)) throw new UnknownDatastoreError('a client certificate for etcd needs its key, and the key its certificate');
  const pem = (file: string | undefined, name: 'ca' | 'cert' | 'key') => (file === undefined ? {} : { [name]: readFileSync(file) });
  return { tls: { ...pem(caFile, 'ca'), ...pem(certFile, 'cert'), ...pem(keyFile, 'key') } };
}
