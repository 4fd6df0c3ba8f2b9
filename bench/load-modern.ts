/**
 * The load test as clusterloader2 has it: a namespace for every hundred nodes,
 * with Deployments, StatefulSets and Jobs of three sizes, Services for every
 * second Deployment, and one DaemonSet. They are created, at ten pods a second;
 * single-pod Deployments show what a start takes; Deployments and StatefulSets
 * are scaled, the DaemonSet is updated; all is deleted.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Api } from './lib/api.ts';
import { latencyPhase, latencyPodsFor } from './lib/latency-phase.ts';
import { scaledSize, workloadsOf, type WorkloadKind } from './lib/load-shape.ts';
import { Measurement } from './lib/measurement.ts';
import { createNamespace } from './lib/namespaces.ts';
import { workload } from './lib/objects.ts';
import { PodWatch } from './lib/pod-watch.ts';
import { reportPods } from './lib/report-pods.ts';
import type { Run } from './lib/run.ts';
import { startTarget } from './lib/start-target.ts';

const nodesPerNamespace = 100;

interface Owner {
  readonly kind: WorkloadKind | 'DaemonSet';
  readonly namespace: string;
  readonly name: string;
  readonly originalSize: number;
  size: number;
}

const collectionOf = (kind: Owner['kind'], namespace: string) => (kind === 'Job' ? `/apis/batch/v1/namespaces/${namespace}/jobs` : `/apis/apps/v1/namespaces/${namespace}/${kind.toLowerCase()}s`);
const pathOf = ({ kind, namespace, name }: Owner) => `${collectionOf(kind, namespace)}/${name}`;

export async function modernLoad(run: Run): Promise<void> {
  const { options, random } = run;
  const nodes = options.nodes ?? 100;
  const namespaceCount = Math.max(1, Math.floor(nodes / nodesPerNamespace));
  const podsPerNamespace = Math.floor((nodes * (options.podsPerNode ?? 30)) / namespaceCount);
  const latencyPods = latencyPodsFor(run, nodes);
  const target = await startTarget(run, { nodes });
  const measurement = await Measurement.open(run, target);
  const api = await Api.open(target.config, { limit: options, latency: measurement.loadLatency });
  try {
    const namespaces: string[] = [];
    for (let index = 0; index < namespaceCount; index++) namespaces.push(await createNamespace(api, 'load'));
    const owners = [...namespaces.flatMap((namespace) => ownersOf(namespace, podsPerNamespace)), daemonSet(namespaces[0] as string, nodes)];
    const total = owners.reduce((sum, { size }) => sum + size, 0);
    const windowS = total / options.rate;
    const kinds = ['Deployment', 'StatefulSet', 'Job', 'DaemonSet'].map((kind) => `${owners.filter((owner) => owner.kind === kind).length} ${kind}s`);
    run.settings({ form: 'modern', nodes, namespaces: namespaceCount, pods: total, objects: kinds.join(', '), 'pods of the latency phase': latencyPods });
    run.settings({ 'client QPS': options.qps, burst: options.burst, 'pods a second': options.rate, seed: options.seed });
    const watch = await PodWatch.open(target.config, {});
    const untilAll = (owner: Owner) => watch.untilSize(`${owner.namespace}/${owner.name}`, owner.size);

    const phase = (name: string, some: readonly Owner[], seconds: number, act: (owner: Owner) => Promise<void>) =>
      measurement.phase(name, 'objects', some.length, async (progress) => {
        const beganAt = performance.now();
        await Promise.all(
          some.map(async (owner) => {
            await wait(random.fraction() * seconds * 1000);
            await act(owner);
            progress.add();
          }),
        );
        run.figure({ name: `${name}: all done`, value: (performance.now() - beganAt) / 1000, unit: 's', note: `window ${seconds.toFixed(0)} s` });
      });

    const withService = owners.filter(({ kind }) => kind === 'Deployment').filter((_, index) => index % 2 === 0);
    await phase('services', withService, 0, async ({ namespace, name }) => void (await api.call('POST', `/api/v1/namespaces/${namespace}/services`, service(name))));
    await phase('create', owners, windowS, async (owner) => {
      await api.call('POST', collectionOf(owner.kind, owner.namespace), workload(owner.kind, owner.name, owner.size));
      await untilAll(owner);
    });
    await latencyPhase(run, measurement, api, { count: latencyPods, collection: (namespace) => collectionOf('Deployment', namespace), object: (name) => workload('Deployment', name, 1) });
    await phase('scale and update', owners.filter(({ kind }) => kind !== 'Job'), windowS / 4, async (owner) => {
      if (owner.kind === 'DaemonSet') {
        await api.call('PATCH', pathOf(owner), { spec: { template: { metadata: { annotations: { 'bench.example/version': '2' } } } } });
        await updated(api, owner);
      } else {
        owner.size = scaledSize(owner.originalSize, random.fraction());
        await api.call('PATCH', pathOf(owner), { spec: { replicas: owner.size } });
      }
      await untilAll(owner);
    });
    await phase('delete', owners, windowS, async (owner) => {
      owner.size = 0;
      await api.call('DELETE', pathOf(owner), { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background' });
      await untilAll(owner);
    });
    reportPods(run, watch);
    watch.close();
    await measurement.finish();
  } finally {
    api.close();
    await target.stop();
  }
}

function ownersOf(namespace: string, pods: number): Owner[] {
  return workloadsOf(pods).flatMap(({ kind, name, size, count }) => Array.from({ length: count }, (_, index): Owner => ({ kind, namespace, name: `${name}-${kind.toLowerCase()}-${index}`, originalSize: size, size })));
}

const daemonSet = (namespace: string, nodes: number): Owner => ({ kind: 'DaemonSet', namespace, name: 'daemonset', originalSize: nodes, size: nodes });

const service = (name: string) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector: { name }, ports: [{ port: 80 }] } });

const lookMs = 1000;

/** A rolling update has as many pods ready at its beginning as at its end: only the status says which. */
async function updated(api: Api, owner: Owner): Promise<void> {
  for (;;) {
    const { metadata, status } = await api.json<{ metadata: { generation: number }; status: Record<string, number | undefined> }>('GET', pathOf(owner));
    if (status['observedGeneration'] === metadata.generation && status['updatedNumberScheduled'] === owner.size) return;
    await wait(lookMs);
  }
}
