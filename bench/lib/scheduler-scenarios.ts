/**
 * The workloads of upstream's scheduler benchmark (scheduler_perf) and the
 * throughput that its CI asks of them, in pods a second. Counts are of 5000
 * nodes and shrink with the cluster.
 */

export interface Scenario {
  readonly name: string;
  /** Of upstream's CI; undefined where it has none for this workload. */
  readonly threshold?: number;
  readonly zones?: number;
  /** One more node, with room for all pods. */
  readonly bigNode?: string;
  readonly init?: PodSet;
  readonly measured: PodSet;
  /** What else goes on meanwhile: created every `periodMs`, and where it says so deleted again. */
  readonly churn?: Churn;
}

export interface PodSet {
  readonly count: number;
  pod(name: string, namespaces: Namespaces): object;
}

export interface Namespaces {
  readonly init: string;
  readonly measured: string;
}

export interface Churn {
  readonly periodMs: number;
  /** Paths of collections and what to create in them. */
  objects(index: number, namespaces: Namespaces): readonly (readonly [collection: string, object: object])[];
  readonly deletes: boolean;
}

export const fullNodes = 5000;
export const zoneLabel = 'topology.kubernetes.io/zone';
export const highPriority = 'bench-high';
const hostLabel = 'kubernetes.io/hostname';
const bigNode = 'bench-big-node';

interface PodOptions {
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: object;
  readonly cpu?: string;
}

function pod(name: string, { labels = {}, spec = {}, cpu = '100m' }: PodOptions = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    // Without a kubelet nothing would end a pod that is evicted: it goes at once.
    spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'pause', image: 'registry.k8s.io/pause:3.10', resources: { requests: { cpu, memory: '500Mi' } } }], ...spec },
  };
}

const plain = (count: number): PodSet => ({ count, pod: (name) => pod(name) });

const term = (color: string, topologyKey: string, { init, measured }: Namespaces) => ({ labelSelector: { matchLabels: { color } }, topologyKey, namespaces: [init, measured] });

function affine(count: number, color: string, affinityOf: (namespaces: Namespaces) => object): PodSet {
  return { count, pod: (name, namespaces) => pod(name, { labels: { color }, spec: { affinity: affinityOf(namespaces) } }) };
}

const requiredAffinity = (count: number) => affine(count, 'blue', (namespaces) => ({ podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('blue', zoneLabel, namespaces)] } }));
const requiredAntiAffinity = (count: number) => affine(count, 'green', (namespaces) => ({ podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('green', hostLabel, namespaces)] } }));
const preferredAffinity = (count: number) =>
  affine(count, 'red', (namespaces) => ({ podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: term('red', hostLabel, namespaces) }] } }));

const nodeAffinity = (count: number, required: object): PodSet => ({
  count,
  pod: (name) => pod(name, { spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [required] } } } } }),
});

const spread = (count: number): PodSet => ({
  count,
  pod: (name) =>
    pod(name, {
      labels: { color: 'blue' },
      spec: { topologySpreadConstraints: [{ maxSkew: 5, topologyKey: zoneLabel, whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { color: 'blue' } } }] },
    }),
});

const podsOf = (namespace: string) => `/api/v1/namespaces/${namespace}/pods`;
/** More than any node has. */
const tooLarge = (name: string) => pod(name, { cpu: '9', spec: { priorityClassName: highPriority } });

export const scenarios: readonly Scenario[] = [
  { name: 'basic', threshold: 680, init: plain(1000), measured: plain(10_000) },
  {
    name: 'daemonset',
    threshold: 1100,
    bigNode,
    measured: nodeAffinity(10_000, { matchFields: [{ key: 'metadata.name', operator: 'In', values: [bigNode] }] }),
  },
  {
    name: 'mixed churn',
    threshold: 710,
    measured: plain(10_000),
    churn: {
      periodMs: 1000,
      deletes: true,
      objects: (index, { init }) => [
        ['/api/v1/nodes', node(`churn-${index}`)],
        [podsOf(init), tooLarge(`churn-${index}`)],
        [`/api/v1/namespaces/${init}/services`, { apiVersion: 'v1', kind: 'Service', metadata: { name: `churn-${index}` }, spec: { selector: { app: 'churn' }, ports: [{ port: 80 }] } }],
      ],
    },
  },
  {
    name: 'unschedulable',
    threshold: 590,
    init: plain(100),
    measured: plain(10_000),
    churn: { periodMs: 200, deletes: false, objects: (index, { init }) => [[podsOf(init), tooLarge(`large-${index}`)]] },
  },
  {
    name: 'preemption',
    threshold: 570,
    // Four of them leave little of a node's four cores.
    init: { count: 20_000, pod: (name) => pod(name, { cpu: '900m' }) },
    measured: plain(5000),
    churn: { periodMs: 200, deletes: false, objects: (index, { init }) => [[podsOf(init), pod(`high-${index}`, { cpu: '3', spec: { priorityClassName: highPriority } })]] },
  },
  { name: 'node affinity', threshold: 220, zones: 1, init: zoned(5000), measured: zoned(10_000) },
  { name: 'preferred pod affinity', threshold: 90, init: preferredAffinity(5000), measured: preferredAffinity(5000) },
  { name: 'required anti-affinity', threshold: 60, init: requiredAntiAffinity(1000), measured: requiredAntiAffinity(2000) },
  { name: 'required affinity', threshold: 35, zones: 1, init: requiredAffinity(5000), measured: requiredAffinity(5000) },
  { name: 'topology spread', zones: 3, init: plain(5000), measured: spread(5000) },
];

function zoned(count: number): PodSet {
  return nodeAffinity(count, { matchExpressions: [{ key: zoneLabel, operator: 'In', values: ['zone0', 'zone1'] }] });
}

/** A node that says it is Ready, and that no kubelet stands behind. */
export function node(name: string, options: { readonly zone?: string; readonly pods?: number; readonly cpu?: number } = {}): object {
  const now = new Date().toISOString().replace(/\.\d+/, '');
  const { zone, pods = 110, cpu = 4 } = options;
  const capacity = { cpu: String(cpu), memory: `${cpu * 8}Gi`, pods: String(pods) };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { [hostLabel]: name, ...(zone ? { [zoneLabel]: zone } : {}) } },
    status: {
      capacity,
      allocatable: capacity,
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '', lastHeartbeatTime: now, lastTransitionTime: now }],
    },
  };
}
