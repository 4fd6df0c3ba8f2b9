/**
 * Scheduling cycles a second, without an API: `node bench/scheduler.bench.ts`.
 * Each scenario places pods on an empty cluster, as a burst from a controller
 * would, and reports pods/s and the slowest cycle.
 */
import { systemClock } from '../src/base/clock.ts';
import { selectorFromLabels } from '../src/api/selectors/label-selector.ts';
import type { Pod } from '../src/api/types/core-v1.ts';
import { Core, makeNode, makePod } from '../src/scheduler/testing/fixtures.ts';
import type { Owners } from '../src/scheduler/plugins/owners.ts';

interface Scenario {
  readonly name: string;
  readonly nodes: number;
  readonly pods: number;
  pod(index: number): Pod;
  readonly owners?: Owners;
}

const requests = { cpu: '100m', memory: '128Mi' };

/** Of `controllers` ReplicationControllers in turn. */
const ofControllers = (controllers: number) => (index: number) => {
  const app = `app-${index % controllers}`;
  return makePod(`pod-${index}`, {
    metadata: { labels: { app }, ownerReferences: [{ apiVersion: 'v1', kind: 'ReplicationController', name: app, uid: app, controller: true }] },
    requests,
  });
};

const controllerOwners: Owners = {
  serviceSelectors: () => [],
  controllerSelector: (_namespace, _kind, name) => selectorFromLabels({ app: name }),
};

const labelSelector = { matchLabels: { app: 'app-0' } };

const scenarios: readonly Scenario[] = [1000, 5000].flatMap((nodes) => {
  const pods = nodes * 6;
  return [
    { name: 'alike, no controller', nodes, pods, pod: (index: number) => makePod(`pod-${index}`, { requests }) },
    { name: 'one controller, spread by default', nodes, pods, pod: ofControllers(1), owners: controllerOwners },
    { name: '50 controllers in turn', nodes, pods, pod: ofControllers(50), owners: controllerOwners },
    { name: 'every pod another shape', nodes, pods: nodes, pod: (index: number) => makePod(`pod-${index}`, { metadata: { labels: { index: String(index) } }, requests }) },
    {
      name: 'anti-affinity by host',
      nodes,
      pods: nodes,
      pod: (index: number) =>
        makePod(`pod-${index}`, {
          metadata: { labels: { app: 'app-0' } },
          requests,
          spec: { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname', labelSelector }] } } },
        }),
    },
    {
      name: 'hard spread over zones',
      nodes,
      pods,
      pod: (index: number) =>
        makePod(`pod-${index}`, {
          metadata: { labels: { app: 'app-0' } },
          requests,
          spec: { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector }] },
        }),
    },
  ];
});

const clock = systemClock();

function run({ name, nodes, pods, pod, owners }: Scenario): void {
  const core = new Core(owners ? { owners } : {});
  for (let i = 0; i < nodes; i++) core.nodes(makeNode(`node-${i}`, { labels: { 'topology.kubernetes.io/zone': `zone-${i % 3}` } }));
  const objects = Array.from({ length: pods }, (_, index) => pod(index));
  let slowestMs = 0;
  let failed = 0;
  const beganAt = clock.monotonic();
  let lastAt = beganAt;
  for (const object of objects) {
    if (!core.place(object).startsWith('node-')) failed++;
    const now = clock.monotonic();
    slowestMs = Math.max(slowestMs, now - lastAt);
    lastAt = now;
  }
  const perSecond = Math.round((pods / (lastAt - beganAt)) * 1000);
  process.stdout.write(`${nodes} nodes, ${pods} pods, ${name}: ${perSecond} pods/s, slowest cycle ${slowestMs.toFixed(1)} ms${failed ? `, ${failed} did not fit` : ''}\n`);
}

for (const scenario of scenarios) run(scenario);
