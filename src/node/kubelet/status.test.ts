import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import type { Container, ContainerStatus, Pod, PodStatus } from '../../api/types/core-v1.ts';
import { planContainers, restartDelayMs } from './container-plan.ts';
import type { PodFailure } from './pod-failure.ts';
import type { RuntimeContainer, RuntimePod } from './runtime.ts';
import { podPhase, podStatus } from './status.ts';
import { statusPatch } from './status-patch.ts';

const nowMs = Date.UTC(2026, 0, 1, 12);

function pod(restartPolicy: string, containers: string[], inits: { name: string; sidecar?: boolean }[] = [], status?: PodStatus): Pod {
  return {
    metadata: { name: 'p', namespace: 'ns', uid: 'u', generation: 3 },
    spec: {
      restartPolicy,
      containers: containers.map((name) => ({ name, image: 'i' })),
      ...(inits.length > 0 ? { initContainers: inits.map(({ name, sidecar }) => ({ name, image: 'i', ...(sidecar ? { restartPolicy: 'Always' } : {}) })) } : {}),
    },
    ...(status ? { status } : {}),
  };
}

/** `r` runs, `rs` runs but has not started, `w` waits, `0`, `1`... ended with that code, `w1` waits after an end with code 1. */
function statusOf(name: string, what: string): ContainerStatus {
  const common = { name, image: 'i', imageID: '', restartCount: 0 };
  if (what === 'r' || what === 'rs') return { ...common, ready: what === 'r', started: what === 'r', state: { running: {} } };
  if (what === 'w') return { ...common, ready: false, state: { waiting: {} } };
  if (what.startsWith('w')) return { ...common, ready: false, state: { waiting: {} }, lastState: { terminated: { exitCode: Number(what.slice(1)) } } };
  return { ...common, ready: what === '0', state: { terminated: { exitCode: Number(what) } } };
}

describe('phases', () => {
  // Each row: restart policy, init containers (`s:` before a sidecar's), main containers, phase; after `!` where no container will start again.
  const rows: readonly [policy: string, inits: string, mains: string, phase: string][] = [
    ['Always', '', 'w', 'Pending'],
    ['Always', '', 'r', 'Running'],
    ['Always', '', 'r w', 'Pending'],
    ['Always', '', 'r 1', 'Running'],
    ['Always', '', '1', 'Running'],
    ['Always', '', '0', 'Running'],
    ['Always', '', 'w1', 'Running'],
    ['Always', '', '0!', 'Succeeded'],
    ['Always', '', '0 137!', 'Failed'],
    ['OnFailure', '', '0', 'Succeeded'],
    ['OnFailure', '', '1', 'Running'],
    ['OnFailure', '', '0 1', 'Running'],
    ['OnFailure', '', '0 w1', 'Running'],
    ['Never', '', '0', 'Succeeded'],
    ['Never', '', '1', 'Failed'],
    ['Never', '', '0 1', 'Failed'],
    ['Never', '', '0 r', 'Running'],
    ['Always', 'r', 'w', 'Pending'],
    ['Always', '0', 'w', 'Pending'],
    ['Always', '0', 'r', 'Running'],
    ['Always', '1', 'w', 'Pending'],
    ['Always', 'w1', 'w', 'Pending'],
    ['Never', '1', 'w', 'Failed'],
    ['OnFailure', '1', 'w', 'Pending'],
    ['Always', 's:rs', 'w', 'Pending'],
    ['Always', 's:r', 'w', 'Pending'],
    ['Always', 's:r', 'r', 'Running'],
    ['Always', 's:w', 'r', 'Pending'],
    ['Never', 's:r', '0', 'Running'],
    ['Never', 's:0', '0', 'Succeeded'],
    ['Never', 's:1', '0', 'Succeeded'],
    ['Never', 's:137', '1', 'Failed'],
  ];
  for (const [policy, inits, mains, phase] of rows) {
    test(`${policy}: ${inits || '-'} / ${mains} -> ${phase}`, () => {
      const initList = inits.split(' ').filter(Boolean).map((what, index) => ({ name: `i${index}`, sidecar: what.startsWith('s:'), what: what.replace('s:', '') }));
      const mainList = mains.replace('!', '').split(' ').map((what, index) => ({ name: `m${index}`, what }));
      const object = pod(policy, mainList.map(({ name }) => name), initList);
      const statuses = (list: readonly { name: string; what: string }[]) => list.map(({ name, what }) => statusOf(name, what));
      assert.equal(podPhase(object, statuses(mainList), statuses(initList), mains.endsWith('!')), phase);
    });
  }
});

