/**
 * The writes of a busy cluster, one by one: `node bench/hot-writes.bench.ts`.
 *
 * Microseconds a request, from the handler to the answer, over the memory
 * store: no sockets and no disk, so that what remains is decoding, admission,
 * ownership and encoding. Behind it, how large the object is afterwards.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stdout } from 'node:process';
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { systemRandom } from '../src/base/random.ts';
import { exchangeTransport } from '../src/client/transports/exchange.ts';
import { startApiServer } from '../src/cluster/api-server.ts';
import { administrator } from '../src/cluster/identities.ts';

const rounds = 8;
const objects = 1500;
const together = 25;

const dataDir = mkdtempSync(join(tmpdir(), 'coxswain-bench-'));
const server = await startApiServer({ datastore: 'memory', dataDir, host: '127.0.0.1', port: 0, clock: systemClock(), random: systemRandom(), logger: silentLogger });
const transport = exchangeTransport(server.handler, administrator);

interface Write {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  readonly target: string;
  readonly agent: string;
  readonly type?: string;
  readonly body?: unknown;
}

async function send({ method, target, agent, type = 'application/json', body }: Write): Promise<string> {
  const response = await transport.request({
    method,
    target,
    headers: { accept: 'application/json', 'user-agent': agent, ...(body === undefined ? {} : { 'content-type': type }) },
    ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }),
  });
  const text = Buffer.from(response.body).toString();
  if (response.status >= 400) throw new Error(`${method} ${target}: ${text}`);
  return text;
}

/** Microseconds a write, of the twentieth of the posts that were disturbed least. `prepare` comes before each round and is not measured. */
async function measure(title: string, write: (i: number, round: number) => Write, object: string, prepare?: (round: number) => Promise<unknown>): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await prepare?.(round);
    for (let i = 0; i < objects; i += together) {
      const start = performance.now();
      await Promise.all(Array.from({ length: together }, (_, j) => send(write(i + j, round))));
      times.push(((performance.now() - start) * 1000) / together);
      await settled();
    }
  }
  const stored = await send({ method: 'GET', target: object, agent: 'bench' });
  stdout.write(`${title.padEnd(16)} ${(times.sort((a, b) => a - b)[Math.floor(times.length / 20)] as number).toFixed(1).padStart(7)} us ${String(stored.length).padStart(6)} bytes\n`);
}

async function each(write: (i: number) => Write): Promise<void> {
  for (let i = 0; i < objects; i += together) {
    await Promise.all(Array.from({ length: together }, (_, j) => send(write(i + j))));
    await settled();
  }
}

/** A consistent read waits until the watch cache has what was written: a write of what it does not have yet is made twice. */
async function settled(): Promise<void> {
  await send({ method: 'GET', target: '/api/v1/namespaces/default', agent: 'bench' });
}

const kcm = 'kube-controller-manager/v1.36';
const kubelet = 'kubelet/v1.36';
const strategic = 'application/strategic-merge-patch+json';
const namespace = '/api/v1/namespaces/default';
const now = '2026-01-01T00:00:00Z';

await send({ method: 'POST', target: `${namespace}/serviceaccounts`, agent: kcm, body: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } } });

const pod = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    generateName: 'web-7957885594-',
    labels: { app: 'web', 'pod-template-hash': '7957885594', tier: 'front' },
    annotations: { 'prometheus.io/scrape': 'true' },
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-7957885594', uid: '410c5ea5-3fa0-4bf6-8d5c-82e27dc9be8d', controller: true, blockOwnerDeletion: true }],
  },
  spec: {
    containers: [
      {
        name: 'web',
        image: 'registry.example/web:1.2.3',
        ports: [{ containerPort: 8080, name: 'http', protocol: 'TCP' }],
        env: [
          { name: 'POD_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
          { name: 'MODE', value: 'production' },
        ],
        resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
        readinessProbe: { httpGet: { path: '/ready', port: 8080, scheme: 'HTTP' }, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 },
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        imagePullPolicy: 'IfNotPresent',
      },
    ],
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
    enableServiceLinks: true,
  },
});
const condition = (type: string, status: string) => ({ type, status, lastProbeTime: null, lastTransitionTime: now, observedGeneration: 1 });
const running = (i: number, at: string) => ({
  status: {
    observedGeneration: 1,
    phase: 'Running',
    conditions: ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => condition(type, at)),
    hostIP: '10.0.0.1',
    hostIPs: [{ ip: '10.0.0.1' }],
    podIP: `10.128.${i >> 8}.${i & 255}`,
    podIPs: [{ ip: `10.128.${i >> 8}.${i & 255}` }],
    startTime: now,
    containerStatuses: [{ name: 'web', state: { running: { startedAt: now } }, lastState: {}, ready: at === 'True', restartCount: 0, image: 'registry.example/web:1.2.3', imageID: 'sha256:0', containerID: `containerd://${i}`, started: true }],
  },
});

