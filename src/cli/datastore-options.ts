/** Where a cluster is kept: the options that every command with a store has. */
import type { Command } from 'commander';
import type { EtcdAccess } from '../cluster/datastore.ts';

export interface DatastoreOptions {
  readonly datastore: string;
  readonly dataDir: string;
  readonly etcdCafile?: string;
  readonly etcdCertfile?: string;
  readonly etcdKeyfile?: string;
  readonly etcdPrefix?: string;
}

/** The names for etcd are upstream's. */
export function withDatastoreOptions(command: Command): Command {
  return command
    .option('--datastore <store>', 'sqlite, memory, or the http(s) address of an etcd (several with commas; https://user:password@host:port where it asks for a name)', 'sqlite')
    .option('--data-dir <dir>', 'where keys, certificates and data are kept', './.coxswain')
    .option('--etcd-cafile <file>', 'the authority (PEM) that etcd’s certificate is checked against')
    .option('--etcd-certfile <file>', 'the client certificate (PEM) for etcd')
    .option('--etcd-keyfile <file>', 'its key (PEM)')
    .option('--etcd-prefix <prefix>', 'put before every key in etcd');
}

export function etcdAccess({ etcdCafile, etcdCertfile, etcdKeyfile, etcdPrefix }: DatastoreOptions): EtcdAccess {
  return {
    ...(etcdCafile ? { caFile: etcdCafile } : {}),
    ...(etcdCertfile ? { certFile: etcdCertfile } : {}),
    ...(etcdKeyfile ? { keyFile: etcdKeyfile } : {}),
    ...(etcdPrefix ? { prefix: etcdPrefix } : {}),
  };
}
