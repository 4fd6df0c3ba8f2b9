/**
 * Where the bytes of a volume come from: the sources that pods and persistent
 * volumes have in common. Most only need certain fields, and those are a table.
 */
import type { FieldError } from '../errors.ts';
import type { AzureDiskVolumeSource, FCVolumeSource, FlexVolumeSource, HostPathVolumeSource, ISCSIVolumeSource } from '../types/core-v1.ts';
import type { FieldPath } from './field-path.ts';
import { invalidEach, invalidValue, notSupported, oneOf, required, tooLong } from './field-path.ts';
import { descendingPath, noBacksteps } from './file-paths.ts';
import { dnsSubdomain, rangeMessage } from './names.ts';

type Source = Readonly<Record<string, unknown>>;
type SourceRule = (errors: FieldError[], source: Source, at: FieldPath) => void;

/** Fields (dots for nested ones, looked at if the parent is there) that may not be missing or empty. */
function needs(...fields: string[]): SourceRule {
  return (errors, source, at) => {
    for (const field of fields) {
      const [name, nested] = field.split('.') as [string, string | undefined];
      const value = source[name];
      if (nested === undefined) {
        if (isMissing(value)) errors.push(required(at.child(name)));
      } else if (value !== undefined && isMissing((value as Source)[nested])) {
        errors.push(required(at.child(name).child(nested)));
      }
    }
  };
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
}

function both(...rules: SourceRule[]): SourceRule {
  return (errors, source, at) => rules.forEach((rule) => rule(errors, source, at));
}

function sourceRule<T>(rule: (errors: FieldError[], source: T, at: FieldPath) => void): SourceRule {
  return rule as unknown as SourceRule;
}

const partition = sourceRule<{ partition?: number }>((errors, { partition: number }, at) => {
  if (number !== undefined && (number < 0 || number > 255)) errors.push(invalidValue(at.child('partition'), number, rangeMessage(1, 255)));
});

export function validateHostPath(errors: FieldError[], source: HostPathVolumeSource, at: FieldPath): void {
  if (!source.path) {
    errors.push(required(at.child('path')));
    return;
  }
  noBacksteps(errors, source.path, at.child('path'));
  if (source.type) oneOf(errors, at.child('type'), source.type, hostPathTypes);
}
const hostPathTypes = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];

const iscsiForms: Readonly<Record<string, RegExp>> = {
  iqn: /iqn\.\d{4}-\d{2}\.([A-Za-z0-9\-.]+)(:[^,;*&$|\s]+)$/,
  eui: /^eui.[A-Za-z0-9]{16}$/,
  naa: /^naa.[A-Za-z0-9]{32}$/,
};

function validateIscsiName(errors: FieldError[], name: string, at: FieldPath): void {
  const form = iscsiForms[name.slice(0, 3)];
  if (!form) errors.push(invalidValue(at, name, 'must be valid format starting with iqn, eui, or naa'));
  else if (!form.test(name)) errors.push(invalidValue(at, name, 'must be valid format'));
}

