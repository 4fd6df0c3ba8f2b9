/**
 * The controls of the Pod Security Standards. Each says what is wrong with a
 * pod, in upstream's words: a short reason, and the detail in parentheses.
 */
import type { ObjectMeta } from '../../../api/types/meta-v1.ts';
import type {
  Container,
  ContainerPort,
  PodSpec,
  Probe,
  LifecycleHandler,
  SecurityContext,
  Volume,
} from '../../../api/types/core-v1.ts';
import { goQuote } from '../../../api/validation/go-format.ts';

export interface Violation {
  readonly reason: string;
  readonly detail: string;
}

export type Check = (spec: PodSpec, metadata: ObjectMeta) => Violation | undefined;

function containersOf(
  spec: PodSpec,
): Pick<
  Container,
  'name' | 'securityContext' | 'ports' | 'livenessProbe' | 'readinessProbe' | 'startupProbe' | 'lifecycle'
>[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])];
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}

function sorted(values: Iterable<string>): string[] {
  return [...new Set(values)].sort();
}

/** `container "a"`, `volumes "a", "b"`. */
function named(noun: string, names: readonly string[]): string {
  return `${noun}${names.length === 1 ? '' : 's'} ${quoted(names)}`;
}

/** Names of the containers whose security context is bad. */
function badContainers(spec: PodSpec, isBad: (context: SecurityContext | undefined) => boolean): string[] {
  return containersOf(spec)
    .filter(({ securityContext }) => isBad(securityContext))
    .map(({ name }) => name);
}

/** `pod and containers "a", "b"`: who set what must not be set. */
function setters(podIsBad: boolean, containers: readonly string[]): string {
  return [
    ...(podIsBad ? ['pod'] : []),
    ...(containers.length > 0 ? [named('container', containers)] : []),
  ].join(' and ');
}

function isWindows(spec: PodSpec): boolean {
  return spec.os?.name === 'windows';
}

export function exceptOnWindows(check: Check): Check {
  return (spec, metadata) => (isWindows(spec) ? undefined : check(spec, metadata));
}

/** Root of a user namespace is nobody outside it. */
export function exceptInUserNamespaces(check: Check): Check {
  return (spec, metadata) => (spec.hostUsers === false ? undefined : check(spec, metadata));
}

export const allowPrivilegeEscalation: Check = (spec) => {
  const bad = badContainers(spec, (context) => context?.allowPrivilegeEscalation !== false);
  if (bad.length === 0) return undefined;
  return {
    reason: 'allowPrivilegeEscalation != false',
    detail: `${named('container', bad)} must set securityContext.allowPrivilegeEscalation=false`,
  };
};

const appArmorAnnotation = 'container.apparmor.security.beta.kubernetes.io/';
const appArmorTypes = new Set(['RuntimeDefault', 'Localhost']);

export const appArmorProfile: Check = (spec, metadata) => {
  const badValues: string[] = [];
  const isBad = (context: { appArmorProfile?: { type: string } | undefined } | undefined) => {
    const type = context?.appArmorProfile?.type;
    if (type === undefined || appArmorTypes.has(type)) return false;
    badValues.push(type);
    return true;
  };
  const podIsBad = isBad(spec.securityContext);
  const bad = badContainers(spec, isBad);
  const annotations = Object.entries(metadata.annotations ?? {})
    .filter(
      ([key, value]) =>
        key.startsWith(appArmorAnnotation) &&
        value !== '' &&
        value !== 'runtime/default' &&
        !value.startsWith('localhost/'),
    )
    .map(([key, value]) => `${key}=${goQuote(value)}`);
  const who = [
    setters(podIsBad, bad),
    annotations.length === 0 ? '' : annotations.length === 1 ? 'annotation' : 'annotations',
  ].filter((text) => text !== '');
  if (who.length === 0) return undefined;
  const values = [...sorted(badValues), ...sorted(annotations)];
  return {
    reason: values.length === 1 ? 'forbidden AppArmor profile' : 'forbidden AppArmor profiles',
    detail: `${who.join(' and ')} must not set AppArmor profile type to ${quoted(values)}`,
  };
};

const defaultCapabilities = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

/** What containers add beyond what is allowed. */
function addedCapabilities(spec: PodSpec, isAllowed: (capability: string) => boolean): string | undefined {
  const forbidden: string[] = [];
  const bad = badContainers(spec, (context) => {
    const added = (context?.capabilities?.add ?? []).filter((capability) => !isAllowed(capability));
    forbidden.push(...added);
    return added.length > 0;
  });
  if (bad.length === 0) return undefined;
  return `${named('container', bad)} must not include ${quoted(sorted(forbidden))} in securityContext.capabilities.add`;
}

