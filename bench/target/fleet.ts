/** Hollow nodes as a process beside a server, ours or another's. */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Api } from '../lib/api.ts';
import type { ConnectionConfig } from '../../src/client/kubeconfig.ts';
import { ManagedProcess } from './managed-process.ts';
import { coxswainCommand, type FleetShape } from './target.ts';

export interface Fleet {
  readonly process: ManagedProcess;
  /** Resolves when all nodes are Ready and free for pods. */
  ready(config: ConnectionConfig): Promise<void>;
}

/** A list of a thousand nodes has megabytes: as many milliseconds as nodes, but not less. */
const lookMsMin = 250;

export interface FleetPlace {
  readonly kubeconfig: string;
  /** For its log. */
  readonly directory: string;
  onFailure(error: Error): void;
}

export function startFleet({ prefix, nodes }: FleetShape, { kubeconfig, directory, onFailure }: FleetPlace): Fleet {
  const fleet = new ManagedProcess({
    name: `hollow nodes ${prefix}`,
    command: process.execPath,
    args: [coxswainCommand, 'hollow', '--kubeconfig', kubeconfig, '--nodes', String(nodes), '--name-prefix', prefix, '--credentials', 'impersonation', '--log-level', 'error'],
    logFile: join(directory, `fleet-${prefix}.log`),
    onFailure,
  });
  return {
    process: fleet,
    async ready(config) {
      const api = await Api.open(config);
      try {
        while ((await readyNodes(api, prefix)) < nodes) {
          fleet.check();
          await wait(Math.max(lookMsMin, nodes));
        }
      } finally {
        api.close();
      }
    },
  };
}

interface SeenNode {
  readonly metadata: { readonly name: string };
  readonly spec?: { readonly taints?: readonly unknown[] };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Ready and free for pods: what is new has a taint until a controller has seen it. */
export async function readyNodes(api: Api, prefix = ''): Promise<number> {
  const { items } = await api.json<{ items: SeenNode[] }>('GET', '/api/v1/nodes?resourceVersion=0');
  const isReady = ({ metadata, spec, status }: SeenNode) =>
    metadata.name.startsWith(prefix) && (spec?.taints ?? []).length === 0 && status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True');
  return items.filter(isReady).length;
}
