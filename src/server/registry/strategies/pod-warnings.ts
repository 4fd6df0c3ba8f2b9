/** What the server tells the author of a pod that is accepted but not well made. The texts are upstream's. */
import type { KubeObject } from '../../../api/object.ts';
import { parseQuantity } from '../../../api/quantity.ts';
import type { Container, ContainerPort, Pod, PodSpec } from '../../../api/types/core-v1.ts';
import { path } from '../../../api/validation/field-path.ts';
import type { FieldPath } from '../../../api/validation/field-path.ts';
import { dnsLabel } from '../../../api/validation/names.ts';
import { containersOf } from '../../../api/validation/pod-security.ts';

const oldNodeLabels: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
  'app.kubernetes.io/created-by': 'deprecated since v1.9',
  'scheduler.alpha.kubernetes.io/preferAvoidPods': 'deprecated since v1.22; use Taints and Tolerations instead',
  'node-role.kubernetes.io/master': 'use "node-role.kubernetes.io/control-plane" instead',
};

/** Volume types that no longer do anything. */
const oldVolumes: Readonly<Record<string, string>> = {
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  gitRepo: 'deprecated in v1.11, and disabled by default in v1.33+',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
};

const specPath = path('spec');

export function podWarnings(object: KubeObject): string[] {
  const warnings: string[] = [];
  const { spec } = object as unknown as Pod;
  const messages = dnsLabel(object.metadata.name ?? '');
  if (messages.length > 0) {
    warnings.push(
      `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${messages.join(' ')}]`,
    );
  }
  if (spec) warnAboutSpec(warnings, spec, specPath);
  return warnings;
}

/** For a spec in a template too: `at` is where it stands. */
export function warnAboutSpec(warnings: string[], spec: PodSpec, at: FieldPath): void {
  for (const key in spec.nodeSelector) if (oldNodeLabels[key]) warnings.push(`${at.child('nodeSelector').key(key)}: ${oldNodeLabels[key]}`);
  spec.topologySpreadConstraints?.forEach(({ topologyKey, labelSelector }, i) => {
    const here = at.child('topologySpreadConstraints').index(i);
    const old = oldNodeLabels[topologyKey];
    if (old) warnings.push(`${here.child('topologyKey')}: ${topologyKey} is ${old}`);
    if (!labelSelector) warnings.push(`${here.child('labelSelector')}: a null labelSelector results in matching no pod`);
  });
  spec.volumes?.forEach((volume, i) => {
    for (const type in volume) if (oldVolumes[type]) warnings.push(`${at.child('volumes').index(i).child(type)}: ${oldVolumes[type]}`);
  });
  warnAboutRepeats(warnings, spec.hostAliases?.map(({ ip }) => ip ?? ''), 'ip', at.child('hostAliases'));
  warnAboutRepeats(warnings, spec.imagePullSecrets?.map(({ name }) => name ?? ''), 'name', at.child('imagePullSecrets'));
  spec.imagePullSecrets?.forEach(({ name }, i) => {
    if (!name) warnings.push(`${at.child('imagePullSecrets').index(i).child('name')}: invalid empty name ""`);
  });
  for (const [container, here] of containersOf(spec, at)) warnAboutContainer(warnings, container, here);
  warnAboutPorts(warnings, spec, at);
}

function warnAboutRepeats(warnings: string[], values: readonly string[] | undefined, field: string, at: FieldPath): void {
  values?.forEach((value, i) => {
    if (values.indexOf(value) < i) warnings.push(`${at.index(i).child(field)}: duplicate ${field} ${JSON.stringify(value)}`);
  });
}

function warnAboutContainer(warnings: string[], container: Container, at: FieldPath): void {
  for (const name of ['memory', 'ephemeral-storage']) {
    for (const side of ['limits', 'requests'] as const) {
      const text = container.resources?.[side]?.[name];
      if (text === undefined || !isFractional(text)) continue;
      const here = at.child('resources').child(side).key(name);
      warnings.push(`${here}: fractional byte value ${JSON.stringify(text)} is invalid, must be an integer`);
    }
  }
  const seen = new Set<string>();
  container.env?.forEach(({ name, value = '', valueFrom }, i) => {
    const reference = `$(${name})`;
    const hides = valueFrom !== undefined || value === reference || !value.includes(reference);
    if (seen.has(name) && hides) {
      warnings.push(`${at.child('env').index(i)}: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`);
    }
    seen.add(name);
  });
}

function isFractional(text: string): boolean {
  const { value, scale } = parseQuantity(text);
  return scale < 0 && value % 10n ** BigInt(-scale) !== 0n;
}

function warnAboutPorts(warnings: string[], spec: PodSpec, at: FieldPath): void {
  const known = new Map<string, { at: FieldPath; port: ContainerPort }[]>();
  const names = new Map<string, FieldPath>();
  const aboutNames: string[] = [];
  for (const [container, here] of containersOf(spec, at)) {
    container.ports?.forEach((port, i) => {
      const where = here.child('ports').index(i);
      const key = `${port.containerPort}/${port.protocol}`;
      const others = known.get(key) ?? [];
      for (const other of others) {
        const overlap = overlapOf(port, other.port);
        if (overlap) warnings.push(`${where}: ${overlap} port definition with ${other.at}`);
      }
      known.set(key, [...others, { at: where, port }]);
      if (!port.name) return;
      const first = names.get(port.name);
      if (first) {
        const text = JSON.stringify(port.name);
        aboutNames.push(`${where}: duplicate port name ${text} with ${first}, services and probes that select ports by name will use ${first}`);
      } else names.set(port.name, where);
    });
  }
  warnings.push(...aboutNames);
}

function overlapOf(a: ContainerPort, b: ContainerPort): string | undefined {
  const hostA = a.hostPort ?? 0;
  const hostB = b.hostPort ?? 0;
  const ipA = a.hostIP ?? '';
  const ipB = b.hostIP ?? '';
  if (ipA === ipB && hostA === hostB) return 'duplicate';
  if (hostA === 0 || hostB === 0) return 'overlapping';
  return hostA === hostB && (ipA === '') !== (ipB === '') ? 'dangerously ambiguous' : undefined;
}
