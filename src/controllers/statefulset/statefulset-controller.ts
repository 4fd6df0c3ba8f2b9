/** Pods with names that stay: created in order, each with claims of its own, replaced in place. */
import type { ControllerRevision, StatefulSet, StatefulSetStatus } from '../../api/types/apps-v1.ts';
import type { Pod, PodTemplateSpec } from '../../api/types/core-v1.ts';
import { isAlreadyExists, isNamespaceTerminating, isNotFound } from '../../client/failure.ts';
import { keyOf } from '../../client/resource.ts';
import { controllerRevisions, persistentVolumeClaims, pods, statefulSets } from '../../client/resources.ts';
import { claim } from '../runtime/claim.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { equal } from '../../base/equality.ts';
import { Expectations } from '../runtime/expectations.ts';
import { followPods, namespaceIndex } from '../runtime/follow-pods.ts';
import { orphansIn, ownerIndex } from '../runtime/owner.ts';
import { messageOf, podFromTemplate } from '../runtime/pod-control.ts';
import { isAvailable, isReady } from '../runtime/pod-state.ts';
import { enqueueChanges, reconciler } from '../runtime/reconciler.ts';
import { currentRevision, pruneRevisions, revisionHashLabel } from '../runtime/revisions.ts';
import { selectorOf } from '../runtime/selector.ts';
import { claimName, StatefulClaims } from './stateful-claims.ts';
import { ordinalOf, planStateful } from './stateful-plan.ts';

const podNameLabel = 'statefulset.kubernetes.io/pod-name';
const podIndexLabel = 'apps.kubernetes.io/pod-index';
const gatherMs = 20;

export const statefulSetController: ControllerFactory = (context) => {
  const { client, clock } = context;
  const all = context.informers.get(statefulSets);
  const allPods = context.informers.get(pods);
  const allClaims = context.informers.get(persistentVolumeClaims);
  const revisions = context.informers.get(controllerRevisions);
  const recorder = context.recorder('statefulset-controller');
  const claims = new StatefulClaims(client, allClaims, recorder);
  const expectations = new Expectations(clock);
  const loop = reconciler(context, { name: 'statefulset', reconcile });
  revisions.addIndex(ownerIndex.name, ownerIndex.valuesOf);
  enqueueChanges(all, loop.queue);
  const wake = (key: string) => loop.queue.addAfter(key, gatherMs);
  followPods({ kind: 'StatefulSet', owners: all, pods: allPods, expectations, selectorOf: ({ spec }) => selectorOf(spec?.selector), now: wake, soon: wake });
  // A pod may wait for its claim to go, or miss it.
  allClaims.addHandler({
    onDelete({ metadata }) {
      for (const set of all.byIndex(namespaceIndex, metadata.namespace ?? '')) if (mayHaveClaim(set, metadata.name ?? '')) wake(keyOf(set));
    },
  });
  return loop;

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const set = all.get(key);
    if (!set) expectations.forget(key);
    if (!set?.spec) return;
    const known = revisions.byIndex(ownerIndex.name, set.metadata.uid ?? '');
    const mine = new RegExp(`^${RegExp.escape(set.metadata.name ?? '')}-\\d+$`);
    const candidates = [...allPods.byIndex(ownerIndex.name, set.metadata.uid ?? ''), ...allPods.byIndex(ownerIndex.name, orphansIn(set.metadata.namespace))];
    const owned = await claim(client, statefulSets, pods, set, selectorOf(set.spec.selector), candidates.filter(({ metadata }) => mine.test(metadata.name ?? '')), signal);
    if (set.metadata.deletionTimestamp) return;
    const update = await currentRevision(client, set, known, signal);
    const currentName = set.status?.currentRevision || (update.metadata.name ?? '');
    const current = known.find(({ metadata }) => metadata.name === currentName) ?? update;
    const nowMs = clock.now();
    await keepClaims(set, owned, signal);
    if (expectations.satisfied(key)) await order(key, set, owned, current, update, nowMs, signal);
    const status = statefulStatus(set, owned, current.metadata.name ?? '', update.metadata.name ?? '', nowMs);
    if (!equal(status, set.status)) await client.updateStatus(statefulSets, { ...set, status }, { signal });
    const inUse = new Set([update.metadata.name ?? '', currentName, ...owned.map(({ metadata }) => metadata.labels?.[revisionHashLabel] ?? '')]);
    await pruneRevisions(client, set, known, inUse, signal);
    if (set.spec.minReadySeconds && (status.readyReplicas ?? 0) !== (status.availableReplicas ?? 0)) loop.queue.addAfter(key, set.spec.minReadySeconds * 1000);
  }

  async function keepClaims(set: StatefulSet, owned: readonly Pod[], signal: AbortSignal): Promise<void> {
    for (const pod of owned) {
      if (pod.status?.phase === 'Pending' && !pod.metadata.deletionTimestamp) await claims.create(set, pod, signal);
      await claims.own(set, pod, signal);
    }
  }

  async function order(key: string, set: StatefulSet, owned: readonly Pod[], current: ControllerRevision, update: ControllerRevision, nowMs: number, signal: AbortSignal): Promise<void> {
    const { create, remove } = planStateful(set, owned, current.metadata.name ?? '', update.metadata.name ?? '', nowMs);
    if (create.length === 0 && remove.length === 0) return;
    expectations.expect(key, create.length, remove.map(keyOf));
    const deleting = remove.map((pod) => deletePod(key, set, pod, signal));
    const creating = create.map(({ ordinal, revision }) => createPod(key, set, ordinal, revision === current.metadata.name ? current : update, signal));
    const failure = (await Promise.allSettled([...deleting, ...creating])).find((result) => result.status === 'rejected');
    if (failure) throw failure.reason;
  }

  async function deletePod(key: string, set: StatefulSet, pod: Pod, signal: AbortSignal): Promise<void> {
    try {
      await client.delete(pods, pod.metadata, { preconditions: { uid: pod.metadata.uid }, signal });
      recorder.event(set, 'Normal', 'SuccessfulDelete', `delete Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} successful`);
    } catch (error) {
      expectations.deletionObserved(key, keyOf(pod));
      if (!isNotFound(error)) throw error;
    }
  }

  async function createPod(key: string, set: StatefulSet, ordinal: number, revision: ControllerRevision, signal: AbortSignal): Promise<void> {
    const pod = statefulPod(set, ordinal, revision);
    try {
      if (claims.areStale(set, pod)) {
        expectations.creationObserved(key);
        return;
      }
      await claims.create(set, pod, signal);
      const created = await client.create(pods, pod, { signal });
      await claims.own(set, created, signal);
      recorder.event(set, 'Normal', 'SuccessfulCreate', `create Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} successful`);
    } catch (error) {
      expectations.creationObserved(key);
      if (isNamespaceTerminating(error)) return;
      if (!isAlreadyExists(error) && !signal.aborted) {
        recorder.event(set, 'Warning', 'FailedCreate', `create Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} failed error: ${messageOf(error)}`);
      }
      throw error;
    }
  }
};

