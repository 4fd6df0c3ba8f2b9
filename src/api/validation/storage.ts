/** storage.k8s.io/v1: classes, attachments and CSI. */
import type { FieldError } from '../errors.ts';
import type { TopologySelectorTerm } from '../types/core-v1.ts';
import type {
  CSIDriver,
  CSINode,
  CSINodeDriver,
  CSIStorageCapacity,
  StorageClass,
  TokenRequest,
  VolumeAttachment,
  VolumeAttributesClass,
  VolumeError,
} from '../types/storage-v1.ts';
import { semanticEqual } from './equality.ts';
import {
  duplicate,
  forbiddenField,
  immutableMessage,
  invalidEach,
  invalidValue,
  nonNegative,
  notSupported,
  path,
  required,
  tooLong,
  type FieldPath,
} from './field-path.ts';
import { immutable } from './immutable.ts';
import { kindValidator, type KindValidators } from './kind-validator.ts';
import { dnsSubdomain, labelValue, qualifiedName, rangeMessage } from './names.ts';
import { validateNonNegativeQuantity } from './resources.ts';
import { validateLabelSelector } from './selectors.ts';
import { validateDriverName } from './volume-sources.ts';

const parametersMax = 512;
const parametersBytesMax = 256 * 1024;
const attachmentBytesMax = 256 * 1024;
const errorMessageBytesMax = 1024;
const nodeIdBytesMax = 256;
const int32Max = 2_147_483_647;

function validateProvisioner(errors: FieldError[], name: string | undefined, at: FieldPath): void {
  if (!name) errors.push(required(at));
  else invalidEach(errors, at, name.toLowerCase(), qualifiedName(name.toLowerCase()));
}

function bytesOf(map: Readonly<Record<string, string>>): number {
  return Object.entries(map).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
}

function validateParameters(
  errors: FieldError[],
  parameters: Readonly<Record<string, string>> = {},
  mayBeEmpty: boolean,
  at: FieldPath,
): void {
  const keys = Object.keys(parameters);
  if (keys.length > parametersMax) {
    errors.push(tooLong(at, parametersMax));
    return;
  }
  if (keys.includes('')) errors.push(invalidValue(at, '', 'field can not be empty.'));
  if (bytesOf(parameters) > parametersBytesMax) errors.push(tooLong(at, parametersBytesMax));
  if (!mayBeEmpty && keys.length === 0) errors.push(required(at, 'must contain at least one key/value pair'));
}

function validateTopologies(
  errors: FieldError[],
  terms: readonly TopologySelectorTerm[],
  at: FieldPath,
): void {
  const seen: unknown[] = [];
  terms.forEach(({ matchLabelExpressions = [] }, i) => {
    const expressionsPath = at.index(i).child('matchLabelExpressions');
    const values: Record<string, string[]> = {};
    matchLabelExpressions.forEach(({ key, values: given = [] }, j) => {
      const itemPath = expressionsPath.index(j);
      if (given.length === 0) errors.push(required(itemPath.child('values')));
      given.forEach((value, k) => {
        if (given.indexOf(value) < k) errors.push(duplicate(itemPath.child('values').index(k), value));
        invalidEach(errors, itemPath.child('values').index(k), value, labelValue(value));
      });
      invalidEach(errors, itemPath.child('key'), key, qualifiedName(key));
      if (key in values) errors.push(duplicate(itemPath.child('key'), key));
      values[key] = [...new Set(given)].sort();
    });
    if (seen.some((other) => semanticEqual(other, values))) errors.push(duplicate(expressionsPath, ''));
    seen.push(values);
  });
}

function validateStorageClass(storageClass: StorageClass): FieldError[] {
  const errors: FieldError[] = [];
  validateProvisioner(errors, storageClass.provisioner, path('provisioner'));
  validateParameters(errors, storageClass.parameters, true, path('parameters'));
  const { reclaimPolicy, volumeBindingMode: mode, allowedTopologies } = storageClass;
  if (reclaimPolicy && reclaimPolicy !== 'Delete' && reclaimPolicy !== 'Retain')
    errors.push(notSupported(path('reclaimPolicy'), reclaimPolicy, ['Delete', 'Retain']));
  if (mode === undefined) errors.push(required(path('volumeBindingMode')));
  else if (mode !== 'Immediate' && mode !== 'WaitForFirstConsumer')
    errors.push(notSupported(path('volumeBindingMode'), mode, ['Immediate', 'WaitForFirstConsumer']));
  validateTopologies(errors, allowedTopologies ?? [], path('allowedTopologies'));
  return errors;
}

function updateStorageClass(storageClass: StorageClass, old: StorageClass): FieldError[] {
  const errors = validateStorageClass(storageClass);
  for (const field of ['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'] as const)
    immutable(errors, path(field), storageClass[field], old[field]);
  return errors;
}

function validateAttributesClass(attributes: VolumeAttributesClass): FieldError[] {
  const errors: FieldError[] = [];
  validateProvisioner(errors, attributes.driverName, path('driverName'));
  validateParameters(errors, attributes.parameters, false, path('parameters'));
  return errors;
}

