/** Which controls make up each level, as of each version of Kubernetes. */
import type { ObjectMeta } from '../../../api/types/meta-v1.ts';
import type { PodSpec } from '../../../api/types/core-v1.ts';
import * as checks from './checks.ts';
import type { Check, Violation } from './checks.ts';
import type { Standard } from './policy.ts';

interface Control {
  readonly level: 'baseline' | 'restricted';
  /** From which minor version on which check; the last one that has begun holds. */
  readonly since: readonly (readonly [minor: number, check: Check])[];
  /** The baseline control whose place it takes at the restricted level. */
  readonly replaces?: string;
}

const sysctlsSince0 = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
];
const sysctlsSince27 = [...sysctlsSince0, 'net.ipv4.ip_local_reserved_ports'];
const sysctlsSince29 = [
  ...sysctlsSince27,
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
];
const sysctlsSince32 = [...sysctlsSince29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'];
const seLinuxTypes = ['container_t', 'container_init_t', 'container_kvm_t'];

/** In the order of their names, which is the order of what is reported; baseline ones come first. */
const controls: Readonly<Record<string, Control>> = {
  appArmorProfile: { level: 'baseline', since: [[0, checks.appArmorProfile]] },
  capabilities_baseline: { level: 'baseline', since: [[0, checks.capabilitiesBaseline]] },
  hostNamespaces: { level: 'baseline', since: [[0, checks.hostNamespaces]] },
  hostPathVolumes: { level: 'baseline', since: [[0, checks.hostPathVolumes]] },
  hostPorts: { level: 'baseline', since: [[0, checks.hostPorts]] },
  hostProbesAndHostLifecycle: { level: 'baseline', since: [[34, checks.hostProbesAndHostLifecycle]] },
  privileged: { level: 'baseline', since: [[0, checks.privilegedContainers]] },
  procMount: {
    level: 'baseline',
    since: [
      [0, checks.procMount],
      [35, checks.exceptInUserNamespaces(checks.procMount)],
    ],
  },
  seLinuxOptions: {
    level: 'baseline',
    since: [
      [0, checks.seLinuxOptions(seLinuxTypes)],
      [31, checks.seLinuxOptions([...seLinuxTypes, 'container_engine_t'])],
    ],
  },
  seccompProfile_baseline: {
    level: 'baseline',
    since: [
      [0, checks.seccompAnnotations],
      [19, checks.seccompBaseline],
    ],
  },
  sysctls: {
    level: 'baseline',
    since: [
      [0, checks.sysctls(sysctlsSince0)],
      [27, checks.sysctls(sysctlsSince27)],
      [29, checks.sysctls(sysctlsSince29)],
      [32, checks.sysctls(sysctlsSince32)],
    ],
  },
  windowsHostProcess: { level: 'baseline', since: [[0, checks.windowsHostProcess]] },
  allowPrivilegeEscalation: {
    level: 'restricted',
    since: [
      [8, checks.allowPrivilegeEscalation],
      [25, checks.exceptOnWindows(checks.allowPrivilegeEscalation)],
    ],
  },
  capabilities_restricted: {
    level: 'restricted',
    since: [
      [22, checks.capabilitiesRestricted],
      [25, checks.exceptOnWindows(checks.capabilitiesRestricted)],
    ],
    replaces: 'capabilities_baseline',
  },
  procMount_restricted: { level: 'restricted', since: [[35, checks.procMount]], replaces: 'procMount' },
  restrictedVolumes: {
    level: 'restricted',
    since: [[0, checks.restrictedVolumes]],
    replaces: 'hostPathVolumes',
  },
  runAsNonRoot: {
    level: 'restricted',
    since: [
      [0, checks.runAsNonRoot],
      [35, checks.exceptInUserNamespaces(checks.runAsNonRoot)],
    ],
  },
  runAsUser: {
    level: 'restricted',
    since: [
      [23, checks.runAsUser],
      [35, checks.exceptInUserNamespaces(checks.runAsUser)],
    ],
  },
  seccompProfile_restricted: {
    level: 'restricted',
    since: [
      [19, checks.seccompRestricted],
      [25, checks.exceptOnWindows(checks.seccompRestricted)],
    ],
    replaces: 'seccompProfile_baseline',
  },
};

const newestMinor = Math.max(
  ...Object.values(controls).flatMap(({ since }) => since.map(([minor]) => minor)),
);
const compiled = new Map<string, readonly Check[]>();

function checkAsOf({ since }: Control, minor: number): Check | undefined {
  return since.findLast(([from]) => from <= minor)?.[1];
}

function checksOf(standard: Standard): readonly Check[] {
  const minor = Math.min(standard.minor, newestMinor);
  const key = `${standard.level}:${minor}`;
  let found = compiled.get(key);
  if (!found) {
    const entries = Object.entries(controls).filter(
      ([, control]) => control.level === 'baseline' || standard.level === 'restricted',
    );
    const replaced = new Set(
      entries.filter(([, control]) => checkAsOf(control, minor)).map(([, control]) => control.replaces),
    );
    found = entries
      .filter(([name]) => !replaced.has(name))
      .flatMap(([, control]) => checkAsOf(control, minor) ?? []);
    compiled.set(key, found);
  }
  return found;
}

/** Everything that a standard finds wrong with a pod. */
export function violationsOf(standard: Standard, spec: PodSpec, metadata: ObjectMeta): Violation[] {
  if (standard.level === 'privileged') return [];
  return checksOf(standard)
    .map((check) => check(spec, metadata))
    .filter((violation) => violation !== undefined);
}

/** `privileged (container "a" must not set securityContext.privileged=true), hostPort (...)`. */
export function describeViolations(violations: readonly Violation[]): string {
  return violations.map(({ reason, detail }) => `${reason} (${detail})`).join(', ');
}
