/** A pod as CRI's PodSandboxConfig: what all its containers share. */
import type { Pod } from '../../api/types/core-v1.ts';
import type { SandboxSettings } from '../kubelet/runtime.ts';
import type { Message } from './api.ts';
import { sandboxResources } from './resources.ts';
import { sandboxSecurityContext } from './security-context.ts';

export const podLabel = { name: 'io.kubernetes.pod.name', namespace: 'io.kubernetes.pod.namespace', uid: 'io.kubernetes.pod.uid' } as const;

/**
 * Containers are created in a sandbox by its configuration too, also after the
 * kubelet has begun anew: what the pod does not say of it is kept with it.
 */
export const keptAnnotation = { hostname: 'coxswain/hostname', logDirectory: 'coxswain/log-directory', cgroupParent: 'coxswain/cgroup-parent' } as const;

export function podLabels({ metadata }: Pod): Record<string, string> {
  return { [podLabel.name]: metadata.name ?? '', [podLabel.namespace]: metadata.namespace ?? '', [podLabel.uid]: metadata.uid ?? '' };
}

/** `attempt`: 0 at first, one more each time the pod needs another sandbox. */
export function sandboxConfig(pod: Pod, settings: SandboxSettings, attempt: number): Message<'PodSandboxConfig'> {
  const { metadata, spec } = pod;
  const { hostname, logDirectory, cgroupParent } = settings;
  return {
    metadata: { name: metadata.name ?? '', namespace: metadata.namespace ?? '', uid: metadata.uid ?? '', attempt },
    hostname,
    logDirectory,
    ...(settings.dns ? { dnsConfig: settings.dns } : {}),
    portMappings: portMappings(pod),
    labels: { ...metadata.labels, ...podLabels(pod) },
    annotations: { ...metadata.annotations, [keptAnnotation.hostname]: hostname, [keptAnnotation.logDirectory]: logDirectory, [keptAnnotation.cgroupParent]: cgroupParent },
    linux: {
      cgroupParent,
      securityContext: sandboxSecurityContext(pod),
      sysctls: Object.fromEntries((spec.securityContext?.sysctls ?? []).map(({ name, value }) => [name, value])),
      ...sandboxResources(pod),
    },
  };
}

const protocols: Readonly<Record<string, number>> = { TCP: 0, UDP: 1, SCTP: 2 };

/** On the host's network every port is the host's already. */
function portMappings({ spec }: Pod): readonly Message<'PortMapping'>[] {
  if (spec.hostNetwork) return [];
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...sidecars, ...spec.containers].flatMap(({ ports = [] }) =>
    ports.map(({ protocol = 'TCP', containerPort, hostPort = 0, hostIP = '' }) => ({ protocol: protocols[protocol] ?? 0, containerPort, hostPort, hostIp: hostIP })),
  );
}
