/** The volumes of a pod: one source each, and the projections that put several into one. */
import type { FieldError } from '../errors.ts';
import type { ClusterTrustBundleProjection, KeyToPath, PodCertificateProjection, ProjectedVolumeSource, Volume, VolumeProjection } from '../types/core-v1.ts';
import type { ObjectMeta } from '../types/meta-v1.ts';
import { parseQuantity } from '../quantity.ts';
import { validateClaimTemplate } from './core-claim.ts';
import { validateDownwardFile } from './downward-api.ts';
import type { FieldPath } from './field-path.ts';
import { duplicate, forbiddenField, invalidEach, invalidValue, oneOf, required } from './field-path.ts';
import { fileMode, nonReservedPath } from './file-paths.ts';
import { dnsLabel, dnsSubdomain, pathSegmentName, qualifiedName } from './names.ts';
import { validateLabelSelector } from './selectors.ts';
import { sharedSources, validateDriverName } from './volume-sources.ts';

/** In the order in which upstream looks at them: the first is the source, the others are one too many. */
const sourceOrder = [
  ...['emptyDir', 'hostPath', 'gitRepo', 'gcePersistentDisk', 'awsElasticBlockStore', 'secret', 'nfs', 'iscsi', 'glusterfs'],
  ...['persistentVolumeClaim', 'rbd', 'cinder', 'cephfs', 'quobyte', 'downwardAPI', 'fc', 'flexVolume', 'configMap', 'azureFile'],
  ...['flocker', 'vsphereVolume', 'portworxVolume', 'azureDisk', 'storageos', 'projected', 'scaleIO', 'csi', 'ephemeral', 'image'],
  ...['photonPersistentDisk'],
] as (keyof Volume & string)[];

/** Returns the good ones by name; containers may mount only those. `meta` is there for pods, not for templates. */
export function validateVolumes(errors: FieldError[], volumes: readonly Volume[], meta: ObjectMeta | undefined, at: FieldPath): Map<string, Volume> {
  const good = new Map<string, Volume>();
  for (let i = 0; i < volumes.length; i++) {
    const volume = volumes[i]!;
    const here = at.index(i);
    const before = errors.length;
    validateSource(errors, volume, meta, here);
    const { name = '' } = volume;
    if (name === '') errors.push(required(here.child('name')));
    else invalidEach(errors, here.child('name'), name, dnsLabel(name));
    if (good.has(name)) errors.push(duplicate(here.child('name'), name));
    if (errors.length === before) good.set(name, volume);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim && meta?.name && volumes.some((other) => other.ephemeral && claim === `${meta.name}-${other.name}`)) {
      const why = 'must not reference a PVC that gets created for an ephemeral volume';
      errors.push(invalidValue(here.child('persistentVolumeClaim').child('claimName'), claim, why));
    }
  }
  return good;
}

function validateSource(errors: FieldError[], volume: Volume, meta: ObjectMeta | undefined, at: FieldPath): void {
  let found = false;
  for (const type of sourceOrder) {
    const source = volume[type];
    if (source === undefined || source === null) continue;
    if (found) errors.push(forbiddenField(at.child(type), 'may not specify more than 1 volume type'));
    else validateOne(errors, type, volume, meta, at);
    found = true;
  }
  if (!found) errors.push(required(at, 'must specify a volume type'));
}

function validateOne(errors: FieldError[], type: keyof Volume & string, volume: Volume, meta: ObjectMeta | undefined, at: FieldPath): void {
  const here = at.child(type);
  const shared = sharedSources[type];
  if (shared) shared(errors, volume[type] as unknown as Record<string, unknown>, here);
  else if (type === 'emptyDir') {
    const { sizeLimit } = volume.emptyDir!;
    if (sizeLimit && parseQuantity(sizeLimit).value < 0n) {
      errors.push(forbiddenField(here.child('sizeLimit'), 'SizeLimit field must be a valid resource quantity'));
    }
  } else if (type === 'secret') {
    if (!volume.secret!.secretName) errors.push(required(here.child('secretName')));
    validateFiles(errors, volume.secret!, here);
  } else if (type === 'configMap') {
    if (!volume.configMap!.name) errors.push(required(here.child('name')));
    validateFiles(errors, volume.configMap!, here);
  } else if (type === 'persistentVolumeClaim') {
    if (!volume.persistentVolumeClaim!.claimName) errors.push(required(here.child('claimName')));
  } else if (type === 'downwardAPI') {
    fileMode(errors, volume.downwardAPI!.defaultMode, here.child('defaultMode'));
    for (const file of volume.downwardAPI!.items ?? []) validateDownwardFile(errors, file, here);
  } else if (type === 'projected') {
    fileMode(errors, volume.projected!.defaultMode, here.child('defaultMode'));
    validateProjections(errors, volume.projected!, here);
  } else validateModernSource(errors, type, volume, meta, at);
}

