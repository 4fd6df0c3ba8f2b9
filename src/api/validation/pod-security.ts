/** Security contexts of pods and containers, and the annotations they had before. */
import type { FieldError } from '../errors.ts';
import type { AppArmorProfile, Container, PodSecurityContext, PodSpec, SeccompProfile, SecurityContext, WindowsSecurityContextOptions } from '../types/core-v1.ts';
import type { FieldPath } from './field-path.ts';
import { duplicate, forbiddenField, invalidEach, invalidValue, oneOf, required, tooLong } from './field-path.ts';
import { descendingPath } from './file-paths.ts';
import { unixId } from './names.ts';

const profileTypes = ['Localhost', 'RuntimeDefault', 'Unconfined'];
const localhostPrefix = 'localhost/';

export function validateContainerSecurity(errors: FieldError[], context: SecurityContext, hostUsers: boolean, at: FieldPath): void {
  const { runAsUser, runAsGroup, procMount } = context;
  if (runAsUser !== undefined) invalidEach(errors, at.child('runAsUser'), runAsUser, unixId(runAsUser));
  if (runAsGroup !== undefined) invalidEach(errors, at.child('runAsGroup'), runAsGroup, unixId(runAsGroup));
  if (procMount !== undefined) {
    oneOf(errors, at.child('procMount'), procMount, ['Default', 'Unmasked']);
    if (hostUsers && procMount === 'Unmasked') {
      errors.push(invalidValue(at.child('procMount'), procMount, '`hostUsers` must be false to use `Unmasked`'));
    }
  }
  if (context.seccompProfile) validateSeccomp(errors, context.seccompProfile, at.child('seccompProfile'));
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged) errors.push(invalidValue(at, context, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'));
    if (context.capabilities?.add?.includes('CAP_SYS_ADMIN')) {
      errors.push(invalidValue(at, context, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'));
    }
  }
  if (context.windowsOptions) validateWindowsOptions(errors, context.windowsOptions, at.child('windowsOptions'));
  if (context.appArmorProfile) validateAppArmor(errors, context.appArmorProfile, at.child('appArmorProfile'));
}

export function validatePodSecurity(errors: FieldError[], spec: PodSpec, at: FieldPath): void {
  const context = spec.securityContext;
  if (!context) return;
  for (const field of ['fsGroup', 'runAsUser', 'runAsGroup'] as const) {
    const id = context[field];
    if (id !== undefined) invalidEach(errors, at.child(field), id, unixId(id));
  }
  context.supplementalGroups?.forEach((id, i) => invalidEach(errors, at.child('supplementalGroups').index(i), id, unixId(id)));
  if (spec.shareProcessNamespace && spec.hostPID) {
    errors.push(invalidValue(at.child('shareProcessNamespace'), true, 'ShareProcessNamespace and HostPID cannot both be enabled'));
  }
  if (context.sysctls) validateSysctls(errors, context, spec, at.child('sysctls'));
  const { fsGroupChangePolicy, supplementalGroupsPolicy, seLinuxChangePolicy } = context;
  if (fsGroupChangePolicy !== undefined) oneOf(errors, at.child('fsGroupChangePolicy'), fsGroupChangePolicy, ['Always', 'OnRootMismatch']);
  if (context.seccompProfile) validateSeccomp(errors, context.seccompProfile, at.child('seccompProfile'));
  if (context.windowsOptions) validateWindowsOptions(errors, context.windowsOptions, at.child('windowsOptions'));
  if (context.appArmorProfile) validateAppArmor(errors, context.appArmorProfile, at.child('appArmorProfile'));
  if (supplementalGroupsPolicy !== undefined) oneOf(errors, at.child('supplementalGroupsPolicy'), supplementalGroupsPolicy, ['Merge', 'Strict']);
  if (seLinuxChangePolicy !== undefined) oneOf(errors, at.child('seLinuxChangePolicy'), seLinuxChangePolicy, ['MountOption', 'Recursive']);
}

const sysctlSegment = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const sysctlFormat = `^(${sysctlSegment}[\\./])*${sysctlSegment}$`;
const sysctlRegex = new RegExp(sysctlFormat);
const ipcSysctls = ['kernel.shm', 'kernel.msg', 'fs.mqueue.'];

function validateSysctls(errors: FieldError[], context: PodSecurityContext, spec: PodSpec, at: FieldPath): void {
  const seen = new Set<string>();
  context.sysctls?.forEach(({ name = '' }, i) => {
    const here = at.index(i).child('name');
    if (name === '') errors.push(required(here));
    else if (name.length > 253 || !sysctlRegex.test(name)) {
      errors.push(invalidValue(here, name, `must have at most 253 characters and match regex ${sysctlFormat}`));
    } else if (seen.has(name)) errors.push(duplicate(here, name));
    seen.add(name);
    const dotted = name.replaceAll('/', '.');
    if (spec.hostNetwork && dotted.startsWith('net.')) {
      errors.push(invalidValue(here, name, "may not be specified when 'hostNetwork' is true"));
    } else if (spec.hostIPC && (dotted === 'kernel.sem' || ipcSysctls.some((prefix) => dotted.startsWith(prefix)))) {
      errors.push(invalidValue(here, name, "may not be specified when 'hostIPC' is true"));
    }
  });
}

function validateSeccomp(errors: FieldError[], profile: SeccompProfile, at: FieldPath): void {
  if (!profile.type) errors.push(required(at.child('type'), 'type is required when seccompProfile is set'));
  else oneOf(errors, at.child('type'), profile.type, profileTypes);
  const here = at.child('localhostProfile');
  if (profile.type === 'Localhost') {
    if (profile.localhostProfile === undefined) errors.push(required(here, 'must be set when seccomp type is Localhost'));
    else descendingPath(errors, profile.localhostProfile, here);
  } else if (profile.localhostProfile !== undefined) {
    errors.push(invalidValue(here, profile, 'can only be set when seccomp type is Localhost'));
  }
}

function validateAppArmor(errors: FieldError[], profile: AppArmorProfile, at: FieldPath): void {
  const here = at.child('localhostProfile');
  const name = profile.localhostProfile;
  if (!profile.type) errors.push(required(at.child('type'), 'type is required when appArmorProfile is set'));
  else oneOf(errors, at.child('type'), profile.type, profileTypes);
  if (profile.type === 'Localhost') {
    if (name !== undefined && name.trim() !== name) errors.push(invalidValue(here, name, 'must not be padded with whitespace'));
    else if (!name) errors.push(required(here, 'must be set when AppArmor type is Localhost'));
    if (name !== undefined && name.length > 4095) errors.push(tooLong(here, 4095));
  } else if (name !== undefined && profileTypes.includes(profile.type)) {
    errors.push(invalidValue(here, name, 'can only be set when AppArmor type is Localhost'));
  }
}

function validateWindowsOptions(errors: FieldError[], options: WindowsSecurityContextOptions, at: FieldPath): void {
  const { gmsaCredentialSpec: spec, runAsUserName: user } = options;
  if (spec !== undefined) {
    const here = at.child('gmsaCredentialSpec');
    if (spec === '') errors.push(invalidValue(here, spec, 'gmsaCredentialSpec cannot be an empty string'));
    else if (spec.length > 64 * 1024) errors.push(invalidValue(here, spec, 'gmsaCredentialSpec size must be under 64 KiB'));
  }
  if (user === '') errors.push(invalidValue(at.child('runAsUserName'), user, 'runAsUserName cannot be an empty string'));
  else if (user !== undefined && /[\x00-\x1f\x7f]/.test(user)) {
    errors.push(invalidValue(at.child('runAsUserName'), user, 'runAsUserName cannot contain control characters'));
  }
}

/** Every container with its path, in upstream's order. */
export function* containersOf(spec: PodSpec, at: FieldPath): Generator<[Container, FieldPath]> {
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    const containers = spec[list];
    if (!containers) continue;
    for (let i = 0; i < containers.length; i++) yield [containers[i]! as Container, at.child(list).index(i)];
  }
}

const windowsPodFields = [
  ...['appArmorProfile', 'seLinuxOptions'],
  ...['seccompProfile', 'fsGroup', 'fsGroupChangePolicy', 'sysctls'],
  ...['runAsUser', 'runAsGroup', 'supplementalGroups', 'supplementalGroupsPolicy', 'seLinuxChangePolicy'],
] as (keyof PodSecurityContext)[];
const windowsContainerFields = [
  ...['appArmorProfile', 'seLinuxOptions', 'seccompProfile', 'capabilities', 'readOnlyRootFilesystem'],
  ...['privileged', 'allowPrivilegeEscalation', 'procMount', 'runAsUser', 'runAsGroup'],
] as (keyof SecurityContext)[];

/** What one operating system has and the other has not. */
export function validateOs(errors: FieldError[], spec: PodSpec, at: FieldPath): void {
  const name = spec.os?.name;
  if (!name) {
    errors.push(required(at.child('os').child('name')));
    return;
  }
  if (name === 'windows') validateWindowsPod(errors, spec, at);
  else if (name === 'linux') {
    const why = 'windows options cannot be set for a linux pod';
    if (spec.securityContext?.windowsOptions) errors.push(forbiddenField(at.child('securityContext').child('windowsOptions'), why));
    for (const [container, here] of containersOf(spec, at)) {
      if (container.securityContext?.windowsOptions) errors.push(forbiddenField(here.child('securityContext').child('windowsOptions'), why));
    }
  } else oneOf(errors, at.child('os'), name, ['linux', 'windows']);
}

function validateWindowsPod(errors: FieldError[], spec: PodSpec, at: FieldPath): void {
  const why = 'cannot be set for a windows pod';
  for (const field of windowsPodFields) {
    if (spec.securityContext?.[field] !== undefined) errors.push(forbiddenField(at.child('securityContext').child(field), why));
  }
  for (const field of ['hostUsers', 'shareProcessNamespace'] as const) if (spec[field] !== undefined) errors.push(forbiddenField(at.child(field), why));
  for (const field of ['hostPID', 'hostIPC'] as const) if (spec[field]) errors.push(forbiddenField(at.child(field), why));
  for (const [container, here] of containersOf(spec, at)) {
    for (const field of windowsContainerFields) {
      if (container.securityContext?.[field] !== undefined) errors.push(forbiddenField(here.child('securityContext').child(field), why));
    }
  }
}

/** Windows host-process containers: all or none, and only on the host's network. */
export function validateHostProcess(errors: FieldError[], spec: PodSpec, at: FieldPath): void {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  if (ofPod === undefined && !spec.containers?.some((container) => container.securityContext?.windowsOptions)) return;
  let all = 0;
  let hostProcesses = 0;
  for (const [container, here] of containersOf(spec, at)) {
    const own = container.securityContext?.windowsOptions?.hostProcess;
    all++;
    if (own ?? ofPod) hostProcesses++;
    if (ofPod !== undefined && own !== undefined && own !== ofPod) {
      const where = here.child('securityContext').child('windowsOptions').child('hostProcess');
      errors.push(invalidValue(where, own, `pod hostProcess value must be identical if both are specified, was ${ofPod}`));
    }
  }
  if (hostProcesses === 0) return;
  if (hostProcesses !== all) {
    errors.push(invalidValue(at, '', 'If pod contains any hostProcess containers then all containers must be HostProcess containers'));
  }
  if (!spec.hostNetwork) {
    errors.push(invalidValue(at.child('hostNetwork'), false, 'hostNetwork must be true if pod contains any hostProcess containers'));
  }
}

const seccompPodKey = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompContainerPrefix = 'container.seccomp.security.alpha.kubernetes.io/';
export const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';

export function validateSecurityAnnotations(errors: FieldError[], annotations: Readonly<Record<string, string>>, spec: PodSpec, at: FieldPath): void {
  for (const key in annotations) {
    const profile = annotations[key]!;
    if (key === seccompPodKey || key.startsWith(seccompContainerPrefix)) {
      if (profile.startsWith(localhostPrefix)) descendingPath(errors, profile.slice(localhostPrefix.length), at.child(key));
      else if (!['runtime/default', 'docker/default', 'unconfined'].includes(profile)) {
        errors.push(invalidValue(at.child(key), profile, 'must be a valid seccomp profile'));
      }
    } else if (key.startsWith(appArmorPrefix)) {
      const name = key.slice(appArmorPrefix.length);
      const known = [...containersOf(spec, at)].some(([container]) => container.name === name);
      if (!known) errors.push(invalidValue(at.key(key), name, 'container not found'));
      if (profile !== '' && profile !== 'runtime/default' && profile !== 'unconfined' && !profile.startsWith(localhostPrefix)) {
        errors.push(invalidValue(at.key(key), profile, `invalid AppArmor profile name: ${JSON.stringify(profile)}`));
      }
    }
  }
}

/** Where the old annotation and the field are both given, they say the same. */
export function validateAnnotationsMatchFields(errors: FieldError[], annotations: Readonly<Record<string, string>>, spec: PodSpec, at: FieldPath): void {
  const pod = spec.securityContext;
  matchProfile(errors, 'seccomp', annotations[seccompPodKey], pod?.seccompProfile, at.child('securityContext').child('seccompProfile'));
  for (const [container, here] of containersOf(spec, at)) {
    const own = container.securityContext;
    const context = here.child('securityContext');
    matchProfile(errors, 'seccomp', annotations[seccompContainerPrefix + container.name], own?.seccompProfile, context.child('seccompProfile'));
    if (spec.os?.name === 'windows') continue;
    const profile = own?.appArmorProfile ?? pod?.appArmorProfile;
    matchProfile(errors, 'apparmor', annotations[appArmorPrefix + container.name], profile, context.child('appArmorProfile'));
  }
}

function matchProfile(
  errors: FieldError[],
  what: 'seccomp' | 'apparmor',
  annotation: string | undefined,
  profile: SeccompProfile | AppArmorProfile | undefined,
  at: FieldPath,
): void {
  if (annotation === undefined || !profile) return;
  const runtimeDefault = annotation === 'runtime/default' || (what === 'seccomp' && annotation === 'docker/default');
  const sameType =
    (profile.type === 'Unconfined' && annotation === 'unconfined') ||
    (profile.type === 'RuntimeDefault' && runtimeDefault) ||
    (profile.type === 'Localhost' && annotation.startsWith(localhostPrefix));
  if (!sameType) {
    if (profileTypes.includes(profile.type)) errors.push(forbiddenField(at.child('type'), `${what} type in annotation and field must match`));
  } else if (profile.type === 'Localhost' && annotation.slice(localhostPrefix.length) !== profile.localhostProfile) {
    errors.push(forbiddenField(at.child('localhostProfile'), `${what} profile in annotation and field must match`));
  }
}
