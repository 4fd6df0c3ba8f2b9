/**
 * Density and pod start-up. ReplicationControllers fill the nodes to so many
 * pods each; then single-pod controllers, one every 200 ms, show what a pod
 * waits for on the full cluster, by two clocks; then all pods go.
 */
import { Api } from './lib/api.ts';
import { latencyPhase, latencyPodsFor } from './lib/latency-phase.ts';
import { Measurement } from './lib/measurement.ts';
import { createNamespace } from './lib/namespaces.ts';
import { replicationController } from './lib/objects.ts';
import { PodWatch, type SeenPod } from './lib/pod-watch.ts';
import type { Bench, Run } from './lib/run.ts';
import { controllersOf, saturate } from './lib/saturation.ts';
import { reportThroughput } from './lib/scheduling-throughput.ts';
import { startTarget } from './lib/start-target.ts';

export const density: Bench = { title: 'Density and pod start-up', run: (run) => measure(run, 30) };

export const highDensity: Bench = { title: 'Density and pod start-up, 100 pods a node', run: (run) => measure(run, 100) };

async function measure(run: Run, podsPerNodeDefault: number): Promise<void> {
  const { options } = run;
  const nodes = options.nodes ?? 100;
  const podsPerNode = options.podsPerNode ?? podsPerNodeDefault;
  const latencyPods = latencyPodsFor(run, nodes);
  run.settings({ nodes, 'pods a node': podsPerNode, 'pods of the latency phase': latencyPods, 'client QPS': options.qps, burst: options.burst });
  const target = await startTarget(run, { nodes });
  const measurement = await Measurement.open(run, target);
  const api = await Api.open(target.config, { limit: options, latency: measurement.loadLatency });
  try {
    const pods = nodes * podsPerNode;
    const namespace = await createNamespace(api, 'density');
    const watch = await PodWatch.open(target.config, { namespace });
    const names = await fill(run, measurement, api, watch, namespace, pods);
    await latencyPhase(run, measurement, api, { count: latencyPods, collection: controllersOf, object: (name) => replicationController(name, 1) });
    await deleteAll(run, measurement, api, watch, namespace, names);
    watch.close();
    await measurement.finish();
  } finally {
    api.close();
    await target.stop();
  }
}

async function fill(run: Run, measurement: Measurement, api: Api, watch: PodWatch, namespace: string, pods: number): Promise<string[]> {
  const cpuBefore = measurement.usage.cpuMs('server');
  const beganAt = performance.now();
  const names = await measurement.phase('saturation', 'pods', pods, (progress) => saturate(api, watch, namespace, pods, progress));
  const seconds = (performance.now() - beganAt) / 1000;
  const seen = [...watch.pods.values()];
  const moments = (of: (pod: SeenPod) => number | undefined) => seen.map(of).filter((at) => at !== undefined);
  run.rate('Pods a second while the cluster fills', 'created', moments(({ seenAt }) => seenAt));
  run.rate('Pods a second while the cluster fills', 'scheduled', moments(({ scheduledAt }) => scheduledAt));
  run.rate('Pods a second while the cluster fills', 'Running and Ready', moments(({ readyAt }) => readyAt));
  run.figure(
    { name: `saturation: ${pods} pods Running and Ready`, value: seconds, unit: 's' },
    { name: 'saturation: pods started', value: pods / seconds, unit: '/s' },
    { name: 'saturation: CPU of the server', value: (measurement.usage.cpuMs('server') - cpuBefore) / pods, unit: 'ms a pod' },
  );
  reportThroughput(run, moments(({ scheduledAt }) => scheduledAt));
  return names;
}

/** As 1.2 does it: the controllers' size to nothing, and when all pods are gone, the controllers. */
async function deleteAll(run: Run, measurement: Measurement, api: Api, watch: PodWatch, namespace: string, names: readonly string[]): Promise<void> {
  const pods = watch.totals.alive;
  const beganAt = performance.now();
  await measurement.phase('deletion', 'pods', pods, async (progress) => {
    await Promise.all(names.map((name) => api.call('PATCH', controllersOf(namespace, name), { spec: { replicas: 0 } })));
    await watch.until(() => {
      progress.set(pods - watch.totals.alive);
      return watch.totals.alive === 0;
    });
    await Promise.all(names.map((name) => api.call('DELETE', controllersOf(namespace, name))));
  });
  const seconds = (performance.now() - beganAt) / 1000;
  run.rate('Pods deleted a second', 'gone', [...watch.pods.values()].map(({ goneAt }) => goneAt).filter((at) => at !== undefined));
  run.figure({ name: `deletion of ${pods} pods`, value: seconds, unit: 's' }, { name: 'deletion: pods gone', value: pods / seconds, unit: '/s' });
}