const iscsi = sourceRule<ISCSIVolumeSource>((errors, source, at) => {
  if (!source.targetPortal) errors.push(required(at.child('targetPortal')));
  if (!source.iqn) errors.push(required(at.child('iqn')));
  else validateIscsiName(errors, source.iqn, at.child('iqn'));
  const { lun = 0 } = source;
  if (lun < 0 || lun > 255) errors.push(invalidValue(at.child('lun'), lun, rangeMessage(0, 255)));
  if ((source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef) errors.push(required(at.child('secretRef')));
  if (source.initiatorName !== undefined) validateIscsiName(errors, source.initiatorName, at.child('initiatorname'));
});

const fibreChannel = sourceRule<FCVolumeSource>((errors, { targetWWNs = [], wwids = [], lun }, at) => {
  const here = at.child('targetWWNs');
  if (targetWWNs.length === 0 && wwids.length === 0) errors.push(required(here, 'must specify either targetWWNs or wwids, but not both'));
  if (targetWWNs.length === 0) return;
  if (wwids.length > 0) errors.push(invalidValue(here, targetWWNs, 'targetWWNs and wwids can not be specified simultaneously'));
  if (lun === undefined) errors.push(required(at.child('lun'), 'lun is required if targetWWNs is specified'));
  else if (lun < 0 || lun > 255) errors.push(invalidValue(at.child('lun'), lun, rangeMessage(0, 255)));
});

const azureDisk = sourceRule<AzureDiskVolumeSource>((errors, { diskName, diskURI, cachingMode, kind }, at) => {
  if (!diskName) errors.push(required(at.child('diskName')));
  if (!diskURI) errors.push(required(at.child('diskURI')));
  if (cachingMode !== undefined) oneOf(errors, at.child('cachingMode'), cachingMode, ['None', 'ReadOnly', 'ReadWrite']);
  if (kind === undefined) return;
  oneOf(errors, at.child('kind'), kind, ['Dedicated', 'Managed', 'Shared']);
  const [start, form] =
    kind === 'Managed'
      ? ['/subscriptions/', '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}']
      : ['https://', 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd'];
  if (!(diskURI ?? '').startsWith(start)) errors.push(notSupported(at.child('diskURI'), diskURI ?? '', [form]));
});

const flexVolume = sourceRule<FlexVolumeSource>((errors, { driver, options }, at) => {
  if (!driver) errors.push(required(at.child('driver')));
  for (const key in options) {
    const domain = `.${key.split('/')[0]!.toLowerCase()}`;
    if (domain.endsWith('.kubernetes.io') || domain.endsWith('.k8s.io')) {
      errors.push(invalidValue(at.child('options').key(key), key, 'kubernetes.io and k8s.io namespaces are reserved'));
    }
  }
});

const nfs = sourceRule<{ server?: string; path?: string }>((errors, source, at) => {
  if (!source.server) errors.push(required(at.child('server')));
  const { path = '' } = source;
  if (path === '') errors.push(required(at.child('path')));
  if (!path.startsWith('/')) errors.push(invalidValue(at.child('path'), path, 'must be an absolute path'));
});

export function validateDriverName(errors: FieldError[], name: string | undefined, at: FieldPath): void {
  if (!name) {
    errors.push(required(at));
    return;
  }
  if (name.length > 63) errors.push(tooLong(at, 63));
  invalidEach(errors, at, name, dnsSubdomain(name.toLowerCase()));
}

const gitRepo = sourceRule<{ repository?: string; directory?: string }>((errors, { repository, directory }, at) => {
  if (!repository) errors.push(required(at.child('repository')));
  descendingPath(errors, directory ?? '', at.child('directory'));
});

const quobyte = sourceRule<{ registry?: string; volume?: string; tenant?: string }>((errors, { registry, volume, tenant }, at) => {
  const here = at.child('registry');
  if (!registry) errors.push(required(here, 'must be a host:port pair or multiple pairs separated by commas'));
  else if ((tenant ?? '').length >= 65) errors.push(required(at.child('tenant'), 'must be a UUID and may not exceed a length of 64 characters'));
  else if (registry.split(',').some((pair) => pair.split(':').length !== 2)) {
    errors.push(invalidValue(here, registry, 'must be a host:port pair or multiple pairs separated by commas'));
  }
  if (!volume) errors.push(required(at.child('volume')));
});

const flocker = sourceRule<{ datasetName?: string; datasetUUID?: string }>((errors, { datasetName, datasetUUID }, at) => {
  if (!datasetName && !datasetUUID) errors.push(required(at, 'one of datasetName and datasetUUID is required'));
  if (datasetName && datasetUUID) errors.push(invalidValue(at, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'));
  if (datasetName?.includes('/')) errors.push(invalidValue(at.child('datasetName'), datasetName, "must not contain '/'"));
});

/** The sources that differ between pods and persistent volumes in no rule, or in a few fields named here. */
export const sharedSources: Readonly<Record<string, SourceRule>> = {
  hostPath: sourceRule(validateHostPath),
  gcePersistentDisk: both(needs('pdName'), partition),
  awsElasticBlockStore: both(needs('volumeID'), partition),
  nfs,
  iscsi,
  glusterfs: needs('endpoints', 'path'),
  flocker,
  rbd: needs('monitors', 'image'),
  cinder: needs('volumeID', 'secretRef.name'),
  cephfs: needs('monitors'),
  quobyte,
  fc: fibreChannel,
  flexVolume,
  azureFile: needs('secretName', 'shareName'),
  vsphereVolume: needs('volumePath'),
  azureDisk,
  photonPersistentDisk: needs('pdID'),
  portworxVolume: needs('volumeID'),
  scaleIO: needs('gateway', 'system', 'volumeName'),
  storageos: needs('volumeName'),
  gitRepo,
};
