/** A container as CRI's ContainerConfig, with what a kubelet that begins anew cannot learn of it otherwise in annotations (upstream's names). */
import type { ContainerRequest, ContainerSettings, Mount } from '../kubelet/runtime.ts';
import type { Answer, Message } from './api.ts';
import { containerResources } from './resources.ts';
import { podLabels } from './sandbox-config.ts';
import { containerSecurityContext } from './security-context.ts';

const containerNameLabel = 'io.kubernetes.container.name';
export const containerAnnotation = {
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
