/**
 * Scheduling throughput: bare pods, as fast as the API takes them, onto nodes
 * that are only objects. API server and scheduler run alone: no controller
 * then finds out that no kubelet stands behind the nodes. Each workload has a
 * cluster of its own.
 */
import { Api } from './lib/api.ts';
import { createMany } from './lib/closed-loop.ts';
import { systemName } from './lib/measurement.ts';
import { createNamespace } from './lib/namespaces.ts';
import { isWanted } from './lib/options.ts';
import { PodWatch } from './lib/pod-watch.ts';
import type { PhaseProgress } from './lib/progress.ts';
import type { Bench, Run } from './lib/run.ts';
import { fullNodes, highPriority, node, scenarios, type Churn, type Namespaces, type PodSet, type Scenario } from './lib/scheduler-scenarios.ts';
import { throughputOf } from './lib/scheduling-throughput.ts';
import { startTarget } from './lib/start-target.ts';
import { Usage } from './lib/usage.ts';
import type { Target } from './target/target.ts';

const taintClients = 50;

export const scheduler: Bench = {
  title: 'Scheduling throughput',
  async run(run) {
    const nodes = run.options.nodes ?? fullNodes;
    run.settings({ nodes });
    run.note('Nodes are objects without kubelets; API server and scheduler run alone, so that no controller taints them. Pods are bound and do not run.');
    if (nodes < fullNodes) run.note(`Upstream’s thresholds are of ${fullNodes} nodes; on ${nodes} the numbers of pods shrink in proportion and there is no verdict.`);
    let target: Target | undefined;
    const usage = new Usage(() => target?.processes() ?? [], run.beganAt);
    for (const scenario of scenarios.filter(({ name }) => isWanted(run.options, name))) {
      target = await startTarget(run, { nodes: 0, parts: 'scheduler' });
      await measure(run, target, usage, scenario, nodes).finally(target.stop);
      target = undefined;
    }
    const found = usage.stop();
    run.usage(found.usage);
    run.series(...found.series);
  },
};

async function measure(run: Run, target: Target, usage: Usage, scenario: Scenario, nodes: number): Promise<void> {
  const { name, init, measured, churn, threshold } = scenario;
  const scaled = (count: number) => Math.max(1, Math.round((count * nodes) / fullNodes));
  const api = await Api.open(target.config, { connections: 4 });
  try {
    run.measured(await systemName(run, api));
    const namespaces = await prepare(run, api, scenario, nodes);
    const watch = await PodWatch.open(target.config, { namespace: namespaces.measured });
    if (init) {
      const before = await PodWatch.open(target.config, { namespace: namespaces.init });
      await run.phase(`${name}: pods before`, 'pods', scaled(init.count), (progress) => place(api, before, init, namespaces.init, namespaces, scaled(init.count), progress));
      before.close();
    }
    const pods = scaled(measured.count);
    const stopChurn = churn ? startChurn(api, churn, namespaces) : undefined;
    const cpu = usage.stretch();
    await run.phase(name, 'pods', pods, (progress) => place(api, watch, measured, namespaces.measured, namespaces, pods, progress));
    const spent = cpu();
    await stopChurn?.();
    const boundAt = [...watch.pods.values()].map(({ scheduledAt }) => scheduledAt).filter((at) => at !== undefined);
    const { average, perSecond } = throughputOf(boundAt);
    run.rate('Pods bound a second', name, boundAt);
    run.figure({
      name: `${name}: pods bound`,
      value: average,
      unit: '/s',
      chart: 'Pods bound a second, by workload',
      ...(threshold !== undefined && nodes >= fullNodes ? { target: { atLeast: threshold } } : {}),
      note: `${pods} pods; by seconds p50 ${perSecond.p50}, p99 ${perSecond.p99}, max ${perSecond.max}; ${spent}`,
    });
    watch.close();
  } finally {
    api.close();
  }
}

async function prepare(run: Run, api: Api, { name, zones, bigNode }: Scenario, nodes: number): Promise<Namespaces> {
  const nodeOf = (index: number) => node(`node-${index}`, zones ? { zone: `zone${index % zones}` } : {});
  await run.phase(`${name}: nodes`, 'nodes', nodes, async (progress) => {
    await createMany(api, '/api/v1/nodes', nodes, nodeOf, () => {});
    if (bigNode) await api.call('POST', '/api/v1/nodes', node(bigNode, { pods: 100_000, cpu: 100_000 }));
    const names = [...Array.from({ length: nodes }, (_, index) => `node-${index}`), ...(bigNode ? [bigNode] : [])];
    await untaint(api, names, () => progress.add());
  });
  await api.call('POST', '/apis/scheduling.k8s.io/v1/priorityclasses', { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: highPriority }, value: 1000 });
  const withController = false;
  return { init: await createNamespace(api, 'before', { withController }), measured: await createNamespace(api, 'measured', { withController }) };
}

/** New nodes have a taint until the controller that is not there has seen them Ready. */
async function untaint(api: Api, names: string[], onDone: () => void): Promise<void> {
  const worker = async () => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      await api.call('PATCH', `/api/v1/nodes/${name}`, { spec: { taints: null } });
      onDone();
    }
  };
  await Promise.all(Array.from({ length: taintClients }, worker));
}

async function place(api: Api, watch: PodWatch, set: PodSet, namespace: string, namespaces: Namespaces, count: number, progress: PhaseProgress): Promise<void> {
  await createMany(api, `/api/v1/namespaces/${namespace}/pods`, count, (index) => set.pod(`pod-${index}`, namespaces), () => progress.set(watch.totals.scheduled));
  await watch.until(() => {
    progress.set(watch.totals.scheduled);
    return watch.totals.scheduled >= count;
  });
}

function startChurn(api: Api, { periodMs, objects, deletes }: Churn, namespaces: Namespaces): () => Promise<void> {
  let index = 0;
  let last = Promise.resolve();
  const turn = async (at: number) => {
    for (const [collection, object] of objects(at, namespaces)) await api.call('POST', collection, object);
    if (!deletes || at === 0) return;
    for (const [collection, object] of objects(at - 1, namespaces)) await api.call('DELETE', `${collection}/${(object as { metadata: { name: string } }).metadata.name}`);
  };
  const timer = setInterval(() => (last = last.then(() => turn(index++))), periodMs);
  return async () => {
    clearInterval(timer);
    await last;
  };
}