function container(name: string, more: Partial<RuntimeContainer> = {}): RuntimeContainer {
  return {
    id: `containerd://${name}-${more.attempt ?? 0}`,
    name,
    attempt: 0,
    image: 'docker.io/library/i:latest',
    imageId: 'docker.io/library/i@sha256:0',
    state: 'running',
    startedAtMs: nowMs - 1000,
    finishedAtMs: 0,
    exitCode: 0,
    reason: '',
    message: '',
    user: undefined,
    ...more,
  };
}

function view(...containers: RuntimeContainer[]): RuntimePod {
  return { uid: 'u', sandbox: { id: 's', ready: true, ips: ['10.0.0.2'] }, containers };
}

function compute(object: Pod, runtime: RuntimePod | undefined, more: { waiting?: [string, { reason: string; message: string }][]; terminal?: boolean; ready?: boolean; failure?: PodFailure } = {}): PodStatus {
  return podStatus({
    pod: object,
    previous: object.status ?? {},
    view: runtime,
    terminal: more.terminal ?? false,
    failure: more.failure,
    waiting: new Map(more.waiting ?? []),
    hostIps: ['172.16.0.2'],
    startedAtMs: nowMs - 5000,
    nowMs,
    isStarted: () => true,
    isReady: () => more.ready ?? true,
  });
}

const conditions = ({ conditions: list }: PodStatus) => Object.fromEntries((list ?? []).map(({ type, status, reason, message }) => [type, [status, reason, message].filter(Boolean).join('|')]));

