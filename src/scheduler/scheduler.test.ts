import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { apiError, notFound } from '../api/errors.ts';
import { silentLogger } from '../base/logger.ts';
import { MetricRegistry } from '../base/metrics/registry.ts';
import { seededRandom } from '../base/random.ts';
import type { Pod } from '../api/types/core-v1.ts';
import type { PodDisruptionBudget } from '../api/types/policy-v1.ts';
import { ManualClock } from '../client/testing/manual-clock.ts';
import { makeNode, makePod } from './testing/fixtures.ts';
import { noOwners } from './plugins/owners.ts';
import { noVolumes } from './plugins/volume-listers.ts';
import { Scheduler } from './scheduler.ts';
import { podKey } from './snapshot/pod-info.ts';

/** A scheduler over an API that does at once what it is asked, unless told otherwise. */
class World {
  readonly clock = new ManualClock();
  readonly metrics = new MetricRegistry();
  readonly pods = new Map<string, Pod>();
  readonly bound: [string, string][] = [];
  readonly deleted: string[] = [];
  readonly patches: [string, Record<string, unknown>][] = [];
  readonly events: string[] = [];
  readonly budgets: PodDisruptionBudget[] = [];
  onBind: (pod: Pod) => Promise<void> = () => Promise.resolve();
  readonly scheduler: Scheduler;

  constructor(bindingsMax = 200) {
    this.scheduler = new Scheduler({
      api: {
        bind: async (pod, nodeName) => {
          await this.onBind(pod);
          this.bound.push([pod.metadata.name ?? '', nodeName]);
          this.put({ ...pod, spec: { ...pod.spec, nodeName } });
        },
        patchPodStatus: (pod, status) => {
          this.patches.push([pod.metadata.name ?? '', { ...status }]);
          const current = this.pods.get(podKey(pod));
          if (current) this.put({ ...current, status: { ...current.status, ...status } });
          return Promise.resolve();
        },
        deletePod: (pod) => {
          this.deleted.push(pod.metadata.name ?? '');
          return Promise.resolve();
        },
        record: (pod, _type, reason, message) => this.events.push(`${pod.metadata.name} ${reason}: ${message}`),
      },
      clock: this.clock,
      random: seededRandom(1),
      logger: silentLogger,
      metrics: this.metrics,
      owners: noOwners,
      volumes: noVolumes,
      budgets: () => this.budgets,
      currentPod: (key) => this.pods.get(key),
      bindingsMax,
    });
    this.scheduler.start();
  }

  put(pod: Pod): Pod {
    this.pods.set(podKey(pod), pod);
    this.scheduler.setPod(pod);
    return pod;
  }

  remove(pod: Pod): void {
    this.pods.delete(podKey(pod));
    this.scheduler.removePod(pod);
  }

  node(name: string, more: Parameters<typeof makeNode>[1] = {}): void {
    this.scheduler.setNode(makeNode(name, more));
  }

  settle(): Promise<void> {
    return this.clock.advance(20);
  }

  condition(name: string) {
    return this.pods.get(`ns/${name}`)?.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  }
}

