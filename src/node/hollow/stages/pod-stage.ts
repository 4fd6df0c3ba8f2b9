/**
 * kwok's Stage for Pods, read. In kwok a stage writes a pod's status; here the
 * kubelet alone does, and what a stage says is what happens to the containers:
 *
 * - a container with state running starts now; `ready: false` fails its startup and readiness probes;
 * - one with state terminated ends now, with that exit code, reason and message;
 * - one that waits for another reason than its making cannot be made, for that reason;
 * - a podIP lets the sandbox come up;
 * - conditions that the kubelet does not own are written as they are.
 *
 * Phase, conditions, restarts and times follow from that by the kubelet's rules.
 */
import { parse } from 'yaml';
import type { PodCondition } from '../../../api/types/core-v1.ts';
import type { Random } from '../../../base/random.ts';
import { parseDelay, parseFrom, type Delay, type DelaySpec, type FromSpec } from './delay.ts';
import { parseSelector, type Selector, type SelectorSpec } from './selector.ts';
import { compileTemplate, type Template } from './template.ts';

export interface PodStage {
  readonly name: string;
  readonly matches: Selector;
  readonly weight: (pod: unknown) => number | undefined;
  readonly delay: Delay;
  readonly steps: readonly StageStep[];
}

export interface StageStep {
  readonly event?: { readonly type: 'Normal' | 'Warning'; readonly reason: string; readonly message: string };
  readonly finalizers?: { readonly add: readonly string[]; readonly remove: readonly string[]; readonly empty: boolean };
  readonly delete?: boolean;
  readonly status?: Template;
}

/** What a filled-in status says of the containers. */
export interface StagedStatus {
  readonly podIP?: string;
  readonly conditions?: readonly PodCondition[];
  readonly initContainerStatuses?: readonly StagedContainer[];
  readonly containerStatuses?: readonly StagedContainer[];
}

export interface StagedContainer {
  readonly name: string;
  readonly ready?: boolean;
  readonly state?: {
    readonly running?: object | null;
    readonly waiting?: { readonly reason?: string; readonly message?: string } | null;
    readonly terminated?: { readonly exitCode?: number | string; readonly reason?: string; readonly message?: string } | null;
  };
}

export interface StageSpec {
  readonly resourceRef?: { readonly apiGroup?: string; readonly kind?: string };
  readonly selector?: SelectorSpec;
  readonly weight?: number;
  readonly weightFrom?: FromSpec;
  readonly delay?: DelaySpec;
  readonly next?: StepSpec & { readonly statusTemplate?: string; readonly patches?: readonly PatchSpec[] };
  readonly steps?: readonly StepSpec[];
  readonly immediateNextStage?: boolean;
}

interface StepSpec {
  readonly event?: { readonly type?: string; readonly reason?: string; readonly message?: string };
  readonly finalizers?: { readonly add?: readonly { readonly value: string }[]; readonly remove?: readonly { readonly value: string }[]; readonly empty?: boolean };
  readonly delete?: boolean;
  readonly patch?: PatchSpec;
  readonly apply?: unknown;
}

interface PatchSpec {
  readonly subresource?: string;
  readonly root?: string;
  readonly template?: string;
  readonly type?: string;
}

/** What templates may call beside what all may. */
const functionNames = ['Now', 'StartTime', 'Version', 'NodeIP', 'NodeIPWith', 'NodeIPsWith', 'PodIP', 'PodIPWith', 'PodIPsWith'];

export function parsePodStage(name: string, spec: StageSpec): PodStage {
  if (spec.selector === undefined) throw new Error('without a selector it is for nothing');
  const { next } = spec;
  const steps: StageStep[] = (spec.steps ?? []).map((step) => parseStep(step, step.patch ? [step.patch] : []));
  if (next) steps.push(parseStep(next, [...(next.statusTemplate === undefined ? [] : [{ subresource: 'status', root: 'status', template: next.statusTemplate }]), ...(next.patches ?? [])]));
  const weightFrom = spec.weightFrom && parseFrom(spec.weightFrom);
  return {
    name,
    matches: parseSelector(spec.selector),
    weight: (pod) => integerOf(weightFrom?.(pod)[0]) ?? spec.weight ?? 0,
    delay: parseDelay(spec.delay),
    steps,
  };
}

function parseStep({ event, finalizers, delete: deletes, apply }: StepSpec, patches: readonly PatchSpec[]): StageStep {
  if (apply !== undefined) throw new Error('a step that applies other objects is not a node’s to take');
  for (const { subresource } of patches) if (subresource !== 'status') throw new Error('of a pod, a node may change the status only: a patch needs subresource status');
  if (patches.some(({ type }) => type === 'json')) throw new Error('patches of type json are not supported');
  const [patch, more] = patches;
  if (more) throw new Error('more than one patch of the status in a step is not supported');
  const { root, template } = patch ?? {};
  if (root !== undefined && root !== 'status') throw new Error(`a patch may have the root status, not ${JSON.stringify(root)}`);
  return {
    ...(event ? { event: { type: event.type === 'Warning' ? 'Warning' : 'Normal', reason: event.reason ?? '', message: event.message ?? '' } } : {}),
    ...(finalizers ? { finalizers: { add: valuesOf(finalizers.add), remove: valuesOf(finalizers.remove), empty: finalizers.empty ?? false } } : {}),
    ...(deletes ? { delete: true } : {}),
    ...(template === undefined ? {} : { status: compileTemplate(template, functionNames) }),
  };
}

const valuesOf = (items: readonly { readonly value: string }[] = []) => items.map(({ value }) => value);

function integerOf(value: unknown): number | undefined {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) ? number : undefined;
}

/** Fills a status in; a patch without a root is of the whole object. Throws where the result is no YAML. */
export function fillStatus(template: Template, pod: unknown, functions: Parameters<Template>[1]): StagedStatus {
  const filled: unknown = parse(template(pod, functions));
  if (typeof filled !== 'object' || filled === null) return {};
  const { status } = filled as { status?: StagedStatus };
  return status ?? (filled as StagedStatus);
}

/** One of them by chance and weight; where none has one, any. */
export function pickStage(stages: readonly PodStage[], pod: unknown, random: Random): PodStage | undefined {
  if (stages.length <= 1) return stages[0];
  const weighted = stages.map((stage) => ({ stage, weight: Math.max(0, stage.weight(pod) ?? 0) }));
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0) return stages[random.below(stages.length)];
  let left = random.below(total);
  for (const { stage, weight } of weighted) {
    left -= weight;
    if (left < 0) return stage;
  }
  return undefined;
}