describe('status', () => {
  test('before anything runs', () => {
    const status = compute(pod('Always', ['m'], [{ name: 'i' }]), undefined);
    assert.equal(status.phase, 'Pending');
    assert.equal(status.startTime, '2026-01-01T11:59:55Z');
    assert.equal(status.containerStatuses?.[0]?.state?.waiting?.reason, 'PodInitializing');
    assert.deepEqual(conditions(status), {
      PodReadyToStartContainers: 'False',
      Initialized: 'False|ContainersNotInitialized|containers with incomplete status: [i]',
      Ready: 'False|ContainersNotReady|containers with unready status: [m]',
      ContainersReady: 'False|ContainersNotReady|containers with unready status: [m]',
      PodScheduled: 'True',
    });
  });

  test('running and ready', () => {
    const status = compute(pod('Always', ['m']), view(container('m')));
    assert.equal(status.phase, 'Running');
    assert.equal(status.podIP, '10.0.0.2');
    assert.equal(status.observedGeneration, 3);
    assert.deepEqual(conditions(status), { PodReadyToStartContainers: 'True', Initialized: 'True', Ready: 'True', ContainersReady: 'True', PodScheduled: 'True' });
    assert.deepEqual(status.conditions?.map(({ observedGeneration }) => observedGeneration), [3, 3, 3, 3, 3]);
  });

  test('a restart keeps the end of the attempt before', () => {
    const ended = container('m', { state: 'exited', exitCode: 2, reason: 'Error', finishedAtMs: nowMs - 500 });
    const [status] = compute(pod('Always', ['m']), view(ended, container('m', { attempt: 1 }))).containerStatuses ?? [];
    assert.equal(status?.restartCount, 1);
    assert.equal(status?.lastState?.terminated?.exitCode, 2);
    assert.equal(status?.lastState?.terminated?.containerID, 'containerd://m-0');
  });

  test('a back-off is a waiting state after an end', () => {
    const ended = container('m', { state: 'exited', exitCode: 2, reason: 'Error', finishedAtMs: nowMs });
    const status = compute(pod('Always', ['m']), view(ended), { waiting: [['m', { reason: 'CrashLoopBackOff', message: 'back-off' }]] });
    assert.equal(status.phase, 'Running');
    assert.equal(status.containerStatuses?.[0]?.state?.waiting?.reason, 'CrashLoopBackOff');
    assert.equal(status.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 2);
  });

  test('a terminal phase stays, and its conditions say why', () => {
    const object = pod('Never', ['m'], [], { phase: 'Failed', reason: 'Evicted', message: 'no room' });
    const status = compute(object, view(container('m')));
    assert.equal(status.phase, 'Failed');
    assert.equal(status.reason, 'Evicted');
    assert.equal(conditions(status)['Ready'], 'False|PodFailed');
  });

  test('a pod that has resources as a whole says what it was given', () => {
    const object = pod('Always', ['m']);
    object.spec.resources = { requests: { cpu: '500m', memory: '1Gi' }, limits: { cpu: '1' } };
    const status = compute(object, view(container('m')));
    assert.deepEqual([status.resources, status.allocatedResources], [object.spec.resources, { cpu: '500m', memory: '1Gi' }]);
  });

  test('a pod that was not taken tells of no containers, then and after a restart', () => {
    const object = pod('Always', ['m']);
    const refused = compute(object, undefined, { terminal: true, failure: { reason: 'OutOfpods', message: 'Pod was rejected: no', refused: true } });
    assert.deepEqual([refused.phase, refused.reason, refused.containerStatuses], ['Failed', 'OutOfpods', undefined]);
    const later = compute({ ...object, status: refused }, undefined, { terminal: true });
    assert.deepEqual([later.phase, later.reason, later.containerStatuses], ['Failed', 'OutOfpods', undefined]);
  });

  test('a pod that its node ends has failed when none of its containers runs', () => {
    const failure = { reason: 'Evicted', message: 'no room' };
    const object = pod('Always', ['m']);
    const ending = compute(object, view(container('m')), { failure });
    assert.deepEqual([ending.phase, ending.reason], ['Running', undefined]);
    const ended = compute(object, view(container('m', { state: 'exited', exitCode: 137 })), { failure });
    assert.deepEqual([ended.phase, ended.reason, ended.message], ['Failed', 'Evicted', 'no room']);
  });

  test('at the end nothing is left open', () => {
    const ended = compute(pod('Always', ['m'], []), undefined, { terminal: true });
    assert.equal(ended.phase, 'Failed');
    assert.deepEqual([ended.containerStatuses?.[0]?.state?.terminated?.reason, ended.containerStatuses?.[0]?.state?.terminated?.exitCode], ['ContainerStatusUnknown', 137]);
    const uninitialized = compute(pod('Always', ['m'], [{ name: 'a' }, { name: 'b' }]), view(container('a', { state: 'exited', exitCode: 1 })), { terminal: true });
    assert.equal(uninitialized.phase, 'Failed');
    assert.deepEqual(uninitialized.initContainerStatuses?.map(({ state }) => Object.keys(state ?? {})), [['terminated'], ['waiting']]);
    assert.ok(uninitialized.containerStatuses?.[0]?.state?.waiting, 'its turn never came');
    assert.equal(compute(pod('Never', ['m']), view(container('m', { state: 'exited' })), { terminal: true }).phase, 'Succeeded');
  });

  test('readiness gates wait for their conditions, which are passed on', () => {
    const gate = { type: 'lb', status: 'False' };
    const object = pod('Always', ['m'], [], { phase: 'Running', conditions: [gate] });
    object.spec.readinessGates = [{ conditionType: 'lb' }, { conditionType: 'dns' }];
    const status = compute(object, view(container('m')));
    assert.equal(
      conditions(status)['Ready'],
      'False|ReadinessGatesNotReady|the status of pod readiness gate "lb" is not "True", but False, corresponding condition of pod readiness gate "dns" does not exist.',
    );
    assert.deepEqual(status.conditions?.[0], gate);
  });

  test('a condition keeps its time while its status stays', () => {
    const object = pod('Always', ['m'], [], { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2025-01-01T00:00:00Z' }] });
    const timeOf = (status: PodStatus) => status.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime;
    assert.equal(timeOf(compute(object, view(container('m')))), '2025-01-01T00:00:00Z');
    assert.equal(timeOf(compute(object, view(container('m')), { ready: false })), '2026-01-01T12:00:00Z');
  });
});

describe('plans', () => {
  const plan = (object: Pod, runtime: RuntimePod | undefined, started = true, since = 0) => planContainers({ pod: object, view: runtime, nowMs, facts: { backoffSince: () => since, isAbandoned: ({ id }) => id === 'abandoned', isToRestart: () => false, hasStarted: () => started } });
  const names = ({ start }: ReturnType<typeof plan>) => start.map((one) => one.container.name);
  const inits = [{ name: 'a' }, { name: 's', sidecar: true }, { name: 'b' }];

  test('init containers one by one, sidecars stay, then the rest at once', () => {
    const object = pod('Always', ['m', 'n'], inits);
    const done = (name: string) => container(name, { state: 'exited' });
    assert.deepEqual(names(plan(object, undefined)), ['a']);
    assert.deepEqual(names(plan(object, view(container('a')))), []);
    assert.deepEqual(names(plan(object, view(done('a')))), ['s']);
    assert.deepEqual(names(plan(object, view(done('a'), container('s')), false)), []);
    assert.deepEqual(names(plan(object, view(done('a'), container('s')))), ['b']);
    assert.deepEqual(names(plan(object, view(done('a'), container('s'), done('b')))), ['m', 'n']);
    assert.deepEqual(names(plan(object, view(done('a'), done('s'), done('b'), container('m'), container('n')))), ['s']);
  });

  test('who ends a pod', () => {
    const ended = (exitCode: number) => view(container('m', { state: 'exited', exitCode, finishedAtMs: nowMs }));
    assert.equal(plan(pod('Never', ['m']), ended(1)).ended, true);
    assert.equal(plan(pod('OnFailure', ['m']), ended(0)).ended, true);
    assert.equal(plan(pod('OnFailure', ['m']), ended(1)).ended, false);
    assert.equal(plan(pod('Always', ['m']), ended(0)).ended, false);
    assert.equal(plan(pod('Never', ['m'], [{ name: 'a' }]), view(container('a', { state: 'exited', exitCode: 1 }))).ended, true);
  });

  test('restart rules go before policies', () => {
    const object = pod('Never', ['m']);
    Object.assign(object.spec.containers[0] ?? {}, { restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }] });
    assert.equal(plan(object, view(container('m', { state: 'exited', exitCode: 42, finishedAtMs: nowMs }))).ended, false);
    assert.equal(plan(object, view(container('m', { state: 'exited', exitCode: 1, finishedAtMs: nowMs }))).ended, true);
  });

  test('another sandbox: the pod begins anew, but for what has done its work', () => {
    const old = (name: string, exitCode: number) => container(name, { state: 'exited', exitCode, sandboxId: 'old', finishedAtMs: nowMs - 600_000 });
    assert.deepEqual(names(plan(pod('Always', ['m'], [{ name: 'a' }]), view(old('a', 0), old('m', 0)))), ['a']);
    const attempts = ({ start }: ReturnType<typeof plan>) => start.map((one) => [one.container.name, one.attempt]);
    assert.deepEqual(attempts(plan(pod('OnFailure', ['m', 'n']), view(old('m', 0), old('n', 137)))), [['n', 1]]);
  });

  test('what was made and never started is made again', () => {
    assert.deepEqual(names(plan(pod('Never', ['m']), view(container('m', { state: 'created' })))), []);
    assert.deepEqual(names(plan(pod('Never', ['m']), view(container('m', { state: 'created', id: 'abandoned' })))), ['m']);
    assert.deepEqual(names(plan(pod('Never', ['m'], [{ name: 'a' }]), view(container('a', { state: 'created', id: 'abandoned' })))), ['a']);
  });

  test('ephemeral containers start at any time, once', () => {
    const object = pod('Always', ['m'], [{ name: 'a' }]);
    object.spec.ephemeralContainers = [{ name: 'e', image: 'i' }];
    assert.deepEqual(names(plan(object, view(container('a')))), ['e']);
    assert.deepEqual(names(plan(object, view(container('a'), container('e', { state: 'exited', exitCode: 1 })))), []);
  });

  test('a rule may restart all containers', () => {
    const object = pod('Never', ['m', 'n']);
    const rule = (values: number[]) => [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values } }];
    (object.spec.containers[0] as Container).restartPolicyRules = rule([88]);
    assert.equal(plan(object, view(container('m', { state: 'exited', exitCode: 88 }), container('n'))).restartAll, true);
    assert.equal(plan(object, view(container('m', { state: 'exited', exitCode: 1 }), container('n'))).restartAll, false);
    object.status = { containerStatuses: [{ name: 'm', containerID: 'x', ready: false, restartCount: 2, image: '', imageID: '' }] };
    assert.deepEqual(plan(object, view()).start.map(({ attempt }) => attempt), [3, 0], 'who is made again counts on');
  });

  test('who ran for long is forgiven, for its next failures too', () => {
    const object = pod('Always', ['m']);
    const ended = container('m', { state: 'exited', attempt: 8, startedAtMs: nowMs - 700_000, finishedAtMs: nowMs });
    assert.deepEqual(plan(object, view(ended)).start.map(({ attempt, forgiven }) => [attempt, forgiven]), [[9, true]]);
    const again = container('m', { state: 'exited', attempt: 9, startedAtMs: nowMs, finishedAtMs: nowMs });
    assert.equal(plan(object, view(again), true, 8).wakeAtMs, nowMs + 10_000);
  });

  test('back-off grows and is bounded', () => {
    assert.deepEqual([1, 2, 3, 4, 20].map(restartDelayMs), [0, 10_000, 20_000, 40_000, 300_000]);
  });
});

describe('patches', () => {
  test('only what differs', () => {
    const from: PodStatus = { phase: 'Pending', reason: 'x', conditions: [{ type: 'PodScheduled', status: 'True' }, { type: 'Ready', status: 'False', reason: 'r' }] };
    const to: PodStatus = { phase: 'Running', conditions: [{ type: 'PodScheduled', status: 'True' }, { type: 'Ready', status: 'True' }] };
    assert.deepEqual(statusPatch(from, to), { phase: 'Running', reason: null, conditions: [{ type: 'Ready', status: 'True', reason: null }] });
    assert.equal(statusPatch(to, structuredClone(to)), undefined);
  });
  test('a condition that goes is deleted by its type', () => {
    assert.deepEqual(statusPatch({ conditions: [{ type: 'PodResizePending', status: 'True' }] }, { conditions: [] }), { conditions: [{ $patch: 'delete', type: 'PodResizePending' }] });
  });
  test('an address that goes is deleted by its key', () => {
    assert.deepEqual(statusPatch({ podIPs: [{ ip: 'a' }] }, { podIPs: [{ ip: 'b' }] }), { podIPs: [{ ip: 'b' }, { $patch: 'delete', ip: 'a' }] });
  });
});
