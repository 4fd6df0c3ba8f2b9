/** Persistent volumes. */
import type { FieldError } from '../errors.ts';
import type { CSIPersistentVolumeSource, PersistentVolume, PersistentVolumeSpec, SecretReference } from '../types/core-v1.ts';
import { parseQuantity } from '../quantity.ts';
import { validateAccessModes, volumeModes } from './core-claim.ts';
import { describeDifference, semanticEqual } from './equality.ts';
import type { FieldPath } from './field-path.ts';
import { forbiddenField, immutableMessage, invalidEach, invalidValue, notSupported, oneOf, path, required } from './field-path.ts';
import { noBacksteps } from './file-paths.ts';
import type { KindValidators } from './kind-validator.ts';
import { kindValidator } from './kind-validator.ts';
import { dnsLabel, dnsSubdomain } from './names.ts';
import { validateNodeSelector } from './pod-scheduling.ts';
import { sharedSources, validateDriverName } from './volume-sources.ts';

const specPath = path('spec');

/** In upstream's order: the first is the source, the others are one too many. */
const sourceTypes = [
  ...['hostPath', 'gcePersistentDisk', 'awsElasticBlockStore', 'glusterfs', 'flocker', 'nfs', 'rbd', 'quobyte', 'cephfs', 'iscsi', 'cinder'],
  ...['fc', 'flexVolume', 'azureFile', 'vsphereVolume', 'photonPersistentDisk', 'portworxVolume', 'azureDisk', 'scaleIO', 'local', 'storageos', 'csi'],
] as (keyof PersistentVolumeSpec & string)[];