function mayHaveClaim(set: StatefulSet, name: string): boolean {
  return (set.spec?.volumeClaimTemplates ?? []).some(({ metadata }) => name.startsWith(`${metadata?.name}-${set.metadata.name}-`));
}

function statefulPod(set: StatefulSet, ordinal: number, revision: ControllerRevision): Pod {
  const template = (revision.data as { spec?: { template?: PodTemplateSpec & { $patch?: string } } } | undefined)?.spec?.template ?? set.spec?.template ?? {};
  const name = `${set.metadata.name}-${ordinal}`;
  const pod = podFromTemplate(template, set, name);
  pod.metadata.labels = { ...pod.metadata.labels, [podNameLabel]: name, [podIndexLabel]: String(ordinal), [revisionHashLabel]: revision.metadata.name ?? '' };
  const templates = new Set((set.spec?.volumeClaimTemplates ?? []).map(({ metadata }) => metadata?.name ?? ''));
  const volumes = [
    ...[...templates].map((volume) => ({ name: volume, persistentVolumeClaim: { claimName: claimName(set, volume, ordinal) } })),
    ...(pod.spec.volumes ?? []).filter((volume) => !templates.has(volume.name)),
  ];
  pod.spec = { ...pod.spec, hostname: name, subdomain: set.spec?.serviceName, ...(volumes.length > 0 ? { volumes } : {}) };
  return pod;
}

function statefulStatus(set: StatefulSet, owned: readonly Pod[], current: string, update: string, nowMs: number): StatefulSetStatus {
  const live = owned.filter(({ metadata }) => !metadata.deletionTimestamp);
  const inRange = owned.filter((pod) => ordinalOf(pod) >= 0);
  const of = (revision: string) => live.filter(({ metadata }) => metadata.labels?.[revisionHashLabel] === revision).length;
  const ready = owned.filter(isReady).length;
  const desired = set.spec?.replicas ?? 1;
  const updated = of(update);
  // All pods are of the new revision and serve: it is the current one now.
  const done = set.spec?.updateStrategy?.type !== 'OnDelete' && updated === desired && ready === desired && inRange.length === desired;
  return {
    replicas: inRange.length,
    readyReplicas: ready || undefined,
    availableReplicas: owned.filter((pod) => isAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs)).length,
    currentReplicas: (done ? updated : of(current)) || undefined,
    updatedReplicas: updated || undefined,
    currentRevision: done ? update : current,
    updateRevision: update,
    observedGeneration: set.metadata.generation,
    collisionCount: set.status?.collisionCount ?? 0,
    ...(set.status?.conditions ? { conditions: set.status.conditions } : {}),
  };
}
