/** Values that a pod reads of itself: fields and resources, as environment variables and as files. */
import type { FieldError } from '../errors.ts';
import type { DownwardAPIVolumeFile, ObjectFieldSelector, ResourceFieldSelector } from '../types/core-v1.ts';
import { parseQuantity } from '../quantity.ts';
import type { FieldPath } from './field-path.ts';
import { invalidEach, invalidValue, notSupported, required } from './field-path.ts';
import { fileMode, nonReservedPath } from './file-paths.ts';
import { qualifiedName } from './names.ts';

const knownFields = new Set([
  ...['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid'],
  ...['spec.nodeName', 'spec.restartPolicy', 'spec.serviceAccountName', 'spec.schedulerName', 'spec.host'],
  ...['status.phase', 'status.hostIP', 'status.hostIPs', 'status.podIP', 'status.podIPs'],
]);

export const envFields: readonly string[] = [
  ...['metadata.name', 'metadata.namespace', 'metadata.uid', 'spec.nodeName', 'spec.serviceAccountName'],
  ...['status.hostIP', 'status.hostIPs', 'status.podIP', 'status.podIPs'],
];
const fileFields: readonly string[] = ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid'];

const resourceFields: readonly string[] = [
  ...['limits.cpu', 'limits.ephemeral-storage', 'limits.memory'],
  ...['requests.cpu', 'requests.ephemeral-storage', 'requests.memory'],
];

const byteDivisors = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];

export function validateFieldRef(errors: FieldError[], selector: ObjectFieldSelector, allowed: readonly string[], at: FieldPath): void {
  const { apiVersion, fieldPath } = selector;
  if (!apiVersion) {
    errors.push(required(at.child('apiVersion')));
    return;
  }
  if (!fieldPath) {
    errors.push(required(at.child('fieldPath')));
    return;
  }
  const subscripted = /^([^[]+)\['(.*)'\]$/s.exec(fieldPath);
  const why = unknownField(apiVersion, fieldPath, subscripted?.[1]);
  if (why !== undefined) {
    errors.push(invalidValue(at.child('fieldPath'), fieldPath, `error converting fieldPath: ${why}`));
  } else if (subscripted) {
    const key = subscripted[2]!;
    invalidEach(errors, at, key, qualifiedName(subscripted[1] === 'metadata.annotations' ? key.toLowerCase() : key));
  } else if (!allowed.includes(fieldPath === 'spec.host' ? 'spec.nodeName' : fieldPath)) {
    errors.push(notSupported(at.child('fieldPath'), fieldPath, allowed));
  }
}

function unknownField(apiVersion: string, fieldPath: string, map: string | undefined): string | undefined {
  if (apiVersion !== 'v1') return `unsupported pod version: ${apiVersion}`;
  if (map !== undefined) {
    return map === 'metadata.annotations' || map === 'metadata.labels' ? undefined : `field label does not support subscript: ${fieldPath}`;
  }
  return knownFields.has(fieldPath) ? undefined : `field label not supported: ${fieldPath}`;
}

export function validateResourceFieldRef(errors: FieldError[], selector: ResourceFieldSelector, at: FieldPath, needsContainer: boolean): void {
  const resource = selector.resource ?? '';
  const isHugePages = resource.startsWith('requests.hugepages-') || resource.startsWith('limits.hugepages-');
  if (needsContainer && !selector.containerName) errors.push(required(at.child('containerName')));
  else if (resource === '') errors.push(required(at.child('resource')));
  else if (!resourceFields.includes(resource) && !isHugePages) errors.push(notSupported(at.child('resource'), resource, resourceFields));
  if (selector.divisor === undefined || parseQuantity(selector.divisor).value === 0n) return;
  const kind = divisorKinds[resource.slice(resource.indexOf('.') + 1)] ?? (isHugePages ? 'hugepages' : undefined);
  if (kind === undefined) return;
  const allowed = kind === 'cpu' ? ['1m', '1'] : byteDivisors;
  if (allowed.includes(selector.divisor)) return;
  const list = kind === 'cpu' ? '1m and 1' : byteDivisors.join(', ');
  errors.push(invalidValue(at.child('divisor'), resource, `only divisor's values ${list} are supported with the ${kind} resource`));
}

const divisorKinds: Readonly<Record<string, string>> = { cpu: 'cpu', memory: 'memory', 'ephemeral-storage': 'local ephemeral storage' };

export function validateDownwardFile(errors: FieldError[], file: DownwardAPIVolumeFile, at: FieldPath): void {
  if (!file.path) errors.push(required(at.child('path')));
  nonReservedPath(errors, file.path ?? '', at.child('path'));
  if (file.fieldRef) {
    validateFieldRef(errors, file.fieldRef, fileFields, at.child('fieldRef'));
    if (file.resourceFieldRef) {
      errors.push(invalidValue(at, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
    }
  } else if (file.resourceFieldRef) {
    validateResourceFieldRef(errors, file.resourceFieldRef, at.child('resourceFieldRef'), true);
  } else {
    errors.push(required(at, 'one of fieldRef and resourceFieldRef is required'));
  }
  fileMode(errors, file.mode, at.child('mode'));
}
