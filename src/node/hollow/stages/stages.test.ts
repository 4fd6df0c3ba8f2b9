/** Behaviours and stages of a file, seen through the status that the kubelet reports. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { MetricRegistry } from '../../../base/metrics/registry.ts';
import { silentLogger } from '../../../base/logger.ts';
import { seededRandom } from '../../../base/random.ts';
import type { Pod } from '../../../api/types/core-v1.ts';
import { Client } from '../../../client/client.ts';
import { ManualClock } from '../../../client/testing/manual-clock.ts';
import { startHollowFleet } from '../fleet.ts';
import { FakeApi } from '../testing/fake-api.ts';
import { loadStages } from './load.ts';

let stop = new AbortController();
afterEach(() => {
  stop.abort();
  stop = new AbortController();
});

async function begin(stages: string, events = false) {
  const api = new FakeApi();
  const clock = new ManualClock();
  const clientFor = () => new Client(api, { clock });
  const fleet = startHollowFleet({ count: 1, clientFor, clock, random: seededRandom(1), logger: silentLogger, metrics: new MetricRegistry(), events, signal: stop.signal, stages: loadStages(stages) });
  await clock.advance(10);
  await fleet.registered;
  const put = (metadata: Partial<Pod['metadata']> = {}, spec: Partial<Pod['spec']> = {}) =>
    api.putPod({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', namespace: 'ns', uid: 'uid-of-web', generation: 1, ...metadata },
      spec: { nodeName: 'node-0', restartPolicy: 'Always', containers: [{ name: 'main', image: 'nginx' }], ...spec },
      status: { phase: 'Pending' },
    });
  const status = () => api.pod('ns', 'web')?.status;
  const container = () => status()?.containerStatuses?.[0];
  const reasons = () => api.writesTo('/events').map(({ body }) => body['reason']);
  return { api, clock, put, status, container, reasons };
}

const behaviour = (spec: string) => `apiVersion: hollow.coxswain.dev/v1alpha1\nkind: Behaviour\nmetadata: { name: test }\nspec: ${spec}\n`;

describe('behaviours', () => {
  test('an image that cannot be pulled, by the kubelet’s own back-off', async () => {
    const { put, clock, container, status, reasons } = await begin(behaviour('{ pull: { delay: { durationMilliseconds: 100 }, error: manifest unknown } }'), true);
    put();
    await clock.advance(700);
    assert.deepEqual(container()?.state?.waiting, { reason: 'ErrImagePull', message: 'manifest unknown' });
    assert.equal(status()?.phase, 'Pending');
    await clock.advance(1000);
    assert.deepEqual(container()?.state?.waiting, { reason: 'ImagePullBackOff', message: 'Back-off pulling image "nginx": ErrImagePull: manifest unknown' });
    assert.deepEqual(reasons(), ['Pulling', 'Failed', 'Failed', 'BackOff', 'Failed']);
  });

  test('which containers they are for', async () => {
    const { put, clock, status } = await begin(behaviour('{ selector: { matchLabels: { app: web } }, containers: [side], run: { exitCode: 2 }, start: { delay: { durationMilliseconds: 100 } } }'));
    put({ labels: { app: 'web' } }, { containers: [{ name: 'main', image: 'a' }, { name: 'side', image: 'b' }] });
    await clock.advance(2000);
    assert.ok(status()?.containerStatuses?.[0]?.ready);
    assert.equal(status()?.containerStatuses?.[1]?.lastState?.terminated?.exitCode, 2);
  });

  test('a container that is never ready, and one that cannot be made', async () => {
    const never = await begin(behaviour('{ ready: { never: true } }'), true);
    never.put({}, { containers: [{ name: 'main', image: 'a', readinessProbe: { periodSeconds: 1 } }] });
    await never.clock.advance(5000);
    assert.ok(never.container()?.state?.running && !never.container()?.ready);
    assert.ok(never.reasons().includes('Unhealthy'));
    const unmade = await begin(behaviour('{ start: { error: { reason: CreateContainerConfigError, message: no such secret } } }'));
    unmade.put();
    await unmade.clock.advance(1000);
    assert.deepEqual(unmade.container()?.state?.waiting, { reason: 'CreateContainerConfigError', message: 'no such secret' });
  });

  test('a container whose liveness probe fails is killed and started again', async () => {
    const { put, clock, container, reasons } = await begin(behaviour('{ ready: { never: true }, live: { time: { durationMilliseconds: 5000 } } }'), true);
    put({}, { containers: [{ name: 'main', image: 'a', livenessProbe: { periodSeconds: 1, failureThreshold: 2 } }] });
    await clock.advance(4500);
    assert.equal(container()?.restartCount, 0);
    await clock.advance(3500);
    assert.equal(container()?.restartCount, 1);
    assert.ok(container()?.state?.running);
    assert.ok(reasons().includes('Unhealthy') && reasons().includes('Killing'));
  });

  test('annotations of a pod, for all containers and for one', async () => {
    const { put, clock, status } = await begin('');
    const annotations = { 'hollow.coxswain.dev/run-time': '3s', 'hollow.coxswain.dev/exit-code.main': '5', 'hollow.coxswain.dev/start-delay': 'nonsense' };
    put({ annotations }, { restartPolicy: 'Never', containers: [{ name: 'main', image: 'a' }, { name: 'other', image: 'b' }] });
    await clock.advance(2000);
    assert.equal(status()?.phase, 'Running');
    await clock.advance(2000);
    assert.equal(status()?.phase, 'Failed');
    assert.deepEqual(status()?.containerStatuses?.map(({ state }) => state?.terminated?.exitCode), [5, 0]);
  });
});

const stage = (name: string, spec: string) => `---\napiVersion: kwok.x-k8s.io/v1alpha1\nkind: Stage\nmetadata: { name: ${name} }\nspec:\n  resourceRef: { apiGroup: v1, kind: Pod }\n${spec}`;
const slowStart = stage(
  'slow-start',
  `  selector:
    matchExpressions:
    - { key: .metadata.deletionTimestamp, operator: DoesNotExist }
    - { key: .status.phase, operator: In, values: [Pending] }
  delay: { durationMilliseconds: 5000 }
  next:
    event: { type: Normal, reason: Slept, message: well }
    statusTemplate: |
      phase: Running
      containerStatuses:
      {{ range .spec.containers }}
      - name: {{ .name | Quote }}
        ready: true
        state: { running: { startedAt: {{ Now | Quote }} } }
      {{ end }}
`,
);

describe('stages', () => {
  test('a pod waits for the one that is due', async () => {
    const { put, clock, status, reasons } = await begin(slowStart, true);
    put();
    await clock.advance(4500);
    assert.equal(status()?.phase, 'Pending');
    assert.equal(status()?.containerStatuses?.[0]?.state?.waiting?.reason, 'ContainerCreating');
    await clock.advance(6000);
    assert.equal(status()?.phase, 'Running');
    assert.ok(status()?.containerStatuses?.[0]?.ready);
    assert.ok(reasons().includes('Slept'));
  });

  test('a container that a stage ends is restarted by the kubelet’s rules, and ended again', async () => {
    const crash = stage(
      'crash',
      `  selector: { matchLabels: { crash: 'true' }, matchExpressions: [{ key: .status.phase, operator: In, values: [Running] }] }
  delay: { durationMilliseconds: 1000 }
  next:
    statusTemplate: |
      phase: Failed
      containerStatuses: [{ name: main, ready: false, state: { terminated: { exitCode: 7, reason: Boom, message: it broke } } }]
`,
    );
    const { put, clock, container, status } = await begin(crash);
    put({ labels: { crash: 'true' } });
    await clock.advance(5000);
    assert.equal(container()?.restartCount, 1);
    assert.equal(container()?.state?.waiting?.reason, 'CrashLoopBackOff');
    const { exitCode, reason, message } = container()?.lastState?.terminated ?? {};
    assert.deepEqual([exitCode, reason, message], [7, 'Boom', 'it broke']);
    assert.equal(status()?.phase, 'Running', 'the phase is the kubelet’s to say');
    await clock.advance(10_000);
    assert.equal(container()?.restartCount, 2);
  });

  test('a container that a stage lets wait for a reason is not made, until another says otherwise', async () => {
    const refuse = stage(
      'refuse',
      `  selector: { matchExpressions: [{ key: '.metadata.annotations["fixed"]', operator: DoesNotExist }] }
  next:
    statusTemplate: |
      containerStatuses: [{ name: main, state: { waiting: { reason: CreateContainerError, message: not yet } } }]
`,
    );
    const { api, put, clock, container } = await begin(refuse + slowStart.replace('selector:', 'selector:\n    matchAnnotations: { fixed: "yes" }'));
    put();
    await clock.advance(1000);
    assert.deepEqual(container()?.state?.waiting, { reason: 'CreateContainerError', message: 'not yet' });
    const pod = api.pod('ns', 'web') as Pod;
    api.putPod({ ...pod, metadata: { ...pod.metadata, annotations: { fixed: 'yes' } } });
    await clock.advance(20_000);
    assert.ok(container()?.state?.running);
  });

  test('a deleted pod stops when its stage says so, and in its grace period at the latest', async () => {
    const stopping = (delayMs: number) => stage('stop', `  selector: { matchExpressions: [{ key: .metadata.deletionTimestamp, operator: Exists }] }\n  delay: { durationMilliseconds: ${delayMs} }\n  next: { delete: true }\n`);
    for (const [delayMs, goneAfterMs] of [[5000, 5000], [60_000, 30_000]] as const) {
      const { api, put, clock } = await begin(stopping(delayMs));
      put();
      await clock.advance(1000);
      const pod = api.pod('ns', 'web') as Pod;
      api.putPod({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:31Z', deletionGracePeriodSeconds: 30 } });
      await clock.advance(goneAfterMs - 500);
      assert.ok(api.pod('ns', 'web'));
      await clock.advance(1500);
      assert.equal(api.pod('ns', 'web'), undefined);
      stop.abort();
      stop = new AbortController();
    }
  });

  test('finalizers, conditions of others, and deletion go to the API as the node’s', async () => {
    const writes = stage(
      'writes',
      `  selector: { matchExpressions: [{ key: .status.phase, operator: In, values: [Running] }, { key: '.status.conditions.[].type', operator: NotIn, values: [Gate] }] }
  next:
    finalizers: { add: [{ value: example.com/a }], remove: [{ value: example.com/b }] }
    delete: true
    statusTemplate: "conditions: [{ type: Gate, status: 'True' }, { type: Ready, status: 'False' }]"
`,
    );
    const { api, put, clock, status } = await begin(writes);
    put({ finalizers: ['example.com/b'] });
    await clock.advance(700);
    const bodies = api.writesTo('/pods/web').map(({ method, path, body }) => [method, path.endsWith('/status'), (body['metadata'] as { finalizers?: string[] } | undefined)?.finalizers, (body['status'] as { conditions?: object[] } | undefined)?.conditions?.length]);
    assert.ok(bodies.some(([, ofStatus, finalizers]) => ofStatus && String(finalizers) === 'example.com/a'));
    assert.ok(bodies.some(([, ofStatus, , conditions]) => ofStatus && conditions === 1));
    assert.ok(bodies.some(([method]) => method === 'DELETE'));
    assert.equal(status()?.conditions?.find(({ type }) => type === 'Ready')?.status ?? 'gone', 'gone');
  });
});

test('a file says what is wrong with it', () => {
  assert.throws(() => loadStages(behaviour('{ runs: 1 }')), /Behaviour "test": unknown field "runs"/);
  assert.throws(() => loadStages('kind: Pod\napiVersion: v1\n'), /v1 Pod is no kind of stages/);
  assert.throws(() => loadStages(stage('x', '  selector: {}\n  next: { statusTemplate: "{{ nope }}" }\n')), /Stage "x": a template calls nope/);
  assert.throws(() => loadStages(stage('x', '  selector: {}\n  next: { patches: [{ template: "{}" }] }\n')), /a node may change the status only/);
  assert.throws(() => loadStages('a: [\n'), /stages: /);
  const { notes, podStages } = loadStages(`${slowStart}${stage('n', '  selector: {}\n').replace('Pod }', 'Node }')}`);
  assert.equal(podStages.length, 1);
  assert.match(notes[0] ?? '', /stage n: left out, since it is for Node/);
});
