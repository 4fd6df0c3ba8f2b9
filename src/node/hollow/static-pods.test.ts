/** Static pods of a kubelet, over the runtime that pretends: a folder says what runs, the API only shows it. */
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../base/logger.ts';
import { systemClock } from '../../base/clock.ts';
import { MetricRegistry } from '../../base/metrics/registry.ts';
import { seededRandom } from '../../base/random.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { Client } from '../../client/client.ts';
import { Kubelet } from '../kubelet/kubelet.ts';
import { PodStartMetrics } from '../kubelet/pod-start-metrics.ts';
import { defaultBehaviours } from './behaviour.ts';
import { HollowRuntime } from './hollow-runtime.ts';
import { FakeApi } from './testing/fake-api.ts';

const stop = new AbortController();
let folder = '';
before(async () => void (folder = await mkdtemp(join(tmpdir(), 'manifests-'))));
after(async () => {
  stop.abort();
  await rm(folder, { recursive: true });
});

function manifest(image: string): string {
  return `apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  terminationGracePeriodSeconds: 0\n  containers:\n  - name: main\n    image: ${image}\n`;
}

async function until<T>(what: string, find: () => T | undefined | false): Promise<T> {
  for (let tries = 0; tries < 1000; tries++) {
    const found = find();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`waited in vain until ${what}`);
}

test('a folder’s pods run, are shown in the API, come back there when deleted, change and end with their files', async () => {
  const api = new FakeApi();
  const clock = systemClock({ background: true });
  const random = seededRandom(1);
  const runtime = new HollowRuntime({ clock, random, podCidr: '10.0.0.0/24', behaviours: defaultBehaviours, sandboxMs: 1 });
  const kubelet = new Kubelet({
    client: new Client(api, { clock }),
    runtime,
    clock,
    random,
    logger: silentLogger,
    signal: stop.signal,
    starts: new PodStartMetrics(new MetricRegistry(), clock),
    heartbeatPhase: 0,
    manifests: folder,
    description: {
      name: 'Node-0',
      internalIps: ['172.16.0.2'],
      podCidr: undefined,
      labels: {},
      taints: [],
      capacity: {},
      allocatable: {},
      kubeletPort: undefined,
      serverAddress: undefined,
      runtimeVersion: runtime.version,
      machineId: 'm',
      images: [],
    },
  });
  const mirror = () => api.pod('default', 'web-node-0');
  const running = (image: string) => until(`${image} runs`, (): Pod | undefined => (mirror()?.status?.phase === 'Running' && mirror()?.spec.containers[0]?.image === image ? mirror() : undefined));

  await writeFile(join(folder, 'web.yaml'), manifest('one'));
  await writeFile(join(folder, 'broken.yaml'), 'kind: [');
  await kubelet.start();
  const first = await running('one');
  const { annotations, ownerReferences } = first.metadata;
  const hash = annotations?.['kubernetes.io/config.hash'];
  assert.ok(hash && hash !== first.metadata.uid);
  assert.equal(annotations?.['kubernetes.io/config.mirror'], hash);
  assert.equal(annotations?.['kubernetes.io/config.source'], 'file');
  assert.deepEqual(ownerReferences?.map(({ kind, name, controller }) => [kind, name, controller]), [['Node', 'Node-0', true]]);
  assert.deepEqual(first.spec.tolerations, [{ operator: 'Exists', effect: 'NoExecute' }]);

  api.removePod(first);
  const second = await running('one');
  assert.notEqual(second.metadata.uid, first.metadata.uid);
  assert.equal(kubelet.worker(hash)?.state, 'running');
  assert.equal(second.status?.containerStatuses?.[0]?.restartCount, 0);

  await writeFile(join(folder, 'web.yaml'), manifest('two'));
  const third = await running('two');
  assert.notEqual(third.metadata.annotations?.['kubernetes.io/config.hash'], hash);
  assert.equal(kubelet.podCount, 1);

  await rm(join(folder, 'web.yaml'));
  await until('it is gone', () => !mirror() && kubelet.podCount === 0);
});