export const capabilitiesBaseline: Check = (spec) => {
  const detail = addedCapabilities(spec, (capability) => defaultCapabilities.has(capability));
  return detail === undefined ? undefined : { reason: 'non-default capabilities', detail };
};

export const capabilitiesRestricted: Check = (spec) => {
  const details: string[] = [];
  const keeping = badContainers(spec, (context) => !context?.capabilities?.drop?.includes('ALL'));
  if (keeping.length > 0)
    details.push(`${named('container', keeping)} must set securityContext.capabilities.drop=["ALL"]`);
  const adding = addedCapabilities(spec, (capability) => capability === 'NET_BIND_SERVICE');
  if (adding !== undefined) details.push(adding);
  return details.length === 0
    ? undefined
    : { reason: 'unrestricted capabilities', detail: details.join('; ') };
};

export const hostNamespaces: Check = (spec) => {
  const set = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((name) => spec[name]);
  return set.length === 0
    ? undefined
    : { reason: 'host namespaces', detail: set.map((name) => `${name}=true`).join(', ') };
};

export const hostPathVolumes: Check = (spec) => {
  const bad = (spec.volumes ?? []).filter((volume) => volume.hostPath).map((volume) => volume.name);
  return bad.length === 0 ? undefined : { reason: 'hostPath volumes', detail: named('volume', bad) };
};

export const hostPorts: Check = (spec) => {
  const portsOf = ({ ports = [] }: { ports?: ContainerPort[] | undefined }) =>
    ports.filter((port) => port.hostPort).map((port) => String(port.hostPort));
  const bad = containersOf(spec).filter((container) => portsOf(container).length > 0);
  if (bad.length === 0) return undefined;
  const ports = sorted(bad.flatMap(portsOf));
  const names = bad.map(({ name }) => name);
  return {
    reason: 'hostPort',
    detail: `${named('container', names)} ${names.length === 1 ? 'uses' : 'use'} hostPort${ports.length === 1 ? '' : 's'} ${ports.join(', ')}`,
  };
};

function hostsOf(handler: Probe | LifecycleHandler | undefined): string[] {
  return [handler?.httpGet?.host, handler?.tcpSocket?.host].filter(
    (host) => host !== undefined && host !== '',
  ) as string[];
}

export const hostProbesAndHostLifecycle: Check = (spec) => {
  const hosts: string[] = [];
  const bad = containersOf(spec).filter(({ livenessProbe, readinessProbe, startupProbe, lifecycle }) => {
    const found = [
      livenessProbe,
      readinessProbe,
      startupProbe,
      lifecycle?.postStart,
      lifecycle?.preStop,
    ].flatMap(hostsOf);
    hosts.push(...found);
    return found.length > 0;
  });
  if (bad.length === 0) return undefined;
  const names = sorted(bad.map(({ name }) => name));
  const forbidden = sorted(hosts);
  return {
    reason: 'probe or lifecycle host',
    detail: `${named('container', names)} ${names.length === 1 ? 'uses' : 'use'} ${named('probe or lifecycle host', forbidden)}`,
  };
};

export const privilegedContainers: Check = (spec) => {
  const bad = badContainers(spec, (context) => context?.privileged === true);
  return bad.length === 0
    ? undefined
    : {
        reason: 'privileged',
        detail: `${named('container', bad)} must not set securityContext.privileged=true`,
      };
};

export const procMount: Check = (spec) => {
  const types: string[] = [];
  const bad = badContainers(spec, (context) => {
    const type = context?.procMount;
    if (type === undefined || type === 'Default') return false;
    types.push(type);
    return true;
  });
  if (bad.length === 0) return undefined;
  return {
    reason: 'procMount',
    detail: `${named('container', bad)} must not set securityContext.procMount to ${quoted(sorted(types))}`,
  };
};

const restrictedVolumeTypes = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
]);

function volumeTypeOf(volume: Volume): string {
  return (
    Object.entries(volume).find(
      ([field, value]) => field !== 'name' && value !== undefined && value !== null,
    )?.[0] ?? 'unknown'
  );
}

export const restrictedVolumes: Check = (spec) => {
  const bad = (spec.volumes ?? []).filter((volume) => !restrictedVolumeTypes.has(volumeTypeOf(volume)));
  if (bad.length === 0) return undefined;
  const types = sorted(bad.map(volumeTypeOf));
  const names = bad.map(({ name }) => name);
  return {
    reason: 'restricted volume types',
    detail: `${named('volume', names)} ${names.length === 1 ? 'uses' : 'use'} ${named('restricted volume type', types)}`,
  };
};

