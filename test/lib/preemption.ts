/**
 * A full cluster by chance, and a pod more important than all in it: upstream
 * makes room for it, and we must choose the same node and the same victims.
 */
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { formatTime, systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { seededRandom, type Random } from '../../src/base/random.ts';
import type { Node, Pod } from '../../src/api/types/core-v1.ts';
import type { PodDisruptionBudget } from '../../src/api/types/policy-v1.ts';
import type { Client } from '../../src/client/client.ts';
import { nodes, podDisruptionBudgets, pods, priorityClasses } from '../../src/client/resources.ts';
import { defaultPreemption } from '../../src/scheduler/plugins/default-preemption.ts';
import { Core, idleApi, makeNode } from '../../src/scheduler/testing/fixtures.ts';
import { newsMs, type JudgedServer } from './upstream-scheduler.ts';

const classes: readonly (readonly [name: string, value: number])[] = [['lowest', -10], ['low', 10], ['middle', 20], ['high', 1000]];
const apps = ['web', 'db', 'job'];
const triesMax = 20;

export async function createPriorities(client: Client): Promise<void> {
  for (const [name, value] of classes) await client.create(priorityClasses, { metadata: { name }, value });
}

export async function comparePreemption(judged: JudgedServer, seed: number): Promise<void> {
  const { client } = judged;
  const random = seededRandom(seed);
  const namespace = `preempt-${seed}`;
  await judged.createNamespace(namespace);
  const names = Array.from({ length: 2 + random.below(5) }, (_, i) => `v${seed}-${i}`);
  const allNodes: Node[] = [];
  for (const name of names) allNodes.push(await judged.createNode(makeNode(name, { labels: { zone: `z${random.below(2)}` }, allocatable: { cpu: '4', memory: '8Gi', pods: '8' } })));
  const budgets = await createBudgets(client, namespace, random);
  const running: Pod[] = [];
  for (const node of names) for (let free = 4000; free >= 400; ) {
    const milli = Math.min(free, 400 + random.below(1600));
    free -= milli;
    running.push(await startPod(client, namespace, `${node}-${running.length}`, node, milli, random));
  }
  await wait(newsMs);
  const important = await client.create(pods, importantPod(namespace, random));
  const core = new Core().nodes(...allNodes);
  for (const pod of running) core.run(pod.spec.nodeName ?? '', pod);
  const info = core.snapshot.info(important);
  const result = core.cycle.schedule(info);
  const about = `seed ${seed}: ${JSON.stringify(important.spec.affinity)} ${JSON.stringify(important.spec.containers[0]?.resources)}`;
  assert.equal(result.kind, 'unfit', about);
  const leaving: string[] = [];
  const { snapshot, equivalences, nominator, cycle } = core;
  const api = { ...idleApi, deletePod: async (pod: Pod) => void leaving.push(pod.metadata.name ?? '') };
  const preemption = defaultPreemption({ snapshot, equivalences, nominator, cycle: () => cycle, api, clock: systemClock(), random, logger: silentLogger, budgets: () => budgets, onDemoted: () => {} });
  const ours = result.kind === 'unfit' ? preemption.postFilter(info, result.error) : undefined;
  await wait(0);
  const [nominated, victims] = await outcomeOf(client, important, leaving.length);
  assert.deepEqual([ours?.nominatedNode || undefined, leaving.toSorted()], [nominated, victims], about);

  for (const { metadata } of [...running, important]) await client.delete(pods, metadata, { gracePeriodSeconds: 0 }).catch(() => {});
  for (const name of names) await client.delete(nodes, { name });
  await wait(newsMs);
}

async function createBudgets(client: Client, namespace: string, random: Random): Promise<PodDisruptionBudget[]> {
  const budgets: PodDisruptionBudget[] = [];
  for (const app of apps.filter(() => random.below(2) === 0)) {
    const created = await client.create(podDisruptionBudgets, { metadata: { name: app, namespace }, spec: { minAvailable: 1, selector: { matchLabels: { app } } } });
    const status = { disruptionsAllowed: random.below(3), currentHealthy: 3, desiredHealthy: 1, expectedPods: 3, observedGeneration: created.metadata.generation };
    budgets.push(await client.updateStatus(podDisruptionBudgets, { ...created, status }));
  }
  return budgets;
}

/** Bound by hand, and started at a time of its own, so that no two are alike. */
async function startPod(client: Client, namespace: string, name: string, nodeName: string, milli: number, random: Random): Promise<Pod> {
  const [priorityClassName] = classes[random.below(3)] as readonly [string, number];
  const app = apps[random.below(apps.length)] as string;
  const created = await client.create(pods, {
    metadata: { name, namespace, labels: { app } },
    spec: { nodeName, priorityClassName, containers: [{ name: 'main', image: 'image', resources: { requests: { cpu: `${milli}m`, memory: '64Mi' } } }] },
  });
  const startTime = formatTime(Date.parse('2026-01-01T00:00:00Z') + random.below(1_000_000) * 1000);
  return client.updateStatus(pods, { ...created, status: { phase: 'Running', startTime } });
}

function importantPod(namespace: string, random: Random): Pod {
  const refuses = random.below(3) === 0 ? { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: apps[random.below(apps.length)] as string } } }] } } : {};
  return {
    metadata: { name: 'important', namespace },
    spec: {
      priorityClassName: 'high',
      affinity: refuses,
      ...(random.below(4) === 0 ? { nodeSelector: { zone: 'z0' } } : {}),
      containers: [{ name: 'main', image: 'image', resources: { requests: { cpu: `${500 + random.below(3000)}m`, memory: '64Mi' } } }],
    },
  };
}

/** Victims are told to go one by one, at upstream's leisure: we wait for as many as we expect. */
async function outcomeOf(client: Client, { metadata }: Pod, expected: number): Promise<[nominated: string | undefined, victims: string[]]> {
  for (let tries = 0; ; tries++) {
    await wait(newsMs);
    const { status } = await client.get(pods, metadata);
    const { items } = await client.list(pods, { namespace: metadata.namespace ?? '' });
    const victims = items.filter((pod) => pod.metadata.deletionTimestamp).map((pod) => pod.metadata.name ?? '').toSorted();
    const decided = status?.conditions?.some(({ type, status: is }) => type === 'PodScheduled' && is === 'False');
    if (decided && (victims.length >= expected || tries >= triesMax)) return [status?.nominatedNodeName, victims];
  }
}
