/** A container as CRI's ContainerConfig, with what a kubelet that begins anew must know of it in labels and annotations (upstream's names). */
import { createHash } from 'node:crypto';
import type { Container } from '../../api/types/core-v1.ts';
import type { ContainerRequest, ContainerSettings, Mount } from '../kubelet/runtime.ts';
import { containerState, type Answer, type Message } from './api.ts';
import { containerResources } from './resources.ts';
import { podLabels } from './sandbox-config.ts';
import { containerSecurityContext } from './security-context.ts';

export const containerNameLabel = 'io.kubernetes.container.name';
export const containerAnnotation = {
  hash: 'io.kubernetes.container.hash',
  restartCount: 'io.kubernetes.container.restartCount',
  terminationMessagePath: 'io.kubernetes.container.terminationMessagePath',
  terminationMessagePolicy: 'io.kubernetes.container.terminationMessagePolicy',
} as const;

export interface ContainerSurroundings {
  readonly settings: ContainerSettings;
  readonly image: Answer<'Image'>;
  /** The container whose processes an ephemeral one sees. */
  readonly targetId: string | undefined;
  readonly seccompDirectory: string;
  /** An empty file on the host, for what the container says of its end. */
  readonly terminationFile: string;
}

/** Throws StartError. */
export function containerConfig({ pod, container, attempt }: ContainerRequest, surroundings: ContainerSurroundings): Message<'ContainerConfig'> {
  const { settings, image, targetId, seccompDirectory, terminationFile } = surroundings;
  const { supplementalGroups } = settings;
  const { terminationMessagePath: terminationPath = '/dev/termination-log' } = container;
  const mounts = settings.mounts.map(mountOf);
  const stopSignal = signalNumber(container.lifecycle?.stopSignal);
  return {
    metadata: { name: container.name, attempt },
    image: { image: image.id, userSpecifiedImage: container.image ?? '' },
    command: settings.command ?? [],
    args: settings.args ?? [],
    workingDir: container.workingDir ?? '',
    envs: settings.env.map(({ name, value }) => ({ key: name, value: Buffer.from(value) })),
    mounts: terminationPath === '' ? mounts : [...mounts, { containerPath: absolute(terminationPath), hostPath: terminationFile }],
    devices: settings.devices.map(({ containerPath, hostPath, readOnly }) => ({ containerPath, hostPath, permissions: readOnly ? 'mr' : 'mrw' })),
    labels: { ...podLabels(pod), [containerNameLabel]: container.name },
    annotations: {
      [containerAnnotation.hash]: containerHash(container),
      [containerAnnotation.restartCount]: String(attempt),
      [containerAnnotation.terminationMessagePath]: absolute(terminationPath),
      [containerAnnotation.terminationMessagePolicy]: container.terminationMessagePolicy ?? 'File',
    },
    logPath: logPathOf(container.name, attempt),
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    linux: {
      resources: containerResources(pod, container, settings.oomScoreAdj),
      securityContext: containerSecurityContext(pod, container, { image, supplementalGroups, targetId, seccompDirectory }),
    },
    ...(stopSignal === undefined ? {} : { stopSignal }),
  };
}

/** Below the pod's log directory. */
export function logPathOf(container: string, attempt: number): string {
  return `${container}/${attempt}.log`;
}

function absolute(path: string): string {
  return path.startsWith('/') ? path : `/${path}`;
}

const propagations = { private: 0, hostToContainer: 1, bidirectional: 2 } as const;

function mountOf({ containerPath, hostPath, readOnly, propagation, image, imageSubPath }: Mount): Message<'Mount'> {
  const where = image === undefined ? { hostPath } : { image: { image }, imageSubPath: imageSubPath ?? '' };
  return { containerPath: absolute(containerPath), ...where, readonly: readOnly, propagation: propagations[propagation] };
}

/** Of what a running container cannot take over in place. */
export function containerHash({ name, image }: Container): string {
  return createHash('sha256').update(JSON.stringify({ name, image })).digest('hex').slice(0, 16);
}

/** As CRI's enumeration numbers them: the kernel's names in the order of the alphabet, then the real-time ones. */
const signals = [
  ...['SIGABRT', 'SIGALRM', 'SIGBUS', 'SIGCHLD', 'SIGCLD', 'SIGCONT', 'SIGFPE', 'SIGHUP', 'SIGILL', 'SIGINT', 'SIGIO', 'SIGIOT', 'SIGKILL', 'SIGPIPE', 'SIGPOLL', 'SIGPROF', 'SIGPWR'],
  ...['SIGQUIT', 'SIGSEGV', 'SIGSTKFLT', 'SIGSTOP', 'SIGSYS', 'SIGTERM', 'SIGTRAP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGURG', 'SIGUSR1', 'SIGUSR2', 'SIGVTALRM', 'SIGWINCH', 'SIGXCPU', 'SIGXFSZ'],
  ...Array.from({ length: 16 }, (_, n) => (n === 0 ? 'SIGRTMIN' : `SIGRTMIN+${n}`)),
  ...Array.from({ length: 15 }, (_, n) => (n === 14 ? 'SIGRTMAX' : `SIGRTMAX-${14 - n}`)),
];

function signalNumber(name: string | undefined): number | undefined {
  const place = name === undefined ? -1 : signals.indexOf(name);
  return place < 0 ? undefined : place + 1;
}

export const stateNames: Readonly<Record<number, 'created' | 'running' | 'exited' | 'unknown'>> = {
  [containerState.created]: 'created',
  [containerState.running]: 'running',
  [containerState.exited]: 'exited',
  [containerState.unknown]: 'unknown',
};
