/**
 * What a single pod's start takes on a full cluster: owners of one pod each,
 * one every 200 ms, in a namespace of their own. By two clocks: from the
 * client's POST until its watch shows the pod Running and Ready, and between
 * what the watch shows.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Api } from './api.ts';
import type { Measurement } from './measurement.ts';
import { createNamespace, deleteNamespace } from './namespaces.ts';
import { summarize } from './percentile.ts';
import { PodWatch } from './pod-watch.ts';
import type { Run } from './run.ts';
import { startUpVerdict } from './slo.ts';
import { podStages, stagesOfObjects } from './start-up.ts';

export interface LatencyPhase {
  readonly count: number;
  /** Path of the owners' collection. */
  collection(namespace: string): string;
  /** An owner of one pod. */
  object(name: string): object;
}

const periodMs = 200;
const podsMin = 500;
/** Smaller clusters have the small form, which is over in a minute. */
const smallNodesMax = 200;

export function latencyPodsFor(run: Run, nodes: number): number {
  const count = run.options.latencyPods ?? (nodes < smallNodesMax ? nodes : Math.max(nodes, podsMin));
  if (count < podsMin) run.note(`The small form: ${count} pods in the latency phase, where the full one has ${podsMin} or more.`);
  return count;
}

export async function latencyPhase(run: Run, measurement: Measurement, api: Api, { count, collection, object }: LatencyPhase): Promise<void> {
  const namespace = await createNamespace(api, 'latency');
  const watch = await PodWatch.open(api.config, { namespace });
  const postedAt = new Map<string, number>();
  await measurement.phase('start-up latency', 'pods', count, async (progress) => {
    const beganAt = performance.now();
    const posts: Promise<unknown>[] = [];
    for (let index = 0; index < count; index++) {
      await wait(Math.max(0, beganAt + index * periodMs - performance.now()));
      const name = `latency-${index}`;
      postedAt.set(`${namespace}/${name}`, performance.now());
      posts.push(api.call('POST', collection(namespace), object(name)));
      progress.set(watch.totals.ready);
    }
    await Promise.all(posts);
    await watch.until(() => {
      progress.set(watch.totals.ready);
      return watch.totals.everReady >= count;
    });
  });
  const pods = [...watch.pods.values()].filter(({ readyAt }) => readyAt !== undefined);
  const posted = pods.map(({ readyAt, group }) => (readyAt as number) - (postedAt.get(group) as number));
  const seen = podStages(pods);
  const fromPost = 'from the POST until seen ready';
  const fromSeen = 'from first seen until seen ready';
  run.figure(startUpVerdict(`${fromPost} (as 1.2 counts)`, summarize(posted)), startUpVerdict(`${fromSeen} (by watch)`, summarize(seen.total)));
  run.distribution('Pod start-up on the full cluster', fromPost, 'ms', posted);
  run.distribution('Pod start-up on the full cluster', fromSeen, 'ms', seen.total);
  for (const [name, samples] of Object.entries(seen.stages)) run.distribution('Stages of a start, by watch', name, 'ms', samples);
  for (const [name, samples] of Object.entries(await stagesOfObjects(api, namespace, pods))) run.distribution('Stages of a start, by the objects’ times (whole seconds)', name, 'ms', samples);
  await measurement.phase('latency pods deleted', 'pods', count, async (progress) => {
    await deleteNamespace(api, namespace);
    await watch.until(() => {
      progress.set(count - watch.totals.alive);
      return watch.totals.alive === 0;
    });
  });
  watch.close();
}
