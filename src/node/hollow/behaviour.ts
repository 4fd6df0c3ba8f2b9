/**
 * How pretended containers behave, as data: the first behaviour that applies
 * says how long a container takes to start, whether and how it ends, what its
 * probes answer, what it logs and uses, and what commands in it print. The last
 * default applies to everything and runs until stopped. Those of a file
 * (stages/load.ts) come before the defaults; a pod's annotations change single
 * figures (behaviour-annotations.ts).
 */
import type { Pod } from '../../api/types/core-v1.ts';
import type { ContainerKind } from '../kubelet/runtime.ts';
import type { PortScript } from './port-script.ts';
import type { Delay } from './stages/delay.ts';

export interface Behaviour {
  readonly name: string;
  applies(pod: Pod, container: string, kind: ContainerKind): boolean;
  /** Of the image, where it is not there already. An error: it never comes. */
  readonly pull?: { readonly delay: Delay; readonly error?: string };
  /** From create to running. An error: it is never made, for that reason. */
  readonly start: { readonly delay: Delay; readonly error?: Failure };
  /** How long it runs before it ends by itself; left out: until it is stopped. */
  readonly run?: { readonly time: Delay; readonly exitCode: number; readonly reason?: string; readonly message?: string };
  /** From running until its startup and readiness probes succeed; left out: they never do. */
  readonly ready?: Delay;
  /** From running until its liveness probe fails; left out: it never does. */
  readonly live?: Delay;
  /** From being asked to stop until it has: never longer than its grace period. */
  readonly stop: { readonly delay: Delay; readonly exitCode: number };
  readonly logs?: LogScript;
  readonly exec?: readonly CommandScript[];
  /** What listens in it. */
  readonly ports?: readonly PortScript[];
  readonly usage?: Usage;
}

export interface Failure {
  /** As in the waiting state of the container: `CreateContainerError`. */
  readonly reason: string;
  readonly message: string;
}

export interface LogScript {
  /** Each may be a template over the pod. */
  readonly lines: readonly string[];
  /** Between two lines, the first coming with the container's start. */
  readonly intervalMs: number;
  /** Begin anew after the last. */
  readonly repeat: boolean;
}

export interface CommandScript {
  /** The arguments with spaces between; `*` stands for anything. */
  readonly command: string;
  /** May be templates over the pod. */
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
  readonly takesMs: number;
}

export interface Usage {
  /** Cores. */
  readonly cpu: number;
  readonly memoryBytes: number;
}

const after = (ms: number): Delay => () => ms;
const always = () => true;
const ofJob = (pod: Pod) => pod.metadata.ownerReferences?.some(({ kind, controller }) => kind === 'Job' && controller) ?? false;

export const defaultBehaviours: readonly Behaviour[] = [
  { name: 'init', applies: (_pod, _container, kind) => kind === 'init', start: { delay: after(1) }, run: { time: after(2), exitCode: 0 }, ready: after(0), stop: { delay: after(1), exitCode: 0 } },
  // Work that never ends is no job.
  { name: 'job', applies: (pod, _container, kind) => kind === 'main' && ofJob(pod), start: { delay: after(2) }, run: { time: after(1000), exitCode: 0 }, ready: after(0), stop: { delay: after(2), exitCode: 0 } },
  { name: 'run', applies: always, start: { delay: after(2) }, ready: after(0), stop: { delay: after(2), exitCode: 0 } },
];

export function selectBehaviour(behaviours: readonly Behaviour[], pod: Pod, container: string, kind: ContainerKind): Behaviour {
  return behaviours.find((behaviour) => behaviour.applies(pod, container, kind)) ?? (defaultBehaviours.at(-1) as Behaviour);
}
