/** A pod as the PLEG keeps it, and as the kubelet sees it. */
import type { RuntimeContainer, RuntimePod } from '../kubelet/runtime.ts';
import { containerState, sandboxReady } from './api.ts';
import type { Answer } from './api.ts';

export interface KnownSandbox {
  readonly id: string;
  /** As it was listed. */
  readonly state: number;
  readonly createdAt: number;
  readonly attempt: number;
  readonly hostname: string;
  readonly logDirectory: string;
  readonly cgroupParent: string;
  readonly ips: readonly string[];
}

export interface KnownContainer {
  readonly id: string;
  /** As it was listed; the details may be of a moment later. */
  readonly state: number;
  readonly createdAt: number;
  readonly logPath: string;
  readonly view: RuntimeContainer;
}

/** Both lists from the oldest to the newest. */
export interface KnownPod {
  readonly sandboxes: readonly KnownSandbox[];
  readonly containers: readonly KnownContainer[];
  readonly view: RuntimePod;
}

/** The newest sandbox is the pod's; those before it have ended. */
export function viewOf(uid: string, { sandboxes, containers }: Omit<KnownPod, 'view'>): RuntimePod {
  const newest = sandboxes.at(-1);
  return {
    uid,
    sandbox: newest && { id: newest.id, ready: newest.state === sandboxReady, ips: newest.ips },
    containers: containers.map(({ view }) => view),
  };
}

const stateNames: Readonly<Record<number, 'created' | 'running' | 'exited' | 'unknown'>> = {
  [containerState.created]: 'created',
  [containerState.running]: 'running',
  [containerState.exited]: 'exited',
  [containerState.unknown]: 'unknown',
};

const nanosecondsPerMs = 1e6;

/** `message`: what it said of its end. */
export function containerView(status: Answer<'ContainerStatus'>, sandboxId: string, runtimeName: string, message: string): RuntimeContainer {
  const { id, metadata, image, imageRef, exitCode, reason, user } = status;
  const exited = stateNames[status.state] === 'exited';
  return {
    id: `${runtimeName}://${id}`,
    name: metadata?.name ?? '',
    attempt: metadata?.attempt ?? 0,
    sandboxId,
    image: image?.image ?? '',
    imageId: imageRef,
    state: stateNames[status.state] ?? 'unknown',
    startedAtMs: Math.floor(status.startedAt / nanosecondsPerMs),
    finishedAtMs: Math.floor(status.finishedAt / nanosecondsPerMs),
    exitCode: exited ? exitCode : 0,
    reason: exited ? reason : '',
    message,
    user: user?.linux ?? undefined,
  };
}
