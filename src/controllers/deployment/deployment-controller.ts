/** Moves a Deployment from one ReplicaSet to the next, and says how far it is. */
import type { Deployment, ReplicaSet } from '../../api/types/apps-v1.ts';
import { isAlreadyExists, isNamespaceTerminating, isNotFound } from '../../client/failure.ts';
import { formatKey, keyOf } from '../../client/resource.ts';
import { deployments, pods, replicaSets } from '../../client/resources.ts';
import { claim } from '../runtime/claim.ts';
import { conditionOf } from '../runtime/conditions.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { equal } from '../../base/equality.ts';
import { controllerOf, controllerReference, orphansIn, ownerIndex } from '../runtime/owner.ts';
import { messageOf } from '../runtime/pod-control.ts';
import { isTerminal } from '../runtime/pod-state.ts';
import { enqueueChanges, onChange, reconciler } from '../runtime/reconciler.ts';
import { selectorOf } from '../runtime/selector.ts';
import { templateHash } from '../runtime/template-hash.ts';
import { deadlineLeftMs, deploymentStatus, hasDeadline, isComplete, setCondition } from './deployment-status.ts';
import {
  beyondHistory,
  desiredAnnotation,
  findNew,
  hashLabel,
  historyAnnotation,
  historyOf,
  lastRevision,
  limitsOf,
  maxAnnotation,
  newSize,
  proportionalSizes,
  recreateStep,
  revisionAnnotation,
  revisionOf,
  rollingStep,
  sizeOf,
} from './rollout.ts';
import type { Limits, Resize } from './rollout.ts';

/** Belong to the Deployment alone. */
const ownAnnotations = new Set(['kubectl.kubernetes.io/last-applied-configuration', revisionAnnotation, historyAnnotation, desiredAnnotation, maxAnnotation, 'deprecated.deployment.rollback.to']);

