/** Small clusters by chance, for comparing schedulers: every rule that a pod or a node can state turns up. */
import type { Random } from '../../src/base/random.ts';
import type { LabelSelector } from '../../src/api/types/meta-v1.ts';
import type { Affinity, Container, Node, NodeSelectorRequirement, Pod, PodAffinityTerm, Service, Taint, Toleration, TopologySpreadConstraint } from '../../src/api/types/core-v1.ts';

const apps = ['web', 'db', 'job'];
const zones = ['z0', 'z1', 'z2'];
const hostname = 'kubernetes.io/hostname';
const zone = 'topology.kubernetes.io/zone';
const mebibyte = 1024 * 1024;
/** Of each app: an image has the same size wherever it is. */
const imageMebibytes = [15, 300, 1800];

export interface Chance {
  readonly random: Random;
  readonly namespace: string;
}

const often = (random: Random, percent: number) => random.below(100) < percent;
const pick = <T>(random: Random, values: readonly T[]): T => values[random.below(values.length)] as T;
const some = <T>(random: Random, max: number, make: () => T): T[] => Array.from({ length: random.below(max + 1) }, make);

export function randomNode({ random }: Chance, name: string): Node {
  const labels: Record<string, string> = { [hostname]: name, tier: String(random.below(5)) };
  if (often(random, 85)) labels[zone] = pick(random, zones);
  if (often(random, 60)) labels['disk'] = pick(random, ['ssd', 'hdd']);
  const allocatable: Record<string, string> = { cpu: String(1 + random.below(6)), memory: `${1 + random.below(8)}Gi`, pods: String(4 + random.below(12)), 'ephemeral-storage': '10Gi' };
  if (often(random, 30)) allocatable['example.com/gpu'] = String(random.below(3));
  const taints = often(random, 40) ? some(random, 2, () => randomTaint(random)) : [];
  const unique = [...new Map(taints.map((taint) => [`${taint.key}:${taint.effect}`, taint])).values()];
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels },
    spec: { ...(unique.length > 0 ? { taints: unique } : {}), ...(often(random, 8) ? { unschedulable: true } : {}) },
    status: {
      allocatable,
      capacity: allocatable,
      images: apps.flatMap((app, i) => (often(random, 30) ? [{ names: [`registry/${app}:1`], sizeBytes: imageMebibytes[i]! * mebibyte }] : [])),
    },
  };
}

export function randomServices({ random, namespace }: Chance): Service[] {
  return apps.filter(() => often(random, 30)).map((app) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: app, namespace }, spec: { selector: { app }, ports: [{ port: 80 }] } }));
}

export function randomPod({ random, namespace }: Chance, name: string, nodes: readonly string[]): Pod {
  const app = pick(random, apps);
  const constraints = often(random, 30) ? some(random, 2, () => randomSpread(random)) : [];
  const unique = [...new Map(constraints.map((constraint) => [`${constraint.topologyKey}:${constraint.whenUnsatisfiable}`, constraint])).values()];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { app, track: pick(random, ['stable', 'canary']) } },
    spec: {
      containers: some(random, 1, () => randomContainer(random, app, 'side')).concat(randomContainer(random, app, 'main')),
      ...(often(random, 15) ? { initContainers: [randomContainer(random, app, 'init')] } : {}),
      ...(often(random, 10) ? { nodeSelector: { disk: pick(random, ['ssd', 'hdd']) } } : {}),
      ...(often(random, 50) ? { affinity: randomAffinity(random, nodes) } : {}),
      ...(often(random, 50) ? { tolerations: some(random, 3, () => randomToleration(random)) } : {}),
      ...(unique.length > 0 ? { topologySpreadConstraints: unique } : {}),
    },
  };
}

function randomContainer(random: Random, app: string, name: string): Container {
  const requests: Record<string, string> = {};
  if (often(random, 70)) requests['cpu'] = `${50 + random.below(1500)}m`;
  if (often(random, 70)) requests['memory'] = `${32 + random.below(2000)}Mi`;
  if (often(random, 10)) requests['ephemeral-storage'] = `${random.below(6)}Gi`;
  const gpu = often(random, 10) ? { 'example.com/gpu': '1' } : {};
  const ports = name === 'main' && often(random, 15) ? [{ containerPort: 80, hostPort: 8000 + random.below(2), ...(often(random, 30) ? { hostIP: '127.0.0.1' } : {}) }] : [];
  return { name, image: `registry/${app}:1`, resources: { requests: { ...requests, ...gpu }, limits: gpu }, ports };
}

