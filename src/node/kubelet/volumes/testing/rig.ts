/** Volumes of one node in a temporary directory, with an in-memory API behind them. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../../base/logger.ts';
import { seededRandom } from '../../../../base/random.ts';
import type { Container, Node, Pod, PodSpec, Volume } from '../../../../api/types/core-v1.ts';
import { Client } from '../../../../client/client.ts';
import { FakeApi } from '../../../../client/testing/fake-api.ts';
import { ManualClock } from '../../../../client/testing/manual-clock.ts';
import { exchangeTransport } from '../../../../client/transports/exchange.ts';
import { NodeObjects } from '../../objects/node-objects.ts';
import type { PodVolumes } from '../../pod-setup.ts';
import { removeUnmounted } from '../mounts.ts';
import { createPodVolumes } from '../pod-volumes.ts';

/** What tests that mount say when they cannot. */
export const skipWithoutRoot = process.getuid?.() === 0 && process.platform === 'linux' ? false : 'mounts need root on Linux';

export interface VolumesRig {
  readonly root: string;
  readonly api: FakeApi;
  readonly clock: ManualClock;
  readonly volumes: PodVolumes;
  readonly events: string[];
  /** As a kubelet that was killed and started again. */
  restart(): Promise<PodVolumes>;
  close(): Promise<void>;
}

export async function startVolumes(node?: Node): Promise<VolumesRig> {
  const root = await mkdtemp(join(tmpdir(), 'volumes-'));
  const api = new FakeApi();
  const clock = new ManualClock();
  const client = new Client(exchangeTransport(api.handler, { username: 'system:node:n', groups: ['system:nodes'] }), { clock });
  const events: string[] = [];
  let stopping = new AbortController();
  const start = () => {
    const { signal } = stopping;
    const shared = { client, clock, random: seededRandom(1), logger: silentLogger, signal };
    return createPodVolumes({
      ...shared,
      root,
      nodeName: 'n',
      objects: new NodeObjects(shared),
      node: () => node,
      record: (_, type, reason, message) => events.push(`${type} ${reason} ${message}`),
    });
  };
  const volumes = await start();
  let current = volumes;
  return {
    root,
    api,
    clock,
    events,
    volumes,
    async restart() {
      stopping.abort();
      stopping = new AbortController();
      return (current = await start());
    },
    async close() {
      // What is under way comes to its end before that; a driver may have gone.
      for (const podUid of await current.leftovers()) await current.release(podUid).catch(() => {});
      stopping.abort();
      await removeUnmounted(root);
    },
  };
}

export function podWith(volumes: Volume[], container: Partial<Container> = {}, spec: Partial<PodSpec> = {}): Pod {
  const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/mnt/${name}` }));
  return {
    metadata: { name: 'p', namespace: 'ns', uid: 'uid-1', labels: { app: 'web' }, annotations: {} },
    spec: { containers: [{ name: 'c', volumeMounts, ...container }], volumes, ...spec },
  };
}
