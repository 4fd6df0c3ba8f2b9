/**
 * The load test. In the form of Kubernetes 1.2 (`--form 1.2`): controllers of
 * 250, 30 and 5 pods are created, scaled twice and deleted; one actor for each
 * sleeps a random part of the phase's window, acts and waits for what it asked
 * for; all have finished before the next phase begins. `--form modern` is
 * load-modern.ts.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Api } from './lib/api.ts';
import { groupsOf, scaledSize } from './lib/load-shape.ts';
import { Measurement } from './lib/measurement.ts';
import { createNamespace } from './lib/namespaces.ts';
import { replicationController } from './lib/objects.ts';
import { PodWatch } from './lib/pod-watch.ts';
import { reportPods } from './lib/report-pods.ts';
import type { Bench, Run } from './lib/run.ts';
import { startTarget } from './lib/start-target.ts';
import { modernLoad } from './load-modern.ts';

export const load: Bench = {
  title: 'Load',
  run: (run) => (run.options.form === 'modern' ? modernLoad(run) : classicLoad(run)),
};

interface Actor {
  readonly name: string;
  /** As created; scaling is relative to it. */
  readonly originalSize: number;
  size: number;
}

async function classicLoad(run: Run): Promise<void> {
  const { options, random } = run;
  const nodes = options.nodes ?? 100;
  const pods = nodes * (options.podsPerNode ?? 30);
  const groups = groupsOf(pods);
  const actors = groups.flatMap(({ name, size, count }) => Array.from({ length: count }, (_, index): Actor => ({ name: `${name}-${index}`, originalSize: size, size })));
  const total = actors.reduce((sum, { size }) => sum + size, 0);
  run.settings({
    form: '1.2',
    nodes,
    pods: total,
    controllers: groups.map(({ size, count }) => `${count} of ${size}`).join(', '),
    'client QPS': options.qps,
    burst: options.burst,
    'pods a second': options.rate,
    seed: options.seed,
  });
  const target = await startTarget(run, { nodes });
  const measurement = await Measurement.open(run, target);
  const api = await Api.open(target.config, { limit: options, latency: measurement.loadLatency });
  try {
    const namespace = await createNamespace(api, 'load');
    const watch = await PodWatch.open(target.config, { namespace });
    const collection = `/api/v1/namespaces/${namespace}/replicationcontrollers`;
    const untilAll = (actor: Actor) => watch.untilSize(`${namespace}/${actor.name}`, actor.size);

    /** Everyone acts at a random moment of the window; `changed` says how many pods an actor changes. */
    const phase = async (name: string, windowS: number, act: (actor: Actor) => Promise<number>): Promise<void> => {
      await measurement.phase(name, 'controllers', actors.length, async (progress) => {
        const beganAt = performance.now();
        let changed = 0;
        await Promise.all(
          actors.map(async (actor) => {
            await wait(random.fraction() * windowS * 1000);
            const pods = await act(actor);
            changed += pods;
            progress.add();
          }),
        );
        const seconds = (performance.now() - beganAt) / 1000;
        run.figure({ name: `${name}: all done`, value: seconds, unit: 's', note: `window ${windowS.toFixed(0)} s` }, { name: `${name}: pods changed`, value: changed / seconds, unit: '/s' });
      });
    };

    const windowS = total / options.rate;
    await phase('create', windowS, async (actor) => {
      await api.call('POST', collection, replicationController(actor.name, actor.size));
      await untilAll(actor);
      return actor.size;
    });
    for (const turn of [1, 2])
      await phase(`scale ${turn}`, windowS / 3, async (actor) => {
        const before = actor.size;
        actor.size = scaledSize(actor.originalSize, random.fraction());
        await api.call('PATCH', `${collection}/${actor.name}`, { spec: { replicas: actor.size } });
        await untilAll(actor);
        const { items } = await api.json<{ items: unknown[] }>('GET', `/api/v1/namespaces/${namespace}/pods?labelSelector=name%3D${actor.name}&resourceVersion=0`);
        if (items.length !== actor.size) run.note(`The list of ${actor.name} had ${items.length} pods, the watch ${actor.size}.`);
        return Math.abs(actor.size - before);
      });
    await phase('delete', windowS, async (actor) => {
      const before = actor.size;
      actor.size = 0;
      await api.call('PATCH', `${collection}/${actor.name}`, { spec: { replicas: 0 } });
      await untilAll(actor);
      await api.call('DELETE', `${collection}/${actor.name}`);
      return before;
    });
    reportPods(run, watch);
    watch.close();
    await measurement.finish();
  } finally {
    api.close();
    await target.stop();
  }
}
