/** What the downward API says of a pod, as upstream's fieldpath and resource helpers write it. */
import type { Container, Pod, ResourceFieldSelector } from '../../api/types/core-v1.ts';
import { compareQuantity, milliValue, parseQuantity, valueOf } from '../../api/quantity.ts';
import { goQuote } from '../../api/validation/go-format.ts';

type Amounts = Readonly<Record<string, string>> | undefined;

const subscripted = /^(metadata\.(?:annotations|labels))\['(.*)'\]$/;

/** A field of the pod's metadata, whose values files can follow. Throws for others. */
export function metadataField({ metadata }: Pod, fieldPath: string): string {
  const [, of, key = ''] = subscripted.exec(fieldPath) ?? [];
  if (of === 'metadata.annotations') return metadata.annotations?.[key] ?? '';
  if (of === 'metadata.labels') return metadata.labels?.[key] ?? '';
  switch (fieldPath) {
    case 'metadata.annotations':
      return formatMap(metadata.annotations);
    case 'metadata.labels':
      return formatMap(metadata.labels);
    case 'metadata.name':
      return metadata.name ?? '';
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    default:
      throw new Error(`unsupported fieldPath: ${fieldPath}`);
  }
}

export interface PodAddresses {
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
}

/** A field as variables may have it: of metadata, of the spec, or an address. Throws for others. */
export function podField(pod: Pod, fieldPath: string, { podIps, hostIps }: PodAddresses): string {
  switch (fieldPath) {
    case 'spec.nodeName':
      return pod.spec.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? '';
    case 'status.hostIP':
      return hostIps[0] ?? '';
    case 'status.hostIPs':
      return hostIps.join(',');
    case 'status.podIP':
      return podIps[0] ?? '';
    case 'status.podIPs':
      return podIps.join(',');
    default:
      return metadataField(pod, fieldPath);
  }
}

/** A line a pair, sorted by key. */
function formatMap(pairs: Readonly<Record<string, string>> = {}): string {
  return Object.keys(pairs)
    .sort()
    .map((key) => `${key}=${goQuote(pairs[key] as string)}`)
    .join('\n');
}

/**
 * What a container asks for or is limited to, in units of the divisor, rounded up.
 * A container without a limit is limited by what the node has to give.
 */
export function resourceField(container: Container, { resource, divisor }: ResourceFieldSelector, allocatable: Amounts): string {
  const [side = '', name = ''] = splitOnce(resource);
  if ((side !== 'limits' && side !== 'requests') || !isExposed(name)) throw new Error(`unsupported container resource : ${resource}`);
  const own = container.resources?.[side]?.[name];
  const amount = side === 'limits' && isUnset(own) && !name.startsWith('hugepages-') ? allocatable?.[name] : own;
  return String(divided(amount ?? '0', divisor, name === 'cpu' ? milliValue : valueOf));
}

/** The container that a volume's file names. Throws where the pod has none of that name. */
export function resourceFieldOf(pod: Pod, selector: ResourceFieldSelector, allocatable: Amounts): string {
  const { containers, initContainers = [] } = pod.spec;
  const container = [...containers, ...initContainers].find(({ name }) => name === selector.containerName);
  if (!container) throw new Error(`container ${selector.containerName} not found`);
  return resourceField(container, selector, allocatable);
}

function splitOnce(text: string): [string, string] {
  const dot = text.indexOf('.');
  return [text.slice(0, dot), text.slice(dot + 1)];
}

function isExposed(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name === 'ephemeral-storage' || name.startsWith('hugepages-');
}

function isUnset(amount: string | undefined): boolean {
  return amount === undefined || parseQuantity(amount).value === 0n;
}

function divided(amount: string, divisor: string | undefined, read: (text: string) => number): number {
  const by = divisor === undefined || compareQuantity(parseQuantity(divisor), parseQuantity('0')) === 0 ? '1' : divisor;
  return Math.ceil(read(amount) / read(by));
}
