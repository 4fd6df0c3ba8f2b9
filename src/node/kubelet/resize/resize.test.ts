import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { silentLogger } from '../../../base/logger.ts';
import type { Container, Pod, ResourceRequirements } from '../../../api/types/core-v1.ts';
import { ManualClock } from '../../../client/testing/manual-clock.ts';
import type { RuntimeContainer, RuntimePod } from '../runtime.ts';
import type { WorkerHost } from '../worker-host.ts';
import { allocationOf, changed, largest, reportedAllocation, sameAllocation } from './allocation.ts';
import { PodResize } from './pod-resize.ts';

function podOf(generation: number, containers: readonly Container[], status?: Pod['status']): Pod {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'ns', uid: 'u', generation }, spec: { containers: [...containers] }, ...(status ? { status } : {}) };
}

function cpu(request: string, limit?: string): ResourceRequirements {
  return { requests: { cpu: request }, ...(limit === undefined ? {} : { limits: { cpu: limit } }) };
}

test('what differs', () => {
  assert.deepEqual(changed(cpu('1'), cpu('1000m')), []);
  assert.deepEqual(changed(cpu('1'), { requests: { cpu: '1', memory: '1Mi' } }), ['memory']);
  assert.deepEqual(changed(cpu('1', '2'), cpu('1', '3')), ['cpu']);
  assert.ok(!sameAllocation(allocationOf(podOf(1, [{ name: 'a', resources: cpu('1') }])), allocationOf(podOf(1, [{ name: 'a', resources: cpu('2') }]))));
});

test('wide enough before and after', () => {
  const of = (resources: ResourceRequirements) => new Map([['a', resources]]);
  const wide = largest(of({ requests: { cpu: '1', memory: '2Gi' }, limits: { cpu: '2' } }), of({ requests: { cpu: '2', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } }));
  assert.deepEqual(wide.get('a'), { requests: { cpu: '2', memory: '2Gi' }, limits: { cpu: '2' } });
});

test('what an earlier life gave is told by the status', () => {
  const reported = reportedAllocation(podOf(2, [{ name: 'a', resources: cpu('2', '2') }], { containerStatuses: [{ name: 'a', containerID: 'x', ready: true, restartCount: 0, image: '', imageID: '', allocatedResources: { cpu: '1' }, resources: cpu('1', '1') }] }));
  assert.deepEqual(reported.get('a'), cpu('1', '1'));
});

describe('a resize', () => {
  function rig(before: Pod) {
    const clock = new ManualClock();
    const events: string[] = [];
    const calls: string[] = [];
    const state = { pod: before, refusal: undefined as { message: string } | undefined, failure: undefined as Error | undefined, ids: ['one'] };
    const container = (id: string): RuntimeContainer => ({ id, name: 'a', attempt: 0, image: '', imageId: '', state: 'running', startedAtMs: 0, finishedAtMs: 0, exitCode: 0, reason: '', message: '', user: undefined });
    const host = {
      clock,
      logger: silentLogger,
      record: (_: Pod, __: string, reason: string) => events.push(reason),
      refusal: () => state.refusal,
      setup: { resize: (pod: Pod) => Promise.resolve(void calls.push(`pod ${pod.spec.containers[0]?.resources?.requests?.['cpu']}`)) },
      runtime: {
        updateContainer: (id: string, _: Pod, { resources }: Container) => {
          calls.push(`${id} ${resources?.requests?.['cpu']}`);
          return state.failure ? Promise.reject(state.failure) : Promise.resolve();
        },
      },
    } as unknown as WorkerHost;
    const worker = {
      get pod() {
        return state.pod;
      },
      get view(): RuntimePod {
        return { uid: 'u', sandbox: undefined, containers: state.ids.map(container) };
      },
      restart: (_: RuntimeContainer, message: string) => void calls.push(message),
      advance: () => void resize.advance(),
    };
    const resize: PodResize = new PodResize(worker, host, allocationOf(before));
    const said = () => resize.conditions.map(({ type, reason }) => (reason === undefined ? type : `${type} ${reason}`));
    const actual = () => resize.actual(container(state.ids.at(-1) ?? ''))?.requests?.['cpu'];
    return { clock, events, calls, state, resize, said, actual };
  }

  const turn = () => new Promise((resolve) => setImmediate(resolve));

  test('is given and carried out', async () => {
    const { state, resize, calls, events, said, actual } = rig(podOf(1, [{ name: 'a', resources: cpu('2') }]));
    state.pod = podOf(2, [{ name: 'a', resources: cpu('1') }]);
    resize.advance();
    assert.deepEqual(said(), ['PodResizeInProgress']);
    assert.equal(resize.allocated('a')?.requests?.['cpu'], '1');
    assert.equal(actual(), '2');
    await turn();
    assert.deepEqual(calls, ['pod 2', 'one 1', 'pod 1']);
    assert.equal(actual(), '1');
    assert.deepEqual(said(), []);
    assert.deepEqual(events, ['ResizeStarted', 'ResizeCompleted']);
  });

  test('waits for room, and says so once', async () => {
    const { state, resize, events, said, clock } = rig(podOf(1, [{ name: 'a', resources: cpu('1') }]));
    state.pod = podOf(2, [{ name: 'a', resources: cpu('9') }]);
    state.refusal = { message: 'no room' };
    const again = resize.advance();
    assert.deepEqual(said(), ['PodResizePending Deferred']);
    assert.equal(again, clock.now() + 10_000);
    await clock.advance(10_000);
    resize.advance();
    assert.deepEqual(events, ['ResizeDeferred']);
    assert.equal(resize.allocatedPod.spec.containers[0]?.resources?.requests?.['cpu'], '1');
    state.refusal = undefined;
    await clock.advance(10_000);
    resize.advance();
    await turn();
    assert.deepEqual(events, ['ResizeDeferred', 'ResizeStarted', 'ResizeCompleted']);
    assert.equal(resize.allocatedPod.spec.containers[0]?.resources?.requests?.['cpu'], '9');
  });

  test('restarts a container whose policy asks for it', async () => {
    const resizePolicy = [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }];
    const { state, resize, calls, said, actual } = rig(podOf(1, [{ name: 'a', resources: cpu('1'), resizePolicy }]));
    state.pod = podOf(2, [{ name: 'a', resources: cpu('2'), resizePolicy }]);
    resize.advance();
    await turn();
    resize.advance();
    await turn();
    assert.deepEqual(calls, ['pod 2', 'Container a resize requires restart, will be restarted', 'pod 2']);
    assert.deepEqual(said(), ['PodResizeInProgress']);
    assert.equal(actual(), '1');
    state.ids = ['two'];
    resize.advance();
    await turn();
    assert.deepEqual(said(), []);
    assert.equal(actual(), '2');
  });

  test('a failure is told and tried again', async () => {
    const { state, resize, said, events, clock, actual } = rig(podOf(1, [{ name: 'a', resources: cpu('1') }]));
    state.pod = podOf(2, [{ name: 'a', resources: cpu('2') }]);
    state.failure = new Error('the runtime does not want to');
    resize.advance();
    await turn();
    assert.deepEqual(said(), ['PodResizeInProgress Error']);
    state.failure = undefined;
    await clock.advance(10_000);
    resize.advance();
    await turn();
    assert.deepEqual(said(), []);
    assert.equal(actual(), '2');
    assert.deepEqual(events, ['ResizeStarted', 'ResizeError', 'ResizeCompleted']);
  });
});
