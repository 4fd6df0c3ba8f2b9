/** Cost of a pod in each encoding, in microseconds. Run: node src/codec/codec.bench.ts */
import { stdout } from 'node:process';
import { conform } from './conform.ts';
import { encodeJson, parseJson } from './json.ts';
import { decodeProtobuf, encodeMessage, encodeProtobuf } from './protobuf.ts';

const container = (name: string) => ({
  name,
  image: `registry.example.com/team/${name}:1.36.0`,
  args: ['--port=8080', '--verbose', '--config=/etc/app/config.yaml'],
  ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
  env: [
    { name: 'POD_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
    { name: 'MODE', value: 'production' },
  ],
  resources: { limits: { cpu: '500m', memory: '128Mi' }, requests: { cpu: '100m', memory: '64Mi' } },
  volumeMounts: [{ name: 'kube-api-access-abcde', readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }],
  livenessProbe: { httpGet: { path: '/healthz', port: 8080, scheme: 'HTTP' }, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 },
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
  imagePullPolicy: 'IfNotPresent',
});
const condition = (type: string) => ({ type, status: 'True', lastTransitionTime: '2026-01-01T00:00:10Z' });
const pod = {
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: {
    name: 'web-7d4b9c6f5d-x2x9z',
    generateName: 'web-7d4b9c6f5d-',
    namespace: 'default',
    uid: 'b7b1f0de-6f0a-4c55-9a53-0f2a3c3d7a11',
    resourceVersion: '123456',
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels: { app: 'web', 'pod-template-hash': '7d4b9c6f5d' },
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-7d4b9c6f5d', uid: '5a1f0de2-6f0a-4c55-9a53-0f2a3c3d7a11', controller: true, blockOwnerDeletion: true }],
  },
  spec: {
    volumes: [{ name: 'kube-api-access-abcde', projected: { sources: [{ serviceAccountToken: { expirationSeconds: 3607, path: 'token' } }], defaultMode: 420 } }],
    containers: [container('web'), container('sidecar')],
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    serviceAccountName: 'default',
    serviceAccount: 'default',
    nodeName: 'node-17',
    securityContext: {},
    schedulerName: 'default-scheduler',
    tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }],
    priority: 0,
    enableServiceLinks: true,
    preemptionPolicy: 'PreemptLowerPriority',
  },
  status: { phase: 'Running', conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map(condition), hostIP: '10.0.0.17', podIP: '10.244.3.4', startTime: '2026-01-01T00:00:01Z', qosClass: 'Burstable' },
};

const json = encodeJson(pod);
const protobuf = encodeProtobuf(pod);
const options = { kind: 'Pod', version: 'v1' };
const cases: Record<string, () => unknown> = {
  'parse JSON': () => parseJson(json),
  'parse JSON, conform': () => conform(parseJson(json) as object, 'io.k8s.api.core.v1.Pod', options),
  'encode JSON': () => encodeJson(pod),
  'decode protobuf': () => decodeProtobuf(protobuf),
  'encode protobuf': () => encodeMessage(pod),
};
stdout.write(`JSON ${json.length} bytes, protobuf ${protobuf.length} bytes\n`);
for (const [name, run] of Object.entries(cases)) {
  const rounds = 20_000;
  for (let round = 0; round < rounds; round++) run();
  const start = process.hrtime.bigint();
  for (let round = 0; round < rounds; round++) run();
  const micros = Number(process.hrtime.bigint() - start) / 1000 / rounds;
  stdout.write(`${name.padEnd(24)}${micros.toFixed(1).padStart(8)} us\n`);
}
