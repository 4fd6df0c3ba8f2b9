/** A namespace with thousands of pods is deleted. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Api } from '../lib/api.ts';
import type { Measurement } from '../lib/measurement.ts';
import { createNamespace, deleteNamespace, exists } from '../lib/namespaces.ts';
import { PodWatch } from '../lib/pod-watch.ts';
import type { Run } from '../lib/run.ts';
import { saturate } from '../lib/saturation.ts';

const lookMs = 100;

export async function namespaceDeletion(run: Run, measurement: Measurement, api: Api, pods: number): Promise<void> {
  const namespace = await createNamespace(api, 'doomed');
  const watch = await PodWatch.open(api.config, { namespace });
  await measurement.phase('namespace filled', 'pods', pods, async (progress) => void (await saturate(api, watch, namespace, pods, progress)));
  const beganAt = performance.now();
  await measurement.phase('namespace deleted', 'pods', pods, async (progress) => {
    await deleteNamespace(api, namespace);
    await watch.until(() => {
      progress.set(pods - watch.totals.alive);
      return watch.totals.alive === 0;
    });
    while (await exists(api, `/api/v1/namespaces/${namespace}`)) await wait(lookMs);
  });
  const seconds = (performance.now() - beganAt) / 1000;
  run.rate('Pods gone a second while their namespace is deleted', 'gone', [...watch.pods.values()].map(({ goneAt }) => goneAt).filter((at) => at !== undefined));
  run.figure({ name: `namespace of ${pods} pods deleted`, value: seconds, unit: 's', note: `${(pods / seconds).toFixed(0)} pods/s` });
  watch.close();
}