function validateModernSource(errors: FieldError[], type: string, volume: Volume, meta: ObjectMeta | undefined, at: FieldPath): void {
  const here = at.child(type);
  if (type === 'csi') {
    const { driver, nodePublishSecretRef } = volume.csi!;
    validateDriverName(errors, driver, here.child('driver'));
    if (!nodePublishSecretRef) return;
    const { name } = nodePublishSecretRef;
    if (!name) errors.push(required(here.child('nodePublishSecretRef').child('name')));
    else invalidEach(errors, here.child('name'), name, dnsSubdomain(name));
  } else if (type === 'ephemeral') {
    const template = volume.ephemeral!.volumeClaimTemplate;
    if (!template) errors.push(required(here.child('volumeClaimTemplate')));
    else validateClaimTemplate(errors, template, here.child('volumeClaimTemplate'));
    if (!meta?.name || !volume.name) return;
    const claim = `${meta.name}-${volume.name}`;
    for (const message of dnsSubdomain(claim)) errors.push(invalidValue(at.child('name'), volume.name, `PVC name ${JSON.stringify(claim)}: ${message}`));
  } else if (type === 'image') {
    const { reference, pullPolicy } = volume.image!;
    if (meta && !reference) errors.push(required(here.child('reference')));
    if (!pullPolicy) errors.push(required(here.child('pullPolicy')));
    else oneOf(errors, here.child('pullPolicy'), pullPolicy, ['Always', 'IfNotPresent', 'Never']);
  }
}

function validateFiles(errors: FieldError[], source: { defaultMode?: number | undefined; items?: KeyToPath[] | undefined }, at: FieldPath): void {
  fileMode(errors, source.defaultMode, at.child('defaultMode'));
  source.items?.forEach((item, i) => validateKeyToPath(errors, item, at.child('items').index(i)));
}

function validateKeyToPath(errors: FieldError[], { key, path = '', mode }: KeyToPath, at: FieldPath): void {
  if (!key) errors.push(required(at.child('key')));
  if (path === '') errors.push(required(at.child('path')));
  nonReservedPath(errors, path, at.child('path'));
  fileMode(errors, mode, at.child('mode'));
}

