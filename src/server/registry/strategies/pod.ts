/** Pods: what the server sets, what each subresource may touch, and how long a deletion waits. */
import type { KubeObject, ObjectMeta } from '../../../api/object.ts';
import { computeQos } from '../../../api/qos.ts';
import type { Container, Pod, PodAffinityTerm, PodCondition, PodSpec, PodStatus } from '../../../api/types/core-v1.ts';
import type { LabelSelector } from '../../../api/types/meta-v1.ts';
import { semanticEqual } from '../../../api/validation/equality.ts';
import type { Strategy, StrategyContext } from '../strategy.ts';
import { podWarnings } from './pod-warnings.ts';
import { timeText } from './time-text.ts';

function asPod(object: KubeObject): Pod & { spec: PodSpec } {
  return object as unknown as Pod & { spec: PodSpec };
}

function prepareForCreate(object: KubeObject, { now }: StrategyContext): void {
  const pod = asPod(object);
  object.metadata.generation = 1;
  pod.spec ??= { containers: [] };
  // A pod without containers is refused later; until then there is nothing to compute from.
  pod.status = { phase: 'Pending', qosClass: pod.spec.containers ? computeQos(pod) : 'BestEffort' };
  if (pod.spec.schedulingGates?.length) pod.status.conditions = [gatedCondition(now)];
  addLabelKeys(pod.spec, object.metadata.labels ?? {});
}

function gatedCondition(now: number): PodCondition {
  return {
    type: 'PodScheduled',
    status: 'False',
    reason: 'SchedulingGated',
    message: 'Scheduling is blocked due to non-empty scheduling gates',
    lastTransitionTime: timeText(now),
  };
}

/** matchLabelKeys become expressions on the values that this very pod has. */
function addLabelKeys(spec: PodSpec, labels: Readonly<Record<string, string>>): void {
  for (const pods of [spec.affinity?.podAffinity, spec.affinity?.podAntiAffinity]) {
    for (const term of pods?.requiredDuringSchedulingIgnoredDuringExecution ?? []) addTermKeys(term, labels);
    for (const term of pods?.preferredDuringSchedulingIgnoredDuringExecution ?? []) addTermKeys(term.podAffinityTerm, labels);
  }
  for (const constraint of spec.topologySpreadConstraints ?? []) {
    addExpressions(constraint.labelSelector, constraint.matchLabelKeys, 'In', labels);
  }
}

function addTermKeys(term: PodAffinityTerm | undefined, labels: Readonly<Record<string, string>>): void {
  addExpressions(term?.labelSelector, term?.matchLabelKeys, 'In', labels);
  addExpressions(term?.labelSelector, term?.mismatchLabelKeys, 'NotIn', labels);
}

function addExpressions(
  selector: LabelSelector | undefined,
  keys: readonly string[] | undefined,
  operator: 'In' | 'NotIn',
  labels: Readonly<Record<string, string>>,
): void {
  if (!selector || !keys) return;
  for (const key of keys) {
    const value = labels[key];
    if (value !== undefined) (selector.matchExpressions ??= []).push({ key, operator, values: [value] });
  }
}

function prepareForUpdate(object: KubeObject, old: KubeObject, subresource: string, _: StrategyContext): void {
  const pod = asPod(object);
  const before = asPod(old);
  if (subresource === 'status') {
    prepareStatus(object, old);
    return;
  }
  pod.status = before.status;
  if (subresource === 'ephemeralcontainers') {
    keepMetadata(object, old);
    pod.spec = { ...before.spec, ephemeralContainers: pod.spec.ephemeralContainers };
  } else if (subresource === 'resize') prepareResize(object, old);
  if (!semanticEqual(pod.spec, before.spec)) object.metadata.generation = (old.metadata.generation ?? 0) + 1;
}

const keptMetadata: readonly (keyof ObjectMeta)[] = ['labels', 'annotations', 'finalizers', 'ownerReferences'];

function keepMetadata(object: KubeObject, old: KubeObject, fields = keptMetadata): void {
  const metadata = object.metadata as Record<string, unknown>;
  for (const field of fields) {
    if (old.metadata[field] === undefined) delete metadata[field];
    else metadata[field] = old.metadata[field];
  }
}

function prepareStatus(object: KubeObject, old: KubeObject): void {
  const pod = asPod(object);
  const before = asPod(old);
  pod.spec = before.spec;
  // Old kubelets sent owner references back in a form that broke garbage collection.
  keepMetadata(object, old, ['ownerReferences']);
  const status: PodStatus = { ...pod.status };
  pod.status = status;
  status.qosClass ||= before.status?.qosClass;
  status.observedGeneration ||= before.status?.observedGeneration;
  if (status.conditions) status.conditions = keepObservedGenerations(status.conditions, before.status?.conditions ?? []);
}

/** A writer that does not know observedGeneration must not erase it. */
function keepObservedGenerations(conditions: readonly PodCondition[], before: readonly PodCondition[]): PodCondition[] {
  const rest = [...before];
  return conditions.map((condition) => {
    const found = rest.findIndex(({ type }) => type === condition.type);
    const [known] = found < 0 ? [] : rest.splice(found, 1);
    const generation = known?.observedGeneration;
    return condition.observedGeneration || !generation ? condition : { ...condition, observedGeneration: generation };
  });
}

/** Of a resize only amounts count. Containers added, removed, renamed or reordered are left as sent, for validation to refuse. */
function prepareResize(object: KubeObject, old: KubeObject): void {
  const pod = asPod(object);
  const before = asPod(old).spec;
  const { containers, initContainers, resources } = pod.spec;
  if (!sameNames(containers, before.containers) || !sameNames(initContainers, before.initContainers)) return;
  keepMetadata(object, old);
  pod.spec = { ...before, containers: withAmountsOf(before.containers, containers), resources };
  if (before.initContainers) pod.spec.initContainers = withAmountsOf(before.initContainers, initContainers ?? []);
  if (resources === undefined) delete pod.spec.resources;
}

function sameNames(containers: readonly Container[] = [], before: readonly Container[] = []): boolean {
  return containers.length === before.length && before.every(({ name }, i) => containers[i]!.name === name);
}

function withAmountsOf(before: readonly Container[], asked: readonly Container[]): Container[] {
  return before.map((container, i) => {
    const { resources, resizePolicy } = asked[i]!;
    const merged: Container = { ...container, resources };
    if (resizePolicy === undefined) delete merged.resizePolicy;
    else merged.resizePolicy = resizePolicy;
    return merged;
  });
}

/** Nobody waits for a pod that no kubelet has, or that has ended. */
function gracePeriodSeconds(object: KubeObject, asked: number | undefined): number {
  const { spec, status } = asPod(object);
  if (!spec.nodeName || status?.phase === 'Failed' || status?.phase === 'Succeeded') return 0;
  const seconds = asked ?? spec.terminationGracePeriodSeconds ?? 0;
  return seconds < 0 ? 1 : seconds;
}

export const strategies: Readonly<Record<string, Strategy>> = {
  '/pods': {
    prepareForCreate,
    prepareForUpdate,
    gracePeriodSeconds,
    allowUnconditionalUpdate: true,
    returnsDeletedObject: true,
    // Upstream warns on create alone: people seldom change pods by hand, and controllers do so all the time.
    warnings: (object, old) => (old ? [] : podWarnings(object)),
  },
};
