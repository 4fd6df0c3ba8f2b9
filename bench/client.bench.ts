/**
 * What the client wing does for each pod, alone: no server, no threads. Prints
 * the time and what it leaves in memory: `node --expose-gc bench/client.bench.ts [pods]`.
 */
import type { Pod } from '../src/api/types/core-v1.ts';
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { Client } from '../src/client/client.ts';
import { EventRecorder } from '../src/client/event-recorder.ts';
import { shareEqual } from '../src/client/sharing.ts';
import type { Transport } from '../src/client/transport.ts';
import { podStatus } from '../src/node/kubelet/status.ts';
import { statusPatch } from '../src/node/kubelet/status-patch.ts';

const count = Number(process.argv[2] ?? 20_000);
const nowMs = Date.UTC(2026, 0, 1);
const isTrue = () => true;

function podText(index: number): string {
  const token = { name: `kube-api-access-${index}`, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' };
  const sources = [{ serviceAccountToken: { expirationSeconds: 3607, path: 'token' } }, { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } }];
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `load-${index}`,
      generateName: 'load-',
      namespace: 'bench',
      uid: `6f1b3c2a-0000-4000-8000-${String(index).padStart(12, '0')}`,
      resourceVersion: String(index),
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { app: 'load', group: `load-${index % 10}` },
      ownerReferences: [{ apiVersion: 'v1', kind: 'ReplicationController', name: 'load', uid: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee', controller: true, blockOwnerDeletion: true }],
    },
    spec: {
      volumes: [{ name: token.name, projected: { sources, defaultMode: 420 } }],
      containers: [{ name: 'pause', image: 'registry.k8s.io/pause:3.10', resources: { requests: { cpu: '5m', memory: '10Mi' } }, volumeMounts: [token], terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File', imagePullPolicy: 'IfNotPresent' }],
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      serviceAccountName: 'default',
      nodeName: `node-${index % 1000}`,
      schedulerName: 'default-scheduler',
      tolerations: ['not-ready', 'unreachable'].map((key) => ({ key: `node.kubernetes.io/${key}`, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 })),
    },
    status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] },
  };
  return JSON.stringify(pod);
}

function runningStatus(pod: Pod) {
  const container = { id: `containerd://${pod.metadata.uid}`, name: 'pause', attempt: 0, image: 'i', imageId: 'i@sha256', state: 'running', startedAtMs: nowMs, finishedAtMs: 0, exitCode: 0, reason: '', message: '', user: undefined } as const;
  const view = { uid: pod.metadata.uid ?? '', sandbox: { id: 's', ready: true, ips: ['10.0.0.1'] }, containers: [container] };
  return podStatus({ pod, previous: pod.status ?? {}, view, terminal: false, failure: undefined, waiting: new Map(), hostIps: ['172.16.0.2'], startedAtMs: nowMs, nowMs, isStarted: isTrue, isReady: isTrue });
}

let held: unknown;

async function run(work: () => unknown): Promise<void> {
  held = await work();
}

async function settle(): Promise<void> {
  await new Promise(setImmediate);
  globalThis.gc?.();
}

/** Runs `work` twice, the first time to warm up; what it returns is what it leaves behind. */
async function measure(name: string, work: () => unknown): Promise<void> {
  await run(work);
  held = undefined;
  await settle();
  const heapBefore = process.memoryUsage().heapUsed;
  const before = process.threadCpuUsage();
  await run(work);
  const { user, system } = process.threadCpuUsage(before);
  await settle();
  const bytes = (process.memoryUsage().heapUsed - heapBefore) / count;
  const left = globalThis.gc && held !== undefined ? `${bytes.toFixed(0).padStart(8)} bytes left` : '';
  process.stdout.write(`${name.padEnd(44)} ${((user + system) / count).toFixed(2).padStart(8)} µs ${left}\n`);
}

const texts = Array.from({ length: count }, (_, index) => podText(index));
const parse = () => texts.map((text) => JSON.parse(text) as Pod);

await measure('parse a pod', parse);
await measure('parse a pod, share with its sibling', () => {
  let newest: Pod | undefined;
  return texts.map((text) => {
    const pod = JSON.parse(text) as Pod;
    return (newest = shareEqual(newest ?? pod, pod));
  });
});

const pods = parse();
await measure('status of a pod that runs, and its patch', () => {
  for (const pod of pods) statusPatch(pod.status ?? {}, runningStatus(pod));
});
const settled = pods.map((pod) => ({ ...pod, status: runningStatus(pod) }));
await measure('the same where nothing differs', () => {
  for (const pod of settled) statusPatch(pod.status, runningStatus(pod));
});

const answer = Promise.resolve({ status: 201, headers: {}, body: new Uint8Array(0) });
const sink: Transport = { request: () => answer, stream: () => Promise.reject(new Error('not here')), close: () => Promise.resolve() };
await measure('an event, sent', async () => {
  const recorder = new EventRecorder(new Client(sink, { clock: systemClock() }), { clock: systemClock(), logger: silentLogger, component: 'kubelet', host: 'node-0', queueMax: count });
  for (const { metadata } of pods) {
    const { namespace, name, uid } = metadata;
    recorder.event({ apiVersion: 'v1', kind: 'Pod', namespace, name, uid, fieldPath: 'spec.containers{pause}' }, 'Normal', 'Started', 'Container started');
  }
  while (recorder.queued > 0) await new Promise(setImmediate);
  return recorder;
});
