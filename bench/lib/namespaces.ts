/** Namespaces that a benchmark makes for itself. */
import { setTimeout as wait } from 'node:timers/promises';
import { StatusError, type Api } from './api.ts';

const lookMs = 50;

/** Resolves with the namespace's name once pods can be made in it: it then has its service account. */
export async function createNamespace(api: Api, prefix: string, options: { readonly withController?: boolean } = {}): Promise<string> {
  const { metadata } = await api.json<{ metadata: { name: string } }>('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { generateName: `${prefix}-` } });
  const accounts = `/api/v1/namespaces/${metadata.name}/serviceaccounts`;
  if (options.withController === false) {
    await api.call('POST', accounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } });
  }
  while (!(await exists(api, `${accounts}/default`))) await wait(lookMs);
  return metadata.name;
}

export async function exists(api: Api, target: string): Promise<boolean> {
  try {
    await api.call('GET', target);
    return true;
  } catch (error) {
    if (error instanceof StatusError && error.status === 404) return false;
    throw error;
  }
}

/** Begun, not awaited: what a benchmark does not measure it need not wait for. */
export async function deleteNamespace(api: Api, name: string): Promise<void> {
  await api.call('DELETE', `/api/v1/namespaces/${name}`);
}
