/** Reads the part of a kubeconfig that a connection needs: the current context's cluster and user. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';

export interface ConnectionConfig {
  /** `https://host:port`, perhaps with a path before /api. */
  readonly server: string;
  /** PEM. */
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly token?: string;
  readonly serverName?: string;
  readonly insecure?: boolean;
  /** The context's namespace. */
  readonly namespace?: string;
}

interface Kubeconfig {
  'current-context'?: string;
  clusters?: { name: string; cluster: Record<string, unknown> }[];
  users?: { name: string; user: Record<string, unknown> }[];
  contexts?: { name: string; context: { cluster: string; user: string; namespace?: string } }[];
}

export function loadKubeconfig(file: string, contextName?: string): ConnectionConfig {
  return parseKubeconfig(readFileSync(file, 'utf8'), { directory: dirname(file), ...(contextName ? { contextName } : {}) });
}

/** `directory` is what relative file names in it are relative to. Throws Error with what is missing. */
export function parseKubeconfig(text: string, options: { directory?: string; contextName?: string } = {}): ConnectionConfig {
  const config = parse(text) as Kubeconfig;
  const contextName = options.contextName ?? config['current-context'];
  const context = config.contexts?.find(({ name }) => name === contextName)?.context;
  if (!context) throw new Error(`kubeconfig: context "${contextName ?? ''}" does not exist`);
  const cluster = config.clusters?.find(({ name }) => name === context.cluster)?.cluster;
  if (!cluster) throw new Error(`kubeconfig: cluster "${context.cluster}" does not exist`);
  const user = config.users?.find(({ name }) => name === context.user)?.user ?? {};
  const server = cluster['server'];
  if (typeof server !== 'string') throw new Error(`kubeconfig: cluster "${context.cluster}" has no server`);
  const load = (from: Record<string, unknown>, name: string) => loadData(from, name, options.directory ?? '.');
  const ca = load(cluster, 'certificate-authority');
  const cert = load(user, 'client-certificate');
  const key = load(user, 'client-key');
  const token = (user['token'] as string | undefined) ?? loadFile(user['tokenFile'], options.directory ?? '.')?.toString('utf8').trim();
  const serverName = cluster['tls-server-name'] as string | undefined;
  return {
    server: server.replace(/\/+$/, ''),
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
    ...(token ? { token } : {}),
    ...(serverName ? { serverName } : {}),
    ...(cluster['insecure-skip-tls-verify'] === true ? { insecure: true } : {}),
    ...(context.namespace ? { namespace: context.namespace } : {}),
  };
}

function loadData(from: Record<string, unknown>, name: string, directory: string): Buffer | undefined {
  const data = from[`${name}-data`];
  return typeof data === 'string' ? Buffer.from(data, 'base64') : loadFile(from[name], directory);
}

function loadFile(file: unknown, directory: string): Buffer | undefined {
  return typeof file === 'string' && file !== '' ? readFileSync(resolve(directory, file)) : undefined;
}