/** The files of all projections end up in one folder: no two may have the same path. */
class ProjectedPaths {
  readonly #seen = new Set<string>();
  readonly #errors: FieldError[];
  readonly #at: FieldPath;
  constructor(errors: FieldError[], at: FieldPath) {
    this.#errors = errors;
    this.#at = at;
  }
  add(path: string | undefined, shown = path): void {
    if (!path) return;
    if (this.#seen.has(path)) this.#errors.push(invalidValue(this.#at, shown ?? '', 'conflicting duplicate paths'));
    this.#seen.add(path);
  }
}

function validateProjections(errors: FieldError[], projected: ProjectedVolumeSource, at: FieldPath): void {
  const paths = new ProjectedPaths(errors, at);
  projected.sources?.forEach((source, i) => {
    const here = at.child('sources').index(i);
    const before = Object.values(source).filter((one) => one !== undefined).length;
    validateProjection(errors, source, paths, here, at);
    if (before > 1) errors.push(forbiddenField(here, 'may not specify more than 1 volume type per source'));
  });
}

function validateProjection(errors: FieldError[], source: VolumeProjection, paths: ProjectedPaths, at: FieldPath, volume: FieldPath): void {
  for (const type of ['secret', 'configMap'] as const) {
    const one = source[type];
    if (!one) continue;
    if (!one.name) errors.push(required(at.child(type).child('name')));
    one.items?.forEach((item, i) => {
      validateKeyToPath(errors, item, at.child(type).child('items').index(i));
      paths.add(item.path, one.name ?? '');
    });
  }
  for (const file of source.downwardAPI?.items ?? []) {
    validateDownwardFile(errors, file, at.child('downwardAPI'));
    paths.add(file.path);
  }
  const token = source.serviceAccountToken;
  if (token) {
    const { expirationSeconds: seconds = 0 } = token;
    const here = at.child('serviceAccountToken').child('expirationSeconds');
    if (seconds < 600) errors.push(invalidValue(here, seconds, 'may not specify a duration less than 10 minutes'));
    if (seconds > 2 ** 32) errors.push(invalidValue(here, seconds, 'may not specify a duration larger than 2^32 seconds'));
    // Upstream names the volume's own path here.
    if (!token.path) errors.push(required(volume.child('path')));
    else nonReservedPath(errors, token.path, volume.child('path'));
  }
  if (source.clusterTrustBundle) validateTrustBundle(errors, source.clusterTrustBundle, paths, at.child('clusterTrustBundle'));
  if (source.podCertificate) validatePodCertificate(errors, source.podCertificate, paths, at.child('podCertificate'));
}

function validateTrustBundle(errors: FieldError[], bundle: ClusterTrustBundleProjection, paths: ProjectedPaths, at: FieldPath): void {
  const { name, signerName, labelSelector, path = '' } = bundle;
  if (name !== undefined && signerName !== undefined) errors.push(invalidValue(at, bundle, 'only one of name and signerName may be used'));
  else if (name !== undefined) {
    if (name === '') errors.push(required(at.child('name'), 'must be a valid object name'));
    for (const message of trustBundleName(name)) errors.push(invalidValue(at.child('name'), name, `not a valid clustertrustbundlename: ${message}`));
    if (labelSelector) errors.push(invalidValue(at.child('labelSelector'), labelSelector, 'labelSelector must be unset if name is specified'));
  } else if (signerName !== undefined) {
    if (signerName === '') errors.push(required(at.child('signerName'), 'must be a valid signer name'));
    validateSignerName(errors, signerName, at.child('signerName'));
    validateLabelSelector(errors, labelSelector, at.child('labelSelector'));
  } else errors.push(required(at, 'either name or signerName must be specified'));
  if (path === '') errors.push(required(at.child('path')));
  nonReservedPath(errors, path, at.child('path'));
  paths.add(path);
}

/** `signer:domain:name` or a plain name. */
function trustBundleName(name: string): readonly string[] {
  return name.includes(':') ? pathSegmentName(name.slice(name.lastIndexOf(':') + 1), false) : dnsSubdomain(name);
}

/** `example.com/signer-name`. */
export function validateSignerName(errors: FieldError[], name: string | undefined, at: FieldPath): void {
  if (!name) {
    errors.push(required(at));
    return;
  }
  const parts = name.split('/');
  if (parts.length !== 2) {
    errors.push(invalidValue(at, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'"));
    return;
  }
  const [domain, rest] = parts as [string, string];
  for (const message of dnsSubdomain(domain)) {
    errors.push(invalidValue(at, domain, `validating label ${JSON.stringify(domain)}: ${message}`));
  }
  if (domain.split('.').length < 2) errors.push(invalidValue(at, domain, 'should be a domain with at least two segments separated by dots'));
  for (const message of dnsSubdomain(rest)) errors.push(invalidValue(at, rest, `validating label ${JSON.stringify(rest)}: ${message}`));
}

const keyTypes = ['RSA3072', 'RSA4096', 'ECDSAP256', 'ECDSAP384', 'ECDSAP521', 'ED25519'];
const certificateSecondsMax = 7_862_400;
const kubernetesCertificateSecondsMax = 86_400;

function validatePodCertificate(errors: FieldError[], certificate: PodCertificateProjection, paths: ProjectedPaths, at: FieldPath): void {
  const { signerName, userAnnotations, keyType, maxExpirationSeconds: seconds } = certificate;
  validateSignerName(errors, signerName, at.child('signerName'));
  for (const key in userAnnotations) invalidEach(errors, at.child('userAnnotations'), key, qualifiedName(key.toLowerCase()));
  oneOf(errors, at.child('keyType'), keyType, keyTypes);
  if (seconds !== undefined) {
    const here = at.child('maxExpirationSeconds');
    const max = /^([^/]*\.)?kubernetes\.io\//.test(signerName ?? '') ? kubernetesCertificateSecondsMax : certificateSecondsMax;
    if (seconds < 3600) errors.push(invalidValue(here, seconds, 'if provided, maxExpirationSeconds must be >= 3600'));
    if (seconds > max) errors.push(invalidValue(here, seconds, `if provided, maxExpirationSeconds must be <= ${max}`));
  }
  let given = false;
  for (const field of ['credentialBundlePath', 'keyPath', 'certificateChainPath'] as const) {
    const path = certificate[field];
    if (!path) continue;
    given = true;
    nonReservedPath(errors, path, at.child(field));
    paths.add(path);
  }
  if (!given) errors.push(required(at, 'specify at least one of credentialBundlePath, keyPath, and certificateChainPath'));
}
