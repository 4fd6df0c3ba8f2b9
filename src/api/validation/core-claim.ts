/** Persistent volume claims, and the templates of them. */
import type { FieldError } from '../errors.ts';
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec, PersistentVolumeClaimTemplate } from '../types/core-v1.ts';
import { compareQuantity, parseQuantity } from '../quantity.ts';
import { describeDifference, semanticEqual } from './equality.ts';
import type { FieldPath } from './field-path.ts';
import { forbiddenField, immutableMessage, invalidEach, invalidValue, notSupported, oneOf, path, required } from './field-path.ts';
import type { KindValidators } from './kind-validator.ts';
import { kindValidator } from './kind-validator.ts';
import { dnsLabel, dnsSubdomain, qualifiedName } from './names.ts';
import { validateAnnotations, validateLabels } from './object-meta.ts';
import { isNativeResource, validateResourceAmount } from './resources.ts';
import { validateLabelSelector } from './selectors.ts';

export const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
export const volumeModes = ['Block', 'Filesystem'];
const oldClassAnnotation = 'volume.beta.kubernetes.io/storage-class';

export function validateClaimTemplate(errors: FieldError[], template: PersistentVolumeClaimTemplate, at: FieldPath): void {
  const { labels, annotations, ...others } = template.metadata ?? {};
  if (annotations) validateAnnotations(errors, annotations, at.child('metadata').child('annotations'));
  if (labels) validateLabels(errors, labels, at.child('metadata').child('labels'));
  for (const field in others) errors.push(forbiddenField(at.child('metadata').child(field), 'cannot be set'));
  validateClaimSpec(errors, template.spec ?? {}, at.child('spec'));
}

export function validateAccessModes(errors: FieldError[], modes: readonly string[], at: FieldPath): void {
  for (const mode of modes) oneOf(errors, at, mode, accessModes);
  if (modes.includes('ReadWriteOncePod') && modes.some((mode) => mode !== 'ReadWriteOncePod' && accessModes.includes(mode))) {
    errors.push(forbiddenField(at, 'may not use ReadWriteOncePod with other access modes'));
  }
}

export function validateClaimSpec(errors: FieldError[], spec: PersistentVolumeClaimSpec, at: FieldPath): void {
  if (!spec.accessModes?.length) errors.push(required(at.child('accessModes'), 'at least 1 access mode is required'));
  validateLabelSelector(errors, spec.selector, at.child('selector'));
  validateAccessModes(errors, spec.accessModes ?? [], at.child('accessModes'));
  const storage = spec.resources?.requests?.['storage'];
  const here = at.child('resources').key('storage');
  if (storage === undefined) errors.push(required(here));
  else if (parseQuantity(storage).value <= 0n) errors.push(invalidValue(here, storage, 'must be greater than zero'));
  else validateResourceAmount(errors, 'storage', storage, here);
  for (const field of ['storageClassName', 'volumeAttributesClassName'] as const) {
    const name = spec[field];
    if (name) invalidEach(errors, at.child(field), name, dnsSubdomain(name));
  }
  if (spec.volumeMode !== undefined) oneOf(errors, at.child('volumeMode'), spec.volumeMode, volumeModes);
  validateDataSources(errors, spec, at);
}

function validateDataSources(errors: FieldError[], spec: PersistentVolumeClaimSpec, at: FieldPath): void {
  for (const field of ['dataSource', 'dataSourceRef'] as const) {
    const source = spec[field];
    if (!source) continue;
    const here = at.child(field);
    if (!source.name) errors.push(required(here.child('name')));
    if (!source.kind) errors.push(required(here.child('kind')));
    if (source.apiGroup) invalidEach(errors, here.child('apiGroup'), source.apiGroup, dnsSubdomain(source.apiGroup));
    else if (source.kind !== 'PersistentVolumeClaim') {
      errors.push(invalidValue(here, source.kind ?? '', "must be 'PersistentVolumeClaim' when referencing the default apiGroup"));
    }
  }
  const { dataSource: source, dataSourceRef: reference } = spec;
  const namespace = reference?.namespace;
  if (namespace) invalidEach(errors, at.child('dataSourceRef').child('namespace'), namespace, dnsLabel(namespace));
  if (!source || !reference) return;
  if (namespace) errors.push(invalidValue(at, {}, 'may not be specified when dataSourceRef.namespace is specified'));
  else if (source.apiGroup !== reference.apiGroup || source.kind !== reference.kind || source.name !== reference.name) {
    errors.push(invalidValue(at, {}, 'must match dataSourceRef'));
  }
}

function createClaim(claim: PersistentVolumeClaim): FieldError[] {
  const errors: FieldError[] = [];
  validateClaimSpec(errors, claim.spec ?? {}, path('spec'));
  return errors;
}

function updateClaim(claim: PersistentVolumeClaim, old: PersistentVolumeClaim, subresource: string): FieldError[] {
  return subresource === 'status' ? updateClaimStatus(claim) : updateClaimSpec(claim, old);
}