const fresh = (round: number) => each((i) => ({ method: 'POST', target: `${namespace}/pods`, agent: kcm, body: pod(`b${round}-${i}`) }));
const binding = (name: string) => ({ apiVersion: 'v1', kind: 'Binding', metadata: { name }, target: { kind: 'Node', name: 'node-0' } });
await measure('pod create', (i, round) => ({ method: 'POST', target: `${namespace}/pods`, agent: kcm, body: pod(`c${round}-${i}`) }), `${namespace}/pods/c0-0`);
await measure('pod binding', (i, round) => ({ method: 'POST', target: `${namespace}/pods/b${round}-${i}/binding`, agent: 'kube-scheduler/v1.36', body: binding(`b${round}-${i}`) }), `${namespace}/pods/b0-0`, fresh);
await measure('pod to Running', (i, round) => ({ method: 'PATCH', target: `${namespace}/pods/b${round}-${i}/status`, agent: kubelet, type: strategic, body: running(i, 'False') }), `${namespace}/pods/b0-0`);
await measure('pod to Ready', (i, round) => ({ method: 'PATCH', target: `${namespace}/pods/b${round}-${i}/status`, agent: kubelet, type: strategic, body: { status: { conditions: [condition('Ready', 'True'), condition('ContainersReady', 'True')], containerStatuses: running(i, 'True').status.containerStatuses } } }), `${namespace}/pods/b0-0`);

const nodeCondition = (type: string, round: number) => ({ type, status: type === 'Ready' ? 'True' : 'False', lastHeartbeatTime: `2026-01-01T00:0${round}:00Z`, lastTransitionTime: now, reason: 'KubeletReady', message: 'kubelet is posting ready status' });
const nodeStatus = (round: number) => ({
  status: {
    capacity: { cpu: '4', memory: '16Gi', pods: '110', 'ephemeral-storage': '100Gi' },
    allocatable: { cpu: '4', memory: '16Gi', pods: '110', 'ephemeral-storage': '100Gi' },
    conditions: ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map((type) => nodeCondition(type, round)),
    addresses: [{ type: 'InternalIP', address: '10.0.0.1' }, { type: 'Hostname', address: 'node-0' }],
    daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    nodeInfo: { kubeletVersion: 'v1.36.0', osImage: 'Linux', kernelVersion: '6', architecture: 'amd64', operatingSystem: 'linux', machineID: 'm', systemUUID: 's', bootID: 'b', containerRuntimeVersion: 'hollow://1', kubeProxyVersion: '' },
  },
});
await each((i) => ({ method: 'POST', target: '/api/v1/nodes', agent: kubelet, body: { apiVersion: 'v1', kind: 'Node', metadata: { name: `node-${i}`, labels: { 'kubernetes.io/hostname': `node-${i}`, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' } } } }));
await each((i) => ({ method: 'PATCH', target: `/api/v1/nodes/node-${i}/status`, agent: kubelet, type: strategic, body: nodeStatus(9) }));
await measure('node heartbeat', (i, round) => ({ method: 'PATCH', target: `/api/v1/nodes/node-${i}/status`, agent: kubelet, type: strategic, body: { status: { conditions: nodeStatus(round).status.conditions } } }), '/api/v1/nodes/node-0');

const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
const lease = (i: number, round: number) => ({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: `node-${i}`, namespace: 'kube-node-lease' }, spec: { holderIdentity: `node-${i}`, leaseDurationSeconds: 40, renewTime: `2026-01-01T00:00:0${round}.000000Z` } });
await each((i) => ({ method: 'POST', target: leases, agent: kubelet, body: lease(i, 9) }));
const versions: string[] = [];
const readVersions = async () => {
  for (let i = 0; i < objects; i++) versions[i] = (JSON.parse(await send({ method: 'GET', target: `${leases}/node-${i}`, agent: 'bench' })) as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
};
await measure('lease renewal', (i, round) => ({ method: 'PUT', target: `${leases}/node-${i}`, agent: kubelet, body: { ...lease(i, round), metadata: { ...lease(i, round).metadata, resourceVersion: versions[i] } } }), `${leases}/node-0`, readVersions);

const event = (name: string) => ({ apiVersion: 'v1', kind: 'Event', metadata: { name }, involvedObject: { kind: 'Pod', namespace: 'default', name: 'b0-0', apiVersion: 'v1', uid: 'u', fieldPath: 'spec.containers{web}' }, reason: 'Started', message: 'Container started', source: { component: 'kubelet', host: 'node-0' }, firstTimestamp: now, lastTimestamp: now, count: 1, type: 'Normal', reportingComponent: 'kubelet', reportingInstance: 'node-0' });
await measure('event create', (i, round) => ({ method: 'POST', target: `${namespace}/events`, agent: kubelet, body: event(`e${round}-${i}`) }), `${namespace}/events/e0-0`);
await measure('event count', (i, round) => ({ method: 'PATCH', target: `${namespace}/events/e0-${i}`, agent: kubelet, type: strategic, body: { count: round + 2, lastTimestamp: `2026-01-01T00:00:0${round}Z` } }), `${namespace}/events/e0-0`);

await transport.close();
await server.stop();
rmSync(dataDir, { recursive: true, force: true });