export const deploymentController: ControllerFactory = (context) => {
  const { client, clock } = context;
  const all = context.informers.get(deployments);
  const sets = context.informers.get(replicaSets);
  const allPods = context.informers.get(pods);
  const recorder = context.recorder('deployment-controller');
  const loop = reconciler(context, { name: 'deployment', reconcile });
  sets.addIndex(ownerIndex.name, ownerIndex.valuesOf);
  allPods.addIndex(ownerIndex.name, ownerIndex.valuesOf);
  enqueueChanges(all, loop.queue);
  const wakeOwner = (set: ReplicaSet) => {
    const owner = controllerOf(set);
    if (owner?.kind === 'Deployment') loop.queue.add(formatKey({ namespace: set.metadata.namespace, name: owner.name }));
  };
  sets.addHandler({
    ...onChange(wakeOwner),
    onAdd(set) {
      if (controllerOf(set)) wakeOwner(set);
      else for (const deployment of all.values()) if (deployment.metadata.namespace === set.metadata.namespace && selectorOf(deployment.spec.selector).matches(set.metadata.labels)) loop.queue.add(keyOf(deployment));
    },
  });
  // Recreate waits for the last old pod.
  allPods.addHandler({
    onDelete(pod) {
      const set = sets.find({ namespace: pod.metadata.namespace, name: controllerOf(pod)?.name });
      const deployment = set && all.find({ namespace: set.metadata.namespace, name: controllerOf(set)?.name });
      if (deployment?.spec.strategy?.type === 'Recreate') loop.queue.add(keyOf(deployment));
    },
  });
  return loop;

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const deployment = all.get(key);
    if (!deployment) return;
    const candidates = [...sets.byIndex(ownerIndex.name, deployment.metadata.uid ?? ''), ...sets.byIndex(ownerIndex.name, orphansIn(deployment.metadata.namespace))];
    const owned = await claim(client, deployments, replicaSets, deployment, selectorOf(deployment.spec.selector), candidates, signal);
    const limits = limitsOf(deployment);
    let current = findNew(deployment, owned);
    const olds = owned.filter((set) => set !== current);
    if (deployment.metadata.deletionTimestamp) {
      await writeStatus(deployment, limits, current, olds, signal);
      return;
    }
    const paused = deployment.spec.paused === true;
    const waits = deployment.spec.strategy?.type === 'Recreate' && (olds.some((set) => sizeOf(set) > 0) || oldPodsRemain(olds));
    let created = false;
    if (current) current = await keepUp(deployment, current, olds, signal);
    else if (!paused && !waits) {
      current = await createNew(deployment, limits, olds, signal);
      created = true;
    }
    const resized = await resize(deployment, limits, stepOf(deployment, limits, current, olds), signal);
    current = resized.find(({ metadata }) => metadata.uid === current?.metadata.uid) ?? current;
    if (resized.length === 0 && (paused || isComplete(deployment, limits, deployment.status ?? {}))) await cleanUp(deployment, olds, signal);
    await writeStatus(deployment, limits, current, olds.map((set) => resized.find(({ metadata }) => metadata.uid === set.metadata.uid) ?? set), signal, created);
  }

  function stepOf(deployment: Deployment, limits: Limits, current: ReplicaSet | undefined, olds: readonly ReplicaSet[]): Resize[] {
    const rolling = deployment.spec.strategy?.type !== 'Recreate';
    const rescaled = [...olds, ...(current ? [current] : [])].some((set) => {
      const desired = set.metadata.annotations?.[desiredAnnotation];
      return sizeOf(set) > 0 && desired !== undefined && desired !== String(limits.desired);
    });
    if (deployment.spec.paused || rescaled) return proportionalSizes(limits, current, olds, rolling, deployment.status?.replicas ?? 0);
    if (!rolling) return recreateStep(limits, current, olds, oldPodsRemain(olds));
    return current ? rollingStep(limits, current, olds) : [];
  }

  function oldPodsRemain(olds: readonly ReplicaSet[]): boolean {
    return olds.some(({ metadata }) => allPods.byIndex(ownerIndex.name, metadata.uid ?? '').some((pod) => !isTerminal(pod)));
  }

  /** The new ReplicaSet carries the highest revision (a rollback makes an old one new), and the Deployment's annotations. */
  async function keepUp(deployment: Deployment, current: ReplicaSet, olds: readonly ReplicaSet[], signal: AbortSignal): Promise<ReplicaSet> {
    const next = lastRevision(olds) + 1n;
    const revision = revisionOf(current) > next ? revisionOf(current) : next;
    const annotations = { ...current.metadata.annotations, ...inherited(deployment), [revisionAnnotation]: String(revision), ...historyOf(current, revision) };
    const minReadySeconds = deployment.spec.minReadySeconds;
    const changed = !equal(annotations, current.metadata.annotations) || (minReadySeconds ?? 0) !== (current.spec.minReadySeconds ?? 0);
    const kept = changed
      ? await client.update(replicaSets, { ...current, metadata: { ...current.metadata, annotations }, spec: { ...current.spec, minReadySeconds } }, { signal })
      : current;
    return kept;
  }

  async function createNew(deployment: Deployment, limits: Limits, olds: readonly ReplicaSet[], signal: AbortSignal): Promise<ReplicaSet> {
    const revision = String(lastRevision(olds) + 1n);
    const wanted = newReplicaSet(deployment, limits, olds, revision);
    try {
      const created = await client.create(replicaSets, wanted, { signal });
      if (sizeOf(created) > 0) recorder.event(deployment, 'Normal', 'ScalingReplicaSet', `Scaled up replica set ${created.metadata.name} from 0 to ${sizeOf(created)}`);
      return created;
    } catch (error) {
      if (isAlreadyExists(error)) return await resolveCollision(deployment, wanted, error, signal);
      if (!signal.aborted && !isNamespaceTerminating(error)) {
        const message = `Failed to create new replica set "${wanted.metadata.name}": ${messageOf(error)}`;
        recorder.event(deployment, 'Warning', 'ReplicaSetCreateError', message);
        if (hasDeadline(deployment)) {
          const conditions = setCondition(deployment.status?.conditions ?? [], 'Progressing', 'False', 'ReplicaSetCreateError', message, clock.now());
          await client.updateStatus(deployments, { ...deployment, status: { ...deployment.status, conditions } }, { signal });
        }
      }
      throw error;
    }
  }

  /** Our own, made just now, or another's that happens to have the name: then the next hash is tried. */
  async function resolveCollision(deployment: Deployment, wanted: ReplicaSet, error: unknown, signal: AbortSignal): Promise<ReplicaSet> {
    const found = await client.get(replicaSets, wanted.metadata, { signal });
    if (controllerOf(found)?.uid === deployment.metadata.uid && findNew(deployment, [found])) return found;
    const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
    await client.updateStatus(deployments, { ...deployment, status: { ...deployment.status, collisionCount } }, { signal });
    throw error;
  }

  async function resize(deployment: Deployment, { desired, surge }: Limits, steps: readonly Resize[], signal: AbortSignal): Promise<ReplicaSet[]> {
    const resized: ReplicaSet[] = [];
    for (const { replicaSet, replicas } of steps) {
      const annotations = { ...replicaSet.metadata.annotations, [desiredAnnotation]: String(desired), [maxAnnotation]: String(desired + surge) };
      const before = sizeOf(replicaSet);
      if (before === replicas && equal(annotations, replicaSet.metadata.annotations)) continue;
      const updated = { ...replicaSet, metadata: { ...replicaSet.metadata, annotations }, spec: { ...replicaSet.spec, replicas } };
      resized.push(await client.update(replicaSets, updated, { signal }));
      const direction = replicas > before ? 'up' : 'down';
      if (before !== replicas) recorder.event(deployment, 'Normal', 'ScalingReplicaSet', `Scaled ${direction} replica set ${replicaSet.metadata.name} from ${before} to ${replicas}`);
    }
    return resized;
  }

  async function cleanUp(deployment: Deployment, olds: readonly ReplicaSet[], signal: AbortSignal): Promise<void> {
    for (const { metadata } of beyondHistory(olds, deployment.spec.revisionHistoryLimit)) {
      await client.delete(replicaSets, metadata, { signal }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
    }
  }

  async function writeStatus(deployment: Deployment, limits: Limits, current: ReplicaSet | undefined, olds: readonly ReplicaSet[], signal: AbortSignal, created = false): Promise<void> {
    const nowMs = clock.now();
    let status = deploymentStatus(deployment, limits, current, olds, nowMs);
    if (hasDeadline(deployment)) status = { ...status, conditions: turnOfProgress(deployment, status.conditions ?? [], current, created, nowMs) };
    // The revision goes with the status: written by itself it would count as a new generation.
    const revision = (current ?? deployment).metadata.annotations?.[revisionAnnotation];
    const annotations = revision === undefined ? deployment.metadata.annotations : { ...deployment.metadata.annotations, [revisionAnnotation]: revision };
    if (!equal(status, deployment.status) || !equal(annotations, deployment.metadata.annotations)) {
      await client.updateStatus(deployments, { ...deployment, metadata: { ...deployment.metadata, annotations }, status }, { signal });
    }
    const leftMs = deadlineLeftMs(deployment, status.conditions, nowMs);
    if (leftMs) loop.queue.addAfter(keyOf(deployment), leftMs + 1000);
  }
};