function updateClaimSpec(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const errors = createClaim(claim);
  const spec = claim.spec ?? {};
  const before = old.spec ?? {};
  const isBound = claim.status?.phase === 'Bound';
  // What may change: the volume once, the class from none, and of a bound claim its size and attributes class.
  const allowed: PersistentVolumeClaimSpec = { ...spec };
  if (!before.volumeName) allowed.volumeName = before.volumeName;
  const oldClass = old.metadata?.annotations?.[oldClassAnnotation];
  const newClass = claim.metadata?.annotations?.[oldClassAnnotation];
  const classFromNone = before.storageClassName === undefined && spec.storageClassName !== undefined && (oldClass === undefined || oldClass === spec.storageClassName);
  if (classFromNone) allowed.storageClassName = undefined;
  if ((oldClass ?? '') !== (newClass ?? '') && !(classFromNone && newClass === undefined)) {
    errors.push(invalidValue(path('metadata', 'annotations').key(oldClassAnnotation), newClass ?? '', immutableMessage));
  }
  if (isBound) {
    allowed.volumeAttributesClassName = before.volumeAttributesClassName;
    allowed.resources = { ...spec.resources, requests: { ...spec.resources?.requests, ...storageOf(before) } };
  }
  if (!semanticEqual(allowed, before)) {
    const why = 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
    errors.push(forbiddenField(path('spec'), `${why}\n${describeDifference(before, allowed)}`));
  }
  validateShrink(errors, spec, old);
  if (spec.volumeMode !== before.volumeMode) errors.push(invalidValue(path('volumeMode'), spec.volumeMode, immutableMessage));
  validateAttributesClassUpdate(errors, spec, old);
  return errors;
}

function storageOf(spec: PersistentVolumeClaimSpec): Record<string, string> {
  const storage = spec.resources?.requests?.['storage'];
  return storage === undefined ? {} : { storage };
}

/** An expansion that failed may be taken back, though not below what there is. */
function validateShrink(errors: FieldError[], spec: PersistentVolumeClaimSpec, old: PersistentVolumeClaim): void {
  const size = parseQuantity(spec.resources?.requests?.['storage'] ?? '0');
  const before = parseQuantity(old.spec?.resources?.requests?.['storage'] ?? '0');
  const real = parseQuantity(old.status?.capacity?.['storage'] ?? '0');
  if (compareQuantity(size, before) >= 0 || compareQuantity(size, real) > 0) return;
  errors.push(forbiddenField(path('spec', 'resources', 'requests', 'storage'), 'field can not be less than status.capacity'));
}

function validateAttributesClassUpdate(errors: FieldError[], spec: PersistentVolumeClaimSpec, old: PersistentVolumeClaim): void {
  if (spec.volumeAttributesClassName === old.spec?.volumeAttributesClassName || spec.volumeAttributesClassName) return;
  if (old.status?.currentVolumeAttributesClassName === undefined) return;
  const to = spec.volumeAttributesClassName === undefined ? 'nil' : 'empty string';
  const why = `update to ${to} is forbidden when status.currentVolumeAttributesClassName is not nil`;
  errors.push(forbiddenField(path('spec', 'volumeAttributesClassName'), why));
}

const resizeStatuses = ['ControllerResizeInProgress', 'ControllerResizeInfeasible', 'NodeResizeInProgress', 'NodeResizeInfeasible', 'NodeResizePending'].sort();

function updateClaimStatus(claim: PersistentVolumeClaim): FieldError[] {
  const errors: FieldError[] = [];
  if (!claim.spec?.accessModes?.length) errors.push(required(path('Spec', 'accessModes')));
  const { capacity, allocatedResources, allocatedResourceStatuses } = claim.status ?? {};
  validateAmounts(errors, capacity, path('status', 'capacity'));
  for (const name in allocatedResourceStatuses) {
    const here = path('status', 'allocatedResourceStatuses');
    validateClaimResource(errors, name, here);
    if (!resizeStatuses.includes(allocatedResourceStatuses[name]!)) errors.push(notSupported(here, name, resizeStatuses));
  }
  for (const name in allocatedResources) validateClaimResource(errors, name, path('status', 'allocatedResources'));
  validateAmounts(errors, allocatedResources, path('status', 'allocatedResources'));
  return errors;
}

function validateAmounts(errors: FieldError[], amounts: Readonly<Record<string, string>> | undefined, at: FieldPath): void {
  for (const name in amounts) {
    if (parseQuantity(amounts[name]!).value < 0n) errors.push(invalidValue(at.key(name), amounts[name], 'must be a valid resource quantity'));
  }
}

function validateClaimResource(errors: FieldError[], name: string, at: FieldPath): void {
  const messages = qualifiedName(name);
  if (messages.length > 0) invalidEach(errors, at, name, messages);
  else if (isNativeResource(name) && name !== 'storage') errors.push(notSupported(at, name, ['storage']));
}

export const validators: KindValidators = {
  '/PersistentVolumeClaim': kindValidator<PersistentVolumeClaim>({ create: createClaim, update: updateClaim }),
};