export const runAsNonRoot: Check = (spec) => {
  const reason = 'runAsNonRoot != true';
  const ofPod = spec.securityContext?.runAsNonRoot;
  const who = setters(
    ofPod === false,
    badContainers(spec, (context) => context?.runAsNonRoot === false),
  );
  if (who !== '') return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` };
  const silent = ofPod === true ? [] : badContainers(spec, (context) => context?.runAsNonRoot === undefined);
  return silent.length === 0
    ? undefined
    : { reason, detail: `pod or ${named('container', silent)} must set securityContext.runAsNonRoot=true` };
};

export const runAsUser: Check = (spec) => {
  const who = setters(
    spec.securityContext?.runAsUser === 0,
    badContainers(spec, (context) => context?.runAsUser === 0),
  );
  return who === '' ? undefined : { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` };
};

export function seLinuxOptions(allowedTypes: readonly string[]): Check {
  return (spec) => {
    const types: string[] = [];
    let setsUser = false;
    let setsRole = false;
    const isBad = (context: Pick<SecurityContext, 'seLinuxOptions'> | undefined) => {
      const options = context?.seLinuxOptions;
      if (!options) return false;
      const typeIsBad =
        options.type !== undefined && options.type !== '' && !allowedTypes.includes(options.type);
      if (typeIsBad) types.push(options.type as string);
      if (options.user) setsUser = true;
      if (options.role) setsRole = true;
      return typeIsBad || Boolean(options.user) || Boolean(options.role);
    };
    const podIsBad = isBad(spec.securityContext);
    const who = setters(podIsBad, badContainers(spec, isBad));
    if (who === '') return undefined;
    const data: string[] = [];
    if (types.length > 0) data.push(named('type', sorted(types)));
    if (setsUser) data.push('user may not be set');
    if (setsRole) data.push('role may not be set');
    return {
      reason: 'seLinuxOptions',
      detail: `${who} set forbidden securityContext.seLinuxOptions: ${data.join('; ')}`,
    };
  };
}

const podSeccompAnnotation = 'seccomp.security.alpha.kubernetes.io/pod';
const containerSeccompAnnotation = 'container.seccomp.security.alpha.kubernetes.io/';

/** As long as annotations carried the profile. */
export const seccompAnnotations: Check = (spec, metadata) => {
  const keys = [
    podSeccompAnnotation,
    ...containersOf(spec).map(({ name }) => containerSeccompAnnotation + name),
  ];
  const forbidden: string[] = [];
  for (const key of keys) {
    const value = metadata.annotations?.[key];
    if (
      value === undefined ||
      value === 'runtime/default' ||
      value === 'docker/default' ||
      value.startsWith('localhost/')
    )
      continue;
    forbidden.push(`${key}=${goQuote(value)}`);
  }
  if (forbidden.length === 0) return undefined;
  return {
    reason: 'seccompProfile',
    detail: `forbidden annotation${forbidden.length === 1 ? '' : 's'} ${sorted(forbidden).join(', ')}`,
  };
};

const seccompTypes = new Set(['RuntimeDefault', 'Localhost']);

interface WithSeccompProfile {
  readonly seccompProfile?: { readonly type: string } | undefined;
}

export const seccompBaseline: Check = (spec) => {
  const types: string[] = [];
  const isBad = (context: WithSeccompProfile | undefined) => {
    const type = context?.seccompProfile?.type;
    if (type === undefined || seccompTypes.has(type)) return false;
    types.push(type);
    return true;
  };
  const podIsBad = isBad(spec.securityContext);
  const who = setters(podIsBad, badContainers(spec, isBad));
  if (who === '') return undefined;
  return {
    reason: 'seccompProfile',
    detail: `${who} must not set securityContext.seccompProfile.type to ${quoted(sorted(types))}`,
  };
};

export const seccompRestricted: Check = (spec, metadata) => {
  const wrong = seccompBaseline(spec, metadata);
  if (wrong || spec.securityContext?.seccompProfile) return wrong;
  const silent = badContainers(spec, (context) => !context?.seccompProfile);
  if (silent.length === 0) return undefined;
  return {
    reason: 'seccompProfile',
    detail: `pod or ${named('container', silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
};

export function sysctls(allowed: readonly string[]): Check {
  return (spec) => {
    const forbidden = (spec.securityContext?.sysctls ?? [])
      .map(({ name }) => name)
      .filter((name) => !allowed.includes(name));
    return forbidden.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: forbidden.join(', ') };
  };
}

export const windowsHostProcess: Check = (spec) => {
  const isBad = (context: Pick<SecurityContext, 'windowsOptions'> | undefined) =>
    context?.windowsOptions?.hostProcess === true;
  const who = setters(isBad(spec.securityContext), badContainers(spec, isBad));
  return who === ''
    ? undefined
    : {
        reason: 'hostProcess',
        detail: `${who} must not set securityContext.windowsOptions.hostProcess=true`,
      };
};