function updateAttributesClass(attributes: VolumeAttributesClass, old: VolumeAttributesClass): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ['driverName', 'parameters'] as const)
    if (!semanticEqual(attributes[field], old[field]))
      errors.push(forbiddenField(path(field), `updates to ${field} are forbidden.`));
  return [...errors, ...validateAttributesClass(attributes)];
}

function validateVolumeError(errors: FieldError[], error: VolumeError | undefined, at: FieldPath): void {
  if (!error) return;
  // The limit that is told is not the one that is checked: so upstream.
  if ((error.message ?? '').length > errorMessageBytesMax)
    errors.push(tooLong(at.child('message'), attachmentBytesMax));
  const { errorCode } = error;
  if (errorCode !== undefined && errorCode < 0)
    errors.push(invalidValue(at.child('errorCode'), errorCode, rangeMessage(0, int32Max)));
}

function validateAttachment({ spec, status }: VolumeAttachment): FieldError[] {
  const errors: FieldError[] = [];
  const at = path('spec');
  validateDriverName(errors, spec?.attacher, at.child('attacher'));
  const { inlineVolumeSpec, persistentVolumeName } = spec?.source ?? {};
  const exactlyOne = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
  if (!inlineVolumeSpec && persistentVolumeName === undefined)
    errors.push(required(at.child('source'), exactlyOne));
  else if (inlineVolumeSpec && persistentVolumeName !== undefined)
    errors.push(forbiddenField(at.child('source'), exactlyOne));
  else if (persistentVolumeName === '')
    errors.push(
      required(
        at.child('source').child('persistentVolumeName'),
        'must specify non empty persistentVolumeName',
      ),
    );
  const nodeName = spec?.nodeName ?? '';
  invalidEach(errors, at.child('nodeName'), nodeName, dnsSubdomain(nodeName));
  if (bytesOf(status?.attachmentMetadata ?? {}) > attachmentBytesMax)
    errors.push(tooLong(path('status', 'attachmentMetadata'), attachmentBytesMax));
  validateVolumeError(errors, status?.attachError, path('status', 'attachError'));
  validateVolumeError(errors, status?.detachError, path('status', 'detachError'));
  if (persistentVolumeName !== undefined)
    invalidEach(
      errors,
      path('spec.source.persistentVolumeName'),
      persistentVolumeName,
      dnsSubdomain(persistentVolumeName),
    );
  return errors;
}

function updateAttachment(attachment: VolumeAttachment, old: VolumeAttachment): FieldError[] {
  const errors = validateAttachment(attachment);
  const { attacher, nodeName, source } = attachment.spec ?? {};
  // As upstream's own structure prints: all fields, beginning with capitals.
  const printed = {
    Attacher: attacher ?? '',
    Source: {
      PersistentVolumeName: source?.persistentVolumeName ?? null,
      InlineVolumeSpec: source?.inlineVolumeSpec ?? null,
    },
    NodeName: nodeName ?? '',
  };
  if (!semanticEqual(attachment.spec, old.spec))
    errors.push(invalidValue(path('spec'), printed, immutableMessage));
  return errors;
}

const groupPolicies = ['File', 'None', 'ReadWriteOnceWithFSType'];
const tokenSecondsMin = 600;
const tokenSecondsMax = 2 ** 32;

function validateTokenRequests(errors: FieldError[], requests: readonly TokenRequest[], at: FieldPath): void {
  const audiences = new Set<string>();
  requests.forEach(({ audience, expirationSeconds: seconds }, i) => {
    if (audiences.has(audience)) {
      errors.push(duplicate(at.index(i).child('audience'), audience));
      return;
    }
    audiences.add(audience);
    const secondsPath = at.index(i).child('expirationSeconds');
    if (seconds === undefined) return;
    if (seconds < tokenSecondsMin)
      errors.push(invalidValue(secondsPath, seconds, 'may not specify a duration less than 10 minutes'));
    if (seconds > tokenSecondsMax)
      errors.push(invalidValue(secondsPath, seconds, 'may not specify a duration larger than 2^32 seconds'));
  });
}

