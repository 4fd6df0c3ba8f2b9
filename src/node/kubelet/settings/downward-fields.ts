/** What the downward API can say of a pod and its containers, as text. Names and wording are upstream's (pkg/fieldpath, pkg/api/v1/resource). */
import type { Container, Pod, ResourceFieldSelector } from '../../../api/types/core-v1.ts';
import { milliValue, valueOf } from '../../../api/quantity.ts';

export interface PodAddresses {
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
}

/** Throws where there is no such field. */
export function podField(fieldPath: string, pod: Pod, { podIps, hostIps }: PodAddresses): string {
  const { metadata, spec } = pod;
  switch (fieldPath) {
    case 'metadata.name':
      return metadata.name ?? '';
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'metadata.labels':
      return keyValueLines(metadata.labels ?? {});
    case 'metadata.annotations':
      return keyValueLines(metadata.annotations ?? {});
    case 'spec.nodeName':
      return spec.nodeName ?? '';
    case 'spec.serviceAccountName':
      return spec.serviceAccountName ?? '';
    case 'status.hostIP':
    case 'spec.host':
      return hostIps[0] ?? '';
    case 'status.hostIPs':
      return hostIps.join(',');
    case 'status.podIP':
      return podIps[0] ?? '';
    case 'status.podIPs':
      return podIps.join(',');
  }
  const [, of, key = ''] = /^metadata\.(labels|annotations)\['(.*)'\]$/s.exec(fieldPath) ?? [];
  if (of === undefined) throw new Error(`unsupported fieldPath: ${fieldPath}`);
  return metadata[of as 'labels' | 'annotations']?.[key] ?? '';
}

/** A line a key, in order of the keys, values quoted as Go quotes them. */
function keyValueLines(map: Readonly<Record<string, string>>): string {
  return Object.keys(map).toSorted().map((key) => `${key}=${quote(map[key] ?? '')}`).join('\n');
}

const escapes: Readonly<Record<string, string>> = { '\x07': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v', '\\': '\\\\', '"': '\\"' };

function quote(text: string): string {
  return `"${text.replace(/[\\"\x00-\x1f\x7f]/g, (char) => escapes[char] ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`;
}

/** Limits that a container does not have are its pod's, or what the node has to give. */
const limitedByNode = new Set(['cpu', 'memory', 'ephemeral-storage']);

/**
 * In units of the divisor, rounded up. `container` is the one that asks; the
 * selector may name another. Throws where there is no such resource or container.
 */
export function containerResource(selector: ResourceFieldSelector, pod: Pod, container: Container | undefined, allocatable: Readonly<Record<string, string>>): string {
  const of = selector.containerName ? [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find(({ name }) => name === selector.containerName) : container;
  if (!of) throw new Error(`container ${selector.containerName ?? ''} not found`);
  const [, side, name = ''] = /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$/.exec(selector.resource) ?? [];
  if (side === undefined) throw new Error(`unsupported container resource : ${selector.resource}`);
  let amount = of.resources?.[side as 'limits' | 'requests']?.[name];
  if (side === 'limits' && limitedByNode.has(name) && (amount === undefined || valueOf(amount) === 0)) amount = pod.spec.resources?.limits?.[name] ?? allocatable[name];
  const scaled = name === 'cpu' ? milliValue : valueOf;
  const divisor = scaled(selector.divisor && valueOf(selector.divisor) !== 0 ? selector.divisor : '1');
  return String(Math.ceil(scaled(amount ?? '0') / divisor));
}
