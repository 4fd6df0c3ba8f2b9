/**
 * How pretended containers behave, as data: the first stage that matches says
 * how long a container takes to start, whether and how it ends, and what its
 * probes answer. The last default matches everything and runs until stopped.
 */
import type { Pod } from '../../api/types/core-v1.ts';
import type { ContainerKind } from '../kubelet/runtime.ts';

export interface Stage {
  readonly name: string;
  readonly match: StageMatch;
  /** From create to running. */
  readonly startMs: number;
  /** How long it runs before it ends by itself; left out: until it is stopped. */
  readonly runMs?: number;
  /** When it ends by itself. */
  readonly exitCode?: number;
  /** From running until its probes succeed. */
  readonly healthyAfterMs: number;
  /** From being asked to stop until it has: never longer than its grace period. */
  readonly stopMs: number;
  /** When it is stopped. */
  readonly stopExitCode: number;
}

/** Every field that is given must hold. */
export interface StageMatch {
  readonly kinds?: readonly ContainerKind[];
  readonly restartPolicies?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
}

export const defaultStages: readonly Stage[] = [
  { name: 'init', match: { kinds: ['init'] }, startMs: 1, runMs: 2, exitCode: 0, healthyAfterMs: 0, stopMs: 1, stopExitCode: 0 },
  { name: 'run', match: {}, startMs: 2, healthyAfterMs: 0, stopMs: 2, stopExitCode: 0 },
];

export function selectStage(stages: readonly Stage[], pod: Pod, kind: ContainerKind): Stage {
  return stages.find(({ match }) => matches(match, pod, kind)) ?? (defaultStages.at(-1) as Stage);
}

function matches({ kinds, restartPolicies, annotations }: StageMatch, pod: Pod, kind: ContainerKind): boolean {
  if (kinds && !kinds.includes(kind)) return false;
  if (restartPolicies && !restartPolicies.includes(pod.spec.restartPolicy ?? 'Always')) return false;
  return Object.entries(annotations ?? {}).every(([key, value]) => pod.metadata.annotations?.[key] === value);
}