function randomTaint(random: Random): Taint {
  return { key: pick(random, ['dedicated', 'slow']), value: pick(random, apps), effect: pick(random, ['NoSchedule', 'PreferNoSchedule', 'NoExecute']) };
}

function randomToleration(random: Random): Toleration {
  const effect = often(random, 60) ? { effect: pick(random, ['NoSchedule', 'PreferNoSchedule', 'NoExecute']) } : {};
  if (often(random, 20)) return { operator: 'Exists', ...effect };
  const key = pick(random, ['dedicated', 'slow', 'node.kubernetes.io/unschedulable']);
  return often(random, 50) ? { key, operator: 'Exists', ...effect } : { key, operator: 'Equal', value: pick(random, apps), ...effect };
}

function randomRequirement(random: Random): NodeSelectorRequirement {
  const key = pick(random, ['disk', zone, 'tier']);
  if (key === 'tier') return { key, operator: pick(random, ['Gt', 'Lt']), values: [String(random.below(5))] };
  const operator = pick(random, ['In', 'NotIn', 'Exists', 'DoesNotExist']);
  if (operator === 'Exists' || operator === 'DoesNotExist') return { key, operator };
  return { key, operator, values: key === 'disk' ? [pick(random, ['ssd', 'hdd'])] : [pick(random, zones), pick(random, zones)] };
}

function randomSelector(random: Random): LabelSelector {
  if (often(random, 10)) return {};
  if (often(random, 70)) return { matchLabels: { app: pick(random, apps) } };
  return { matchExpressions: [{ key: 'app', operator: pick(random, ['In', 'NotIn']), values: [pick(random, apps), pick(random, apps)] }] };
}

function randomPodTerm(random: Random): PodAffinityTerm {
  return {
    topologyKey: pick(random, [hostname, zone]),
    labelSelector: randomSelector(random),
    ...(often(random, 15) ? { namespaceSelector: {} } : {}),
    ...(often(random, 15) ? { matchLabelKeys: ['track'] } : {}),
  };
}

function randomAffinity(random: Random, nodes: readonly string[]): Affinity {
  const term = () => ({ matchExpressions: [randomRequirement(random), ...some(random, 1, () => randomRequirement(random))], ...(often(random, 10) ? { matchFields: [{ key: 'metadata.name', operator: 'In', values: [pick(random, nodes)] }] } : {}) });
  const weighted = () => ({ weight: 1 + random.below(100), podAffinityTerm: randomPodTerm(random) });
  const affinity: Affinity = {};
  if (often(random, 40)) {
    affinity.nodeAffinity = {
      ...(often(random, 50) ? { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term(), ...some(random, 1, term)] } } : {}),
      preferredDuringSchedulingIgnoredDuringExecution: some(random, 2, () => ({ weight: 1 + random.below(100), preference: term() })),
    };
  }
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    if (!often(random, 35)) continue;
    affinity[kind] = {
      ...(often(random, 45) ? { requiredDuringSchedulingIgnoredDuringExecution: [randomPodTerm(random)] } : {}),
      preferredDuringSchedulingIgnoredDuringExecution: some(random, 2, weighted),
    };
  }
  return affinity;
}

function randomSpread(random: Random): TopologySpreadConstraint {
  const strict = often(random, 50);
  return {
    maxSkew: 1 + random.below(2),
    topologyKey: pick(random, [hostname, zone]),
    whenUnsatisfiable: strict ? 'DoNotSchedule' : 'ScheduleAnyway',
    labelSelector: randomSelector(random),
    ...(strict && often(random, 30) ? { minDomains: 1 + random.below(4) } : {}),
    ...(often(random, 30) ? { nodeAffinityPolicy: pick(random, ['Honor', 'Ignore']) } : {}),
    ...(often(random, 30) ? { nodeTaintsPolicy: pick(random, ['Honor', 'Ignore']) } : {}),
    ...(often(random, 20) ? { matchLabelKeys: ['track'] } : {}),
  };
}
