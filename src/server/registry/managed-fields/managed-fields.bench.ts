/**
 * What ownership adds to the hot writes, in microseconds: reading
 * (finding the list in the bytes and not parsing it), tracking, and writing.
 * Run: node src/server/registry/managed-fields/managed-fields.bench.ts
 */
import { stdout } from 'node:process';
import { builtInCatalogue, type ResourceInfo } from '../../../api/catalogue.ts';
import { applyDefaults } from '../../../api/defaulting/defaulters.ts';
import type { KubeObject } from '../../../api/object.ts';
import { conform } from '../../../codec/conform.ts';
import { cutManagedFields, insertManagedFields } from '../../../codec/managed-fields-text.ts';
import { ManagedFields } from './managed-fields.ts';
import { trackChange, type Writer } from './track.ts';

const now = Date.parse('2026-01-01T00:00:00Z');
const time = '2026-01-01T00:00:00Z';
const catalogue = builtInCatalogue();

function resourceOf(group: string, name: string): ResourceInfo {
  const found = catalogue.lookup(group, 'v1', name);
  if (!found) throw new Error(name);
  return found;
}

function object(resource: ResourceInfo, value: object): KubeObject {
  const made = { apiVersion: resource.group === '' ? 'v1' : `${resource.group}/v1`, kind: resource.kind, ...(structuredClone(value) as object) } as KubeObject;
  conform(made, resource.type, resource);
  applyDefaults(resource.group, resource.version, resource.kind, made);
  return made;
}

const pods = resourceOf('', 'pods');
const nodes = resourceOf('', 'nodes');
const leases = resourceOf('coordination.k8s.io', 'leases');
const events = resourceOf('', 'events');

