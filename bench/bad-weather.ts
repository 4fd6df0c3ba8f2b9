/**
 * What a cluster must live through: its API server is killed, events storm,
 * informers storm, a large namespace is deleted, and three in ten of its nodes
 * die at once. Each with the objectives held against it and the time until all
 * is as before.
 */
import { fullSpeed } from './events.ts';
import { Api } from './lib/api.ts';
import { createMany } from './lib/closed-loop.ts';
import { Measurement } from './lib/measurement.ts';
import { createNamespace, deleteNamespace } from './lib/namespaces.ts';
import { configMap } from './lib/objects.ts';
import { isWanted } from './lib/options.ts';
import { summarize } from './lib/percentile.ts';
import { PodWatch } from './lib/pod-watch.ts';
import type { Bench, Run } from './lib/run.ts';
import { saturate } from './lib/saturation.ts';
import { startTarget } from './lib/start-target.ts';
import { storm } from './list-storm.ts';
import { apiRestart } from './weather/api-restart.ts';
import { namespaceDeletion } from './weather/namespace-deletion.ts';
import { nodeDeath, tolerations, type Death } from './weather/node-death.ts';
import { recoverySeconds } from './weather/recovery.ts';

const deadShare = 0.3;
const doomedPrefix = 'doomed-';
const stormS = 20;
const stormInformers = 1000;
const stormObjects = 500;
/** Between storms, so that each can be told from the last. */
const calmS = 10;

export const badWeather: Bench = {
  title: 'Bad weather',
  async run(run) {
    const { options } = run;
    const nodes = options.nodes ?? 1000;
    const podsPerNode = options.podsPerNode ?? 30;
    const dead = Math.max(1, Math.round(nodes * deadShare));
    const namespacePods = nodes * 3;
    run.settings({ nodes, 'pods a node': podsPerNode, 'nodes that die': dead, 'pods of the deleted namespace': namespacePods, seed: options.seed });
    const target = await startTarget(run, {
      nodes,
      separate: true,
      fleets: [
        { prefix: 'steady-', nodes: nodes - dead },
        { prefix: doomedPrefix, nodes: dead },
      ],
    });
    const measurement = await Measurement.open(run, target);
    const api = await Api.open(target.config, { connections: 2 });
    try {
      const namespace = await createNamespace(api, 'weather');
      const watch = await PodWatch.open(target.config, { namespace });
      const pods = nodes * podsPerNode;
      await measurement.phase('fill', 'pods', pods, async (progress) => void (await saturate(api, watch, namespace, pods, progress, { tolerations })));
      await run.pass('calm', calmS);
      const steps: Record<string, () => Promise<void>> = {
        'API restart': () => apiRestart(run, measurement, target, api, nodes),
        'event storm': () => eventStorm(run, measurement, api),
        'list storm': () => informerStorm(run, measurement, api),
        'namespace deletion': () => namespaceDeletion(run, measurement, api, namespacePods),
        'node death': () => nodeDeath(run, measurement, api, watch, deathOf(target.fleets, dead)),
      };
      const lasted: { name: string; beginS: number; endS: number }[] = [];
      for (const [name, step] of Object.entries(steps)) {
        if (!isWanted(options, name)) continue;
        const beginS = run.secondsAt(performance.now());
        await step();
        lasted.push({ name, beginS, endS: run.secondsAt(performance.now()) });
        await run.pass('calm', calmS);
      }
      watch.close();
      const { probe } = await measurement.finish();
      for (const { name, beginS, endS } of lasted) {
        const seconds = recoverySeconds(probe.timeline, beginS, endS);
        run.figure({ name: `${name}: API as quick as before, after`, value: seconds ?? calmS, unit: 's', ...(seconds === undefined ? { note: `not within ${calmS} s` } : {}) });
      }
      run.figure({ name: 'longest time without any answer', value: probe.longestSilenceMs / 1000, unit: 's', note: `${probe.failed} of ${probe.answered + probe.failed} calls of the probe failed` });
    } finally {
      api.close();
      await target.stop();
    }
  },
};

function deathOf(fleets: ReadonlyMap<string, { kill(): Promise<void> }>, nodes: number): Death {
  return { prefix: doomedPrefix, nodes, kill: async () => void (await fleets.get(doomedPrefix)?.kill()) };
}

async function eventStorm(run: Run, measurement: Measurement, api: Api): Promise<void> {
  const namespace = await createNamespace(api, 'events');
  await fullSpeed(run, measurement, api, namespace, run.options.durationS ?? stormS);
  await deleteNamespace(api, namespace);
}

async function informerStorm(run: Run, measurement: Measurement, api: Api): Promise<void> {
  const namespace = await createNamespace(api, 'lists');
  const maps = `/api/v1/namespaces/${namespace}/configmaps`;
  const informers = run.options.count ?? stormInformers;
  await createMany(api, maps, stormObjects, (index) => configMap(`map-${index}`, 2900), () => {});
  const { times, bytes } = await measurement.phase('list storm', 'informers', informers, (progress) => storm(api, maps, informers, () => progress.add()));
  const { p50, p99, max } = summarize(times);
  run.figure({ name: `list storm: ${informers} informers in step`, value: max, unit: 'ms', note: `p50 ${Math.round(p50)} ms, p99 ${Math.round(p99)} ms; ${Math.round(bytes / 1e6)} MB` });
  await deleteNamespace(api, namespace);
}