/** What the Progressing condition says at a turn: a ReplicaSet is new, or the Deployment was paused or resumed. */
function turnOfProgress(
  deployment: Deployment,
  conditions: NonNullable<NonNullable<Deployment['status']>['conditions']>,
  current: ReplicaSet | undefined,
  created: boolean,
  nowMs: number,
): typeof conditions {
  const standing = conditionOf(conditions, 'Progressing');
  const to = (status: string, reason: string, message: string) => setCondition(conditions, 'Progressing', status, reason, message, nowMs);
  // That it was too slow is not forgotten by pausing it.
  if (deployment.spec.paused) return standing?.reason === 'ProgressDeadlineExceeded' ? conditions : to('Unknown', 'DeploymentPaused', 'Deployment is paused');
  // The deadline runs anew for each new ReplicaSet.
  if (created && current) return to('True', 'NewReplicaSetCreated', `Created new replica set "${current.metadata.name}"`);
  if (standing?.reason === 'DeploymentPaused') return to('Unknown', 'DeploymentResumed', 'Deployment is resumed');
  if (!standing && current) return to('True', 'FoundNewReplicaSet', `Found new replica set "${current.metadata.name}"`);
  return conditions;
}

function inherited({ metadata }: Deployment): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata.annotations ?? {}).filter(([name]) => !ownAnnotations.has(name)));
}

function newReplicaSet(deployment: Deployment, limits: Limits, olds: readonly ReplicaSet[], revision: string): ReplicaSet {
  const { metadata, spec } = deployment;
  const hash = templateHash(spec.template, deployment.status?.collisionCount);
  const labels = { ...spec.template.metadata?.labels, [hashLabel]: hash };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${(metadata.name ?? '').slice(0, 253 - hash.length - 1)}-${hash}`,
      namespace: metadata.namespace,
      labels,
      annotations: {
        ...inherited(deployment),
        [revisionAnnotation]: revision,
        [desiredAnnotation]: String(limits.desired),
        [maxAnnotation]: String(limits.desired + limits.surge),
      },
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas: newSize(limits, olds, 0),
      minReadySeconds: spec.minReadySeconds,
      selector: { ...spec.selector, matchLabels: { ...spec.selector.matchLabels, [hashLabel]: hash } },
      template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
    },
  };
}