describe('the scheduler', () => {
  test('binds a pod and says so', async () => {
    const world = new World();
    world.node('a');
    world.put(makePod('p'));
    await world.settle();
    assert.deepEqual(world.bound, [['p', 'a']]);
    assert.deepEqual(world.events, ['p Scheduled: Successfully assigned ns/p to a']);
    assert.deepEqual(world.scheduler.queue.size, { active: 0, backoff: 0, unschedulable: 0 });
  });

  test('tells why a pod cannot be placed, once, and places it when that has changed', async () => {
    const world = new World();
    world.node('a');
    const blocker = world.put(makePod('big', { requests: { cpu: '8' }, spec: { nodeName: 'a' } }));
    world.put(makePod('p', { requests: { cpu: '1' } }));
    await world.settle();
    const message = '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.';
    assert.deepEqual(world.events, [`p FailedScheduling: ${message}`]);
    assert.deepEqual(
      { ...world.condition('p'), lastTransitionTime: undefined },
      { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message, observedGeneration: 1, lastTransitionTime: undefined },
    );
    await world.clock.advance(60_000);
    assert.equal(world.events.length, 1, 'nothing has changed, so nothing is tried');
    world.remove(blocker);
    await world.settle();
    assert.deepEqual(world.bound, [['p', 'a']]);
  });

  test('counts its attempts, and what waits where', async () => {
    const world = new World();
    const value = (family: string, ...labels: string[]) =>
      world.metrics.snapshot().find(({ name }) => name === family)?.series.find((series) => series.labels.join() === labels.join());
    world.node('a');
    world.put(makePod('gated', { spec: { schedulingGates: [{ name: 'wait' }] } }));
    const blocker = world.put(makePod('big', { requests: { cpu: '8' }, spec: { nodeName: 'a' } }));
    world.put(makePod('p', { requests: { cpu: '1' } }));
    await world.settle();
    const waiting = () => ['active', 'backoff', 'unschedulable', 'gated'].map((queue) => value('scheduler_pending_pods', queue)?.value);
    assert.deepEqual(waiting(), [0, 0, 1, 1]);
    await world.clock.advance(60_000);
    world.remove(blocker);
    await world.settle();
    assert.deepEqual(waiting(), [0, 0, 0, 1]);
    const attempts = (result: string) => value('scheduler_schedule_attempts_total', 'default-scheduler', result)?.value;
    assert.deepEqual(['scheduled', 'unschedulable', 'error'].map(attempts), [1, 1, 0]);
    const sli = value('scheduler_pod_scheduling_sli_duration_seconds', '2');
    assert.deepEqual([sli?.counts?.reduce((a, b) => a + b), Math.round(sli?.value ?? 0)], [1, 60]);
    assert.equal(value('scheduler_preemption_attempts_total')?.value, 1);
  });

  test('without nodes it waits and tries again', async () => {
    const world = new World();
    world.put(makePod('p'));
    await world.settle();
    assert.equal(world.condition('p')?.message, 'no nodes available to schedule pods');
    world.node('a');
    await world.clock.advance(1100);
    assert.deepEqual(world.bound, [['p', 'a']]);
  });

  test('a pod with gates is left alone until they are gone', async () => {
    const world = new World();
    world.node('a');
    const gated = world.put(makePod('p', { spec: { schedulingGates: [{ name: 'wait' }] } }));
    await world.clock.advance(400_000);
    assert.deepEqual(world.bound, []);
    assert.deepEqual(world.events, []);
    world.put({ ...gated, metadata: { ...gated.metadata, generation: 2 }, spec: { ...gated.spec, schedulingGates: [] } });
    await world.settle();
    assert.deepEqual(world.bound, [['p', 'a']]);
  });

  test('the higher priority goes first', async () => {
    const world = new World(1);
    world.node('a');
    world.put(makePod('low'));
    world.put(makePod('high', { spec: { priority: 10 } }));
    world.put(makePod('low2'));
    await world.settle();
    assert.deepEqual(world.bound.map(([name]) => name), ['high', 'low', 'low2']);
  });

  test('a failed binding gives back what it took, and the pod is tried again', async () => {
    const world = new World();
    world.node('a');
    let failures = 1;
    world.onBind = () => (failures-- > 0 ? Promise.reject(apiError(500, 'InternalError', 'no')) : Promise.resolve());
    world.put(makePod('p', { requests: { cpu: '8' } }));
    await world.settle();
    assert.equal(world.condition('p')?.reason, 'SchedulerError');
    assert.equal(world.scheduler.snapshot.requested[0], 0);
    await world.clock.advance(1100);
    assert.deepEqual(world.bound, [['p', 'a']]);
  });

  test('a pod that is gone when it is bound is forgotten', async () => {
    const world = new World();
    world.node('a');
    world.onBind = (pod) => {
      world.remove(pod);
      return Promise.reject(notFound({ group: '', kind: 'pods', name: 'p' }));
    };
    world.put(makePod('p', { requests: { cpu: '8' } }));
    await world.settle();
    assert.equal(world.scheduler.snapshot.requested[0], 0);
    assert.deepEqual(world.scheduler.queue.size, { active: 0, backoff: 0, unschedulable: 0 });
  });

  test('bindings run beside each other, but not more than allowed, and assumed pods take room', async () => {
    const world = new World(3);
    world.node('a', { allocatable: { cpu: '100' } });
    let open = 0;
    let most = 0;
    world.onBind = async () => {
      most = Math.max(most, ++open);
      await world.clock.sleep(100);
      open--;
    };
    for (let i = 0; i < 10; i++) world.put(makePod(`p${i}`, { requests: { cpu: '1' } }));
    await world.settle();
    assert.equal(world.scheduler.snapshot.requested[0], 3000);
    await world.clock.advance(1000);
    assert.equal(world.bound.length, 10);
    assert.equal(most, 3);
  });

  test('pods that have ended take no room; pods of other schedulers are not touched', async () => {
    const world = new World();
    world.node('a');
    const done = world.put(makePod('done', { requests: { cpu: '8' }, spec: { nodeName: 'a' } }));
    world.put({ ...done, status: { phase: 'Succeeded' } });
    world.put(makePod('other', { spec: { schedulerName: 'mine' } }));
    world.put(makePod('p', { requests: { cpu: '8' } }));
    await world.settle();
    assert.deepEqual(world.bound, [['p', 'a']]);
  });

  test('status updates of running pods cost nothing', async () => {
    const world = new World();
    world.node('a');
    const pod = world.put(makePod('p', { spec: { nodeName: 'a' } }));
    const { version } = world.scheduler.snapshot;
    world.put({ ...pod, status: { phase: 'Running' } });
    assert.equal(world.scheduler.snapshot.version, version);
  });
});

