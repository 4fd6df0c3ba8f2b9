/** The API server is killed and started again: who comes back when, and how many of them have to list. */
import { setTimeout as wait } from 'node:timers/promises';
import { Api } from '../lib/api.ts';
import type { Measurement } from '../lib/measurement.ts';
import { createNamespace, deleteNamespace } from '../lib/namespaces.ts';
import { configMap, replicationController } from '../lib/objects.ts';
import { summarize } from '../lib/percentile.ts';
import { PodWatch } from '../lib/pod-watch.ts';
import { ResumingWatchers } from '../lib/resuming-watchers.ts';
import type { Run } from '../lib/run.ts';
import { controllersOf } from '../lib/saturation.ts';
import { parseServerMetrics } from '../lib/server-metrics.ts';
import { readyNodes } from '../target/fleet.ts';
import type { Target } from '../target/target.ts';

const watcherCount = 1000;
const canaryPods = 10;
const lookMs = 200;
/** A list of a thousand nodes has megabytes. */
const nodesLookMs = 1000;

export async function apiRestart(run: Run, measurement: Measurement, target: Target, api: Api, nodes: number): Promise<void> {
  if (!target.apiServer) {
    run.note('The API server was not restarted: it is not ours to kill.');
    return;
  }
  const namespace = await createNamespace(api, 'restart');
  const maps = `/api/v1/namespaces/${namespace}/configmaps`;
  const count = run.options.count ?? watcherCount;
  const watchers = await ResumingWatchers.start(api, maps, count, () => run.random.fraction());
  const pods = await PodWatch.open(target.config, { namespace });
  const killedAt = performance.now();
  const since = () => (performance.now() - killedAt) / 1000;
  let [answersS, steadyS, lists] = [0, 0, 0];
  await measurement.phase('API server restarted', 'watchers', count, async (progress) => {
    await target.apiServer?.kill();
    // What was open is gone; the connections hear of it a moment later.
    while (watchers.open > 0) await wait(1);
    await target.apiServer?.start();
    answersS = since();
    while (watchers.open < count) {
      progress.set(watchers.open);
      await wait(lookMs);
    }
    progress.set(count);
    await api.call('POST', controllersOf(namespace), replicationController('canary', canaryPods));
    await pods.untilSize(`${namespace}/canary`, canaryPods);
    while ((await readyNodes(api)) < nodes) await wait(nodesLookMs);
    steadyS = since();
    lists = await listsServed(api);
  });
  const missed = await missedEvents(api, maps, watchers, count);
  const backMs = Array.from(watchers.resumedAt, (at) => at - killedAt);
  const { p50, p99, max } = summarize(backMs);
  run.distribution('Watchers back after the API server was killed', 'all watchers', 'ms', backMs);
  run.figure(
    { name: 'API server killed: it answers again', value: answersS, unit: 's' },
    { name: `API server killed: ${count} watchers are back`, value: max / 1000, unit: 's', note: `p50 ${(p50 / 1000).toFixed(1)} s, p99 ${(p99 / 1000).toFixed(1)} s` },
    { name: 'API server killed: watchers that had to list', value: watchers.relists, unit: '', target: { atMost: 0 } },
    { name: 'API server killed: lists served until all was steady', value: lists, unit: '', note: 'of all clients: the hollow nodes, controllers and scheduler too' },
    { name: 'API server killed: nodes Ready and new pods running', value: steadyS, unit: 's' },
    { name: 'API server killed: events that a watcher missed', value: missed, unit: '', target: { atMost: 0 } },
  );
  watchers.close();
  pods.close();
  await deleteNamespace(api, namespace);
}

/** The server's own counters began anew with it. */
async function listsServed(api: Api): Promise<number> {
  const series = parseServerMetrics((await api.call('GET', '/metrics')).toString('latin1'));
  let count = 0;
  for (const { key, counts } of series.values()) if (key.verb === 'LIST') count += counts.at(-1) ?? 0;
  return count;
}

/** One write, which all watchers must see. */
async function missedEvents(api: Api, maps: string, watchers: ResumingWatchers, count: number): Promise<number> {
  const before = watchers.events;
  await api.call('POST', maps, configMap('after-restart', 100));
  for (let tries = 0; tries < 100 && watchers.events - before < count; tries++) await wait(lookMs);
  return Math.max(0, count - (watchers.events - before));
}