function validateSpec(spec: PersistentVolumeSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (!spec.accessModes?.length) errors.push(required(specPath.child('accessModes')));
  validateAccessModes(errors, spec.accessModes ?? [], specPath.child('accessModes'));
  validateCapacity(errors, spec.capacity ?? {});
  if (spec.persistentVolumeReclaimPolicy) {
    oneOf(errors, specPath.child('persistentVolumeReclaimPolicy'), spec.persistentVolumeReclaimPolicy, ['Delete', 'Recycle', 'Retain']);
  }
  const affinity = specPath.child('nodeAffinity').child('required');
  if (spec.nodeAffinity?.required) validateNodeSelector(errors, spec.nodeAffinity.required, affinity);
  else if (spec.nodeAffinity) errors.push(required(affinity, 'must specify required node constraints'));
  validateSource(errors, spec);
  if (spec.hostPath && /^\/*(\.?\/*)*$/.test(spec.hostPath.path) && spec.persistentVolumeReclaimPolicy === 'Recycle') {
    errors.push(forbiddenField(specPath.child('persistentVolumeReclaimPolicy'), "may not be 'recycle' for a hostPath mount of '/'"));
  }
  const { storageClassName, volumeMode, volumeAttributesClassName: attributes } = spec;
  if (storageClassName) invalidEach(errors, specPath.child('storageClassName'), storageClassName, dnsSubdomain(storageClassName));
  if (volumeMode !== undefined) oneOf(errors, specPath.child('volumeMode'), volumeMode, volumeModes);
  if (attributes === undefined) return errors;
  const here = specPath.child('volumeAttributesClassName');
  if (attributes === '') errors.push(required(here, 'an empty string is disallowed'));
  else invalidEach(errors, here, attributes, dnsSubdomain(attributes));
  if (!spec.csi) errors.push(required(specPath.child('csi'), 'has to be specified when using volumeAttributesClassName'));
  return errors;
}

function validateCapacity(errors: FieldError[], capacity: Readonly<Record<string, string>>): void {
  const at = specPath.child('capacity');
  const names = Object.keys(capacity);
  if (names.length === 0) errors.push(required(at));
  if (names.length > 1 || capacity['storage'] === undefined) errors.push(notSupported(at, names.length === 0 ? undefined : capacity, ['storage']));
  for (const name of names) {
    const { value } = parseQuantity(capacity[name]!);
    if (value < 0n) errors.push(invalidValue(at.key(name), capacity[name], 'must be a valid resource quantity'));
    if (value <= 0n) errors.push(invalidValue(at.key(name), capacity[name], 'must be greater than zero'));
  }
}

function validateSource(errors: FieldError[], spec: PersistentVolumeSpec): void {
  let found = false;
  for (const type of sourceTypes) {
    if (!spec[type]) continue;
    const at = specPath.child(type);
    if (found) errors.push(forbiddenField(at, 'may not specify more than 1 volume type'));
    else if (type === 'csi') validateCsi(errors, spec.csi!, at);
    else if (type === 'local') {
      if (!spec.local!.path) errors.push(required(at.child('path')));
      else noBacksteps(errors, spec.local!.path, at.child('path'));
      if (!spec.nodeAffinity) errors.push(required(specPath.child('nodeAffinity'), 'Local volume requires node affinity'));
    } else sharedSources[type]?.(errors, spec[type] as unknown as Record<string, unknown>, at);
    found = true;
  }
  if (!found) errors.push(required(specPath, 'must specify a volume type'));
}

const csiSecrets = ['controllerPublishSecretRef', 'controllerExpandSecretRef', 'nodePublishSecretRef', 'nodeExpandSecretRef'] as const;

function validateCsi(errors: FieldError[], source: CSIPersistentVolumeSource, at: FieldPath): void {
  validateDriverName(errors, source.driver, at.child('driver'));
  if (!source.volumeHandle) errors.push(required(at.child('volumeHandle')));
  for (const field of csiSecrets) if (source[field]) validateSecretReference(errors, source[field], at.child(field));
}

function validateSecretReference(errors: FieldError[], { name, namespace }: SecretReference, at: FieldPath): void {
  if (!name) errors.push(required(at.child('name')));
  else invalidEach(errors, at.child('name'), name, dnsSubdomain(name));
  if (!namespace) errors.push(required(at.child('namespace')));
  else invalidEach(errors, at.child('namespace'), namespace, dnsLabel(namespace));
}

function sourceOf(spec: PersistentVolumeSpec): Record<string, unknown> {
  return Object.fromEntries(sourceTypes.filter((type) => spec[type]).map((type) => [type, spec[type]]));
}

function updateVolume(volume: PersistentVolume, old: PersistentVolume, subresource: string): FieldError[] {
  if (subresource === 'status') return [];
  const spec = volume.spec ?? {};
  const before = old.spec ?? {};
  const errors = validateSpec(spec);
  const source = sourceOf(spec);
  // A secret for expansion may be named later.
  if (spec.csi && before.csi && !before.csi.controllerExpandSecretRef) source['csi'] = { ...spec.csi, controllerExpandSecretRef: undefined };
  if (!semanticEqual(source, sourceOf(before))) {
    const why = 'spec.persistentvolumesource is immutable after creation';
    errors.push(forbiddenField(path('spec', 'persistentvolumesource'), `${why}\n${describeDifference(sourceOf(before), source)}`));
  }
  if (spec.volumeMode !== before.volumeMode) errors.push(invalidValue(path('volumeMode'), spec.volumeMode, immutableMessage));
  if (before.nodeAffinity && !semanticEqual(spec.nodeAffinity, before.nodeAffinity)) {
    errors.push(invalidValue(path('nodeAffinity'), spec.nodeAffinity, `${immutableMessage}, except for updating from beta label to GA`));
  }
  if (before.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined) {
    errors.push(forbiddenField(path('spec', 'volumeAttributesClassName'), 'update from non-nil value to nil is forbidden'));
  }
  return errors;
}

export const validators: KindValidators = {
  '/PersistentVolume': kindValidator<PersistentVolume>({ create: (volume) => validateSpec(volume.spec ?? {}), update: updateVolume }),
};