describe('preemption', () => {
  const victim = (name: string, nodeName: string, priority: number, cpu = '4', labels: Record<string, string> = {}) =>
    makePod(name, { metadata: { labels }, requests: { cpu }, spec: { nodeName, priority }, status: { phase: 'Running', startTime: '2026-01-01T00:00:00Z' } });
  const urgent = (cpu = '4') => makePod('urgent', { requests: { cpu }, spec: { priority: 100 } });

  test('evicts the least, nominates the node, and the pod follows', async () => {
    const world = new World();
    world.node('a');
    world.node('b');
    for (const pod of [victim('a1', 'a', 50), victim('a2', 'a', 50), victim('b1', 'b', 10), victim('b2', 'b', 20)]) world.put(pod);
    world.put(urgent());
    await world.settle();
    assert.deepEqual(world.deleted, ['b1']);
    assert.equal(world.pods.get('ns/urgent')?.status?.nominatedNodeName, 'b');
    assert.ok(world.events.some((event) => event.startsWith('b1 Preempted: Preempted by pod urgent-')));
    assert.deepEqual(world.events.filter((event) => event.startsWith('urgent')), ['urgent FailedScheduling: 0/2 nodes are available: 2 Insufficient cpu.']);
    const target = (world.patches.find(([name]) => name === 'b1')?.[1]['conditions'] as object[] | undefined)?.[0];
    assert.deepEqual({ ...target, lastTransitionTime: 0, observedGeneration: 1 }, {
      type: 'DisruptionTarget',
      status: 'True',
      observedGeneration: 1,
      reason: 'PreemptionByScheduler',
      message: 'default-scheduler: preempting to accommodate a higher priority pod',
      lastTransitionTime: 0,
    });
    // Meanwhile a pod of lower priority must not take what was made free.
    world.remove(world.pods.get('ns/b1') as Pod);
    world.put(makePod('thief', { requests: { cpu: '4' } }));
    await world.clock.advance(2000);
    assert.deepEqual(world.bound, [['urgent', 'b']]);
  });

  test('spares pods whose budget is used up', async () => {
    const world = new World();
    world.node('a');
    world.node('b');
    world.budgets.push({ metadata: { name: 'b', namespace: 'ns' }, spec: { selector: { matchLabels: { app: 'db' } } }, status: { currentHealthy: 1, desiredHealthy: 1, disruptionsAllowed: 0, expectedPods: 1 } });
    world.put(victim('precious', 'a', 0, '8', { app: 'db' }));
    world.put(victim('plain', 'b', 50, '8'));
    world.put(urgent());
    await world.settle();
    assert.deepEqual(world.deleted, ['plain']);
  });

  test('a pod that must not preempt says so', async () => {
    const world = new World();
    world.node('a');
    world.put(victim('v', 'a', 0, '8'));
    world.put(makePod('polite', { requests: { cpu: '1' }, spec: { priority: 100, preemptionPolicy: 'Never' } }));
    await world.settle();
    assert.equal(world.condition('polite')?.message, '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.');
    assert.deepEqual(world.deleted, []);
  });

  test('where leaving would not help it is not tried', async () => {
    const world = new World();
    world.node('a', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } });
    world.put(victim('v', 'a', 0));
    world.put(urgent());
    await world.settle();
    assert.equal(
      world.condition('urgent')?.message,
      '0/1 nodes are available: 1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
    );
  });
});