const podValue = {
  metadata: {
    name: 'web-7957885594-x2x9z',
    generateName: 'web-7957885594-',
    namespace: 'default',
    labels: { app: 'web', 'pod-template-hash': '7957885594', tier: 'front' },
    annotations: { 'prometheus.io/scrape': 'true' },
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-7957885594', uid: '410c5ea5-3fa0-4bf6-8d5c-82e27dc9be8d', controller: true, blockOwnerDeletion: true }],
  },
  spec: {
    containers: [
      {
        name: 'web',
        image: 'registry.example/web:1.2.3',
        ports: [{ containerPort: 8080, name: 'http' }],
        env: [{ name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }, { name: 'MODE', value: 'production' }],
        resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
        readinessProbe: { httpGet: { path: '/ready', port: 8080 } },
      },
    ],
  },
};
const condition = (type: string, status: string) => ({ type, status, lastTransitionTime: time, observedGeneration: 1 });
const statusOf = (ready: string) => ({
  phase: 'Running',
  conditions: ['PodReadyToStartContainers', 'Initialized', 'PodScheduled'].map((type) => condition(type, 'True')).concat(['Ready', 'ContainersReady'].map((type) => condition(type, ready))),
  hostIP: '10.0.0.1',
  hostIPs: [{ ip: '10.0.0.1' }],
  podIP: '10.128.1.1',
  podIPs: [{ ip: '10.128.1.1' }],
  startTime: time,
  containerStatuses: [{ name: 'web', state: { running: { startedAt: time } }, ready: ready === 'True', restartCount: 0, image: 'web', imageID: 'sha256:0' }],
});
const nodeValue = (at: string) => ({
  metadata: { name: 'node-0', labels: { 'kubernetes.io/hostname': 'node-0', 'kubernetes.io/os': 'linux' } },
  status: {
    capacity: { cpu: '4', memory: '16Gi', pods: '110' },
    allocatable: { cpu: '4', memory: '16Gi', pods: '110' },
    conditions: ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map((type) => ({ type, status: 'True', lastHeartbeatTime: at, lastTransitionTime: time, reason: 'R', message: 'm' })),
    addresses: [{ type: 'InternalIP', address: '10.0.0.1' }, { type: 'Hostname', address: 'node-0' }],
  },
});
const leaseValue = (at: string) => ({ metadata: { name: 'node-0' }, spec: { holderIdentity: 'node-0', leaseDurationSeconds: 40, renewTime: at } });
const eventValue = (count: number) => ({ metadata: { name: 'e' }, involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' }, reason: 'Started', message: 'm', source: { component: 'kubelet' }, firstTimestamp: time, lastTimestamp: time, count, type: 'Normal' });

const by = (manager: string, resource: ResourceInfo, subresource = ''): Writer => ({ manager, resource, subresource });
const kcm = by('kube-controller-manager', pods);
const create = (resource: ResourceInfo, made: KubeObject, writer: Writer) => trackChange(catalogue, { stored: resource, old: undefined, object: made }, ManagedFields.none, writer, now);

const pod = object(pods, podValue);
const created = create(pods, pod, kcm);
const running = object(pods, { ...podValue, status: statusOf('False') });
const kubelet = by('kubelet', pods, 'status');
const runningManaged = trackChange(catalogue, { stored: pods, old: pod, object: running }, created, kubelet, now);
const ready = object(pods, { ...podValue, status: statusOf('True') });
const node = object(nodes, nodeValue(time));
const nodeManaged = trackChange(catalogue, { stored: nodes, old: object(nodes, { ...nodeValue(time), status: {} }), object: node }, create(nodes, node, by('kubelet', nodes)), by('kubelet', nodes, 'status'), now);
const later = object(nodes, nodeValue('2026-01-01T00:05:00Z'));
const lease = object(leases, leaseValue('2026-01-01T00:00:00.000000Z'));
const leaseManaged = create(leases, lease, by('kubelet', leases));
const renewed = object(leases, leaseValue('2026-01-01T00:00:10.000000Z'));
const event = object(events, eventValue(1));
const eventManaged = create(events, event, by('kubelet', events));
const counted = object(events, eventValue(2));

const encode = (made: KubeObject, managed: ManagedFields) => insertManagedFields(JSON.stringify({ kind: made.kind, apiVersion: made.apiVersion, metadata: made.metadata, spec: made['spec'], status: made['status'] }), managed.text);
const update = (resource: ResourceInfo, old: KubeObject, made: KubeObject, managed: ManagedFields, writer: Writer) => {
  const text = managed.text;
  return () => trackChange(catalogue, { stored: resource, old, object: made }, ManagedFields.parse(text), writer, now + 60_000).text;
};

const podText = encode(ready, runningManaged);
const bareText = encode(ready, ManagedFields.none);
const cases: Record<string, () => unknown> = {
  'read a pod: parse it with its managedFields': () => JSON.parse(podText),
  'read a pod: cut them out, parse the rest': () => JSON.parse(cutManagedFields(podText).rest),
  'read a pod that has none': () => JSON.parse(bareText),
  'write a pod': () => encode(ready, runningManaged),
  'write a pod that has none': () => encode(ready, ManagedFields.none),
  'pod create': () => create(pods, pod, kcm).text,
  'pod to Running': update(pods, pod, running, created, kubelet),
  'pod to Ready': update(pods, running, ready, runningManaged, kubelet),
  'node heartbeat': update(nodes, node, later, nodeManaged, by('kubelet', nodes, 'status')),
  'lease renewal': update(leases, lease, renewed, leaseManaged, by('kubelet', leases)),
  'event create': () => create(events, event, by('kubelet', events)).text,
  'event count': update(events, event, counted, eventManaged, by('kubelet', events)),
};

stdout.write(`a pod is ${bareText.length} bytes, and ${podText.length} with its managedFields\n`);
for (const [title, run] of Object.entries(cases)) {
  let best = Infinity;
  // Short rounds, and many: some are not disturbed, however busy the machine is.
  for (let round = 0; round < 400; round++) {
    const start = performance.now();
    for (let i = 0; i < 100; i++) run();
    best = Math.min(best, (performance.now() - start) * 10);
  }
  stdout.write(`${title.padEnd(46)} ${best.toFixed(2)} us\n`);
}
