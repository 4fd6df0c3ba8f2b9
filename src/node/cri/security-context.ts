/**
 * What a container may do: its own securityContext over the pod's, as CRI says
 * it, and the check of runAsNonRoot, with upstream's wording
 * (pkg/kubelet/kuberuntime/security_context.go, pkg/securitycontext).
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AppArmorProfile, Container, EphemeralContainer, Pod, SeccompProfile } from '../../api/types/core-v1.ts';
import { StartError } from '../kubelet/runtime.ts';
import { namespaceMode } from './api.ts';
import type { Answer, Message } from './api.ts';

export function sandboxSecurityContext(pod: Pod): Message<'LinuxSandboxSecurityContext'> {
  const { securityContext } = pod.spec;
  return {
    privileged: allContainers(pod).some((container) => container.securityContext?.privileged ?? false),
    seccomp: { profileType: profileType.runtimeDefault },
    namespaceOptions: namespaceOptions(pod),
    ...user(securityContext?.runAsUser, securityContext?.runAsGroup),
    supplementalGroups: podGroups(pod),
    ...groupsPolicy(pod),
    ...(securityContext?.seLinuxOptions ? { selinuxOptions: securityContext.seLinuxOptions } : {}),
  };
}

export interface ContainerSecurity {
  /** Of the image's configuration. */
  readonly image: Answer<'Image'>;
  readonly supplementalGroups: readonly number[];
  /** The container whose processes an ephemeral one sees; undefined: only its own. */
  readonly targetId: string | undefined;
  /** Where profiles of type Localhost lie. */
  readonly seccompDirectory: string;
}

/** Throws StartError. */
export function containerSecurityContext(pod: Pod, container: Container, { image, supplementalGroups, targetId, seccompDirectory }: ContainerSecurity): Message<'LinuxContainerSecurityContext'> {
  verifyNonRoot(pod, container, image);
  const ofPod = pod.spec.securityContext;
  const own = container.securityContext;
  const { capabilities } = own ?? {};
  const runAsUser = own?.runAsUser ?? ofPod?.runAsUser;
  const unmasked = own?.procMount === 'Unmasked';
  const selinuxOptions = own?.seLinuxOptions ?? ofPod?.seLinuxOptions;
  const apparmor = apparmorProfile(own?.appArmorProfile ?? ofPod?.appArmorProfile);
  return {
    ...(capabilities ? { capabilities: { addCapabilities: capabilities.add ?? [], dropCapabilities: capabilities.drop ?? [] } } : {}),
    privileged: own?.privileged ?? false,
    readonlyRootfs: own?.readOnlyRootFilesystem ?? false,
    noNewPrivs: own?.allowPrivilegeEscalation === false,
    namespaceOptions: namespaceOptions(pod, targetId),
    ...user(runAsUser ?? image.uid?.value, own?.runAsGroup ?? ofPod?.runAsGroup),
    ...(runAsUser === undefined && !image.uid && image.username ? { runAsUsername: image.username } : {}),
    supplementalGroups: [...new Set([...podGroups(pod), ...supplementalGroups])],
    ...groupsPolicy(pod),
    seccomp: seccompProfile(own?.seccompProfile ?? ofPod?.seccompProfile, seccompDirectory),
    ...(apparmor ? { apparmor } : {}),
    ...(selinuxOptions ? { selinuxOptions } : {}),
    maskedPaths: unmasked ? [] : maskedPaths(),
    readonlyPaths: unmasked ? [] : readonlyPaths,
  };
}

export function allContainers({ spec }: Pod): readonly (Container | EphemeralContainer)[] {
  return [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
}

function namespaceOptions({ spec }: Pod, targetId?: string): Message<'NamespaceOption'> {
  const pid = spec.hostPID ? namespaceMode.node : spec.shareProcessNamespace ? namespaceMode.pod : namespaceMode.container;
  return {
    network: spec.hostNetwork ? namespaceMode.node : namespaceMode.pod,
    ipc: spec.hostIPC ? namespaceMode.node : namespaceMode.pod,
    ...(pid === namespaceMode.container && targetId !== undefined ? { pid: namespaceMode.target, targetId } : { pid }),
  };
}

function user(uid: number | undefined, gid: number | undefined): { runAsUser?: Message<'Int64Value'>; runAsGroup?: Message<'Int64Value'> } {
  return { ...(uid === undefined ? {} : { runAsUser: { value: uid } }), ...(gid === undefined ? {} : { runAsGroup: { value: gid } }) };
}

function podGroups({ spec: { securityContext } }: Pod): readonly number[] {
  return [...(securityContext?.fsGroup === undefined ? [] : [securityContext.fsGroup]), ...(securityContext?.supplementalGroups ?? [])];
}

function groupsPolicy({ spec: { securityContext } }: Pod): { supplementalGroupsPolicy?: number } {
  return securityContext?.supplementalGroupsPolicy === 'Strict' ? { supplementalGroupsPolicy: 1 } : {};
}

const profileType = { runtimeDefault: 0, unconfined: 1, localhost: 2 } as const;

function seccompProfile(profile: SeccompProfile | undefined, directory: string): Message<'SecurityProfile'> {
  switch (profile?.type) {
    case 'RuntimeDefault':
      return { profileType: profileType.runtimeDefault };
    case 'Localhost':
      if (!profile.localhostProfile) throw new StartError('CreateContainerConfigError', 'localhostProfile must be set if seccompProfile type is Localhost.');
      return { profileType: profileType.localhost, localhostRef: join(directory, profile.localhostProfile) };
    default:
      return { profileType: profileType.unconfined };
  }
}

function apparmorProfile(profile: AppArmorProfile | undefined): Message<'SecurityProfile'> | undefined {
  switch (profile?.type) {
    case 'RuntimeDefault':
      return { profileType: profileType.runtimeDefault };
    case 'Unconfined':
      return { profileType: profileType.unconfined };
    case 'Localhost':
      return { profileType: profileType.localhost, localhostRef: profile.localhostProfile ?? '' };
    default:
      return undefined;
  }
}

function verifyNonRoot(pod: Pod, container: Container, image: Answer<'Image'>): void {
  const ofPod = pod.spec.securityContext;
  const own = container.securityContext;
  if (!(own?.runAsNonRoot ?? ofPod?.runAsNonRoot)) return;
  const { name, namespace, uid } = pod.metadata;
  const whose = `(pod: "${name}_${namespace}(${uid})", container: ${container.name})`;
  const refuse = (why: string) => {
    throw new StartError('CreateContainerConfigError', `${why} ${whose}`);
  };
  const asked = own?.runAsUser ?? ofPod?.runAsUser;
  if (asked === 0) refuse("container's runAsUser breaks non-root policy");
  if (asked !== undefined) return;
  if (!image.uid && image.username) refuse(`container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root`);
  if ((image.uid?.value ?? 0) === 0) refuse('container has runAsNonRoot and image will run as root');
}

const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

const processors = '/sys/devices/system/cpu';
let masked: readonly string[] | undefined;

/** What tells of the machine or lets a container change it. */
function maskedPaths(): readonly string[] {
  masked ??= [
    ...['asound', 'acpi', 'interrupts', 'kcore', 'keys', 'latency_stats', 'timer_list', 'timer_stats', 'sched_debug', 'scsi'].map((name) => `/proc/${name}`),
    '/sys/firmware',
    '/sys/devices/virtual/powercap',
    ...(existsSync(processors) ? readdirSync(processors) : [])
      .filter((name) => /^cpu\d+$/.test(name))
      .map((name) => join(processors, name, 'thermal_throttle'))
      .filter((path) => existsSync(path)),
  ];
  return masked;
}