function validateDriver({ spec }: CSIDriver): FieldError[] {
  const errors: FieldError[] = [];
  const at = path('spec');
  // The first name is misspelt, as upstream has it.
  if (spec?.attachRequired === undefined) errors.push(required(at.child('attachedRequired')));
  for (const field of ['podInfoOnMount', 'storageCapacity'] as const)
    if (spec?.[field] === undefined) errors.push(required(at.child(field)));
  const {
    fsGroupPolicy,
    tokenRequests = [],
    volumeLifecycleModes = [],
    nodeAllocatableUpdatePeriodSeconds: period,
  } = spec ?? {};
  if (fsGroupPolicy !== undefined && !groupPolicies.includes(fsGroupPolicy))
    errors.push(notSupported(at.child('fsGroupPolicy'), fsGroupPolicy, groupPolicies));
  validateTokenRequests(errors, tokenRequests, at.child('tokenRequests'));
  for (const mode of volumeLifecycleModes)
    if (mode !== 'Persistent' && mode !== 'Ephemeral')
      errors.push(notSupported(at.child('volumeLifecycleModes'), mode, ['Persistent', 'Ephemeral']));
  if (spec?.seLinuxMount === undefined) errors.push(required(at.child('seLinuxMount')));
  if (period !== undefined && period < 10)
    errors.push(
      invalidValue(
        at.child('nodeAllocatableUpdatePeriodSeconds'),
        period,
        'must be greater than or equal to 10 seconds',
      ),
    );
  const inSecrets = spec?.serviceAccountTokenInSecrets;
  if (inSecrets !== undefined && tokenRequests.length === 0)
    errors.push(
      invalidValue(
        at.child('serviceAccountTokenInSecrets'),
        inSecrets,
        'serviceAccountTokenInSecrets is set but no tokenRequests are specified',
      ),
    );
  return errors;
}

function updateDriver(driver: CSIDriver, old: CSIDriver): FieldError[] {
  const errors = validateDriver(driver);
  immutable(errors, path('spec', 'attachedRequired'), driver.spec?.attachRequired, old.spec?.attachRequired);
  immutable(
    errors,
    path('spec', 'volumeLifecycleModes'),
    driver.spec?.volumeLifecycleModes,
    old.spec?.volumeLifecycleModes,
  );
  return errors;
}

function validateNode({ spec }: CSINode): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  spec?.drivers?.forEach((driver, i) =>
    validateNodeDriver(errors, driver, names, path('spec', 'drivers').index(i)),
  );
  return errors;
}

function validateNodeDriver(
  errors: FieldError[],
  driver: CSINodeDriver,
  names: Set<string>,
  at: FieldPath,
): void {
  const { name, nodeID = '', allocatable, topologyKeys } = driver;
  validateDriverName(errors, name, at.child('name'));
  if (nodeID === '') errors.push(required(at.child('nodeID')));
  if (nodeID.length > nodeIdBytesMax)
    errors.push(invalidValue(at.child('nodeID'), nodeID, `must be ${nodeIdBytesMax} characters or less`));
  nonNegative(errors, at.child('allocatable').child('count'), allocatable?.count);
  if (names.has(name)) errors.push(duplicate(at.child('name'), name));
  names.add(name);
  const keys = new Set<string>();
  for (const key of topologyKeys ?? []) {
    if (key === '') errors.push(required(at));
    if (keys.has(key)) errors.push(duplicate(at, key));
    keys.add(key);
    invalidEach(errors, at, key, qualifiedName(key));
  }
}

/** Of a driver that was there before, only how many volumes fit may change. */
function updateNode(node: CSINode, old: CSINode): FieldError[] {
  const errors = validateNode(node);
  const fixed = ({ allocatable: _, ...driver }: CSINodeDriver) => driver;
  for (const before of old.spec?.drivers ?? [])
    for (const after of node.spec?.drivers ?? [])
      if (before.name === after.name) immutable(errors, path('spec', 'drivers'), fixed(after), fixed(before));
  return errors;
}

function validateCapacity(capacity: CSIStorageCapacity): FieldError[] {
  const errors: FieldError[] = [];
  validateLabelSelector(errors, capacity.nodeTopology, path('nodeTopology'));
  const name = capacity.storageClassName ?? '';
  invalidEach(errors, path('storageClassName'), name, dnsSubdomain(name));
  if (capacity.capacity !== undefined)
    validateNonNegativeQuantity(errors, capacity.capacity, path('capacity'));
  return errors;
}

function updateCapacity(capacity: CSIStorageCapacity, old: CSIStorageCapacity): FieldError[] {
  const errors = validateCapacity(capacity);
  immutable(errors, path('nodeTopology'), capacity.nodeTopology, old.nodeTopology);
  immutable(errors, path('storageClassName'), capacity.storageClassName, old.storageClassName);
  return errors;
}

const group = 'storage.k8s.io';

export const validators: KindValidators = {
  [`${group}/StorageClass`]: kindValidator<StorageClass>({
    create: validateStorageClass,
    update: updateStorageClass,
  }),
  [`${group}/VolumeAttributesClass`]: kindValidator<VolumeAttributesClass>({
    create: validateAttributesClass,
    update: updateAttributesClass,
  }),
  [`${group}/VolumeAttachment`]: kindValidator<VolumeAttachment>({
    create: validateAttachment,
    update: updateAttachment,
  }),
  [`${group}/CSIDriver`]: kindValidator<CSIDriver>({ create: validateDriver, update: updateDriver }),
  [`${group}/CSINode`]: kindValidator<CSINode>({ create: validateNode, update: updateNode }),
  [`${group}/CSIStorageCapacity`]: kindValidator<CSIStorageCapacity>({
    create: validateCapacity,
    update: updateCapacity,
  }),
};
