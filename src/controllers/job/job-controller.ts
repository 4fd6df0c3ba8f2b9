/** Runs the pods of Jobs to completion. */
import type { Job, JobCondition, JobStatus } from '../../api/types/batch-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { formatTime } from '../../base/clock.ts';
import { isNamespaceTerminating, isNotFound } from '../../client/failure.ts';
import { formatKey, keyOf } from '../../client/resource.ts';
import { jobs, pods } from '../../client/resources.ts';
import { claim } from '../runtime/claim.ts';
import { conditionOf, withCondition } from '../runtime/conditions.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { equal } from '../../base/equality.ts';
import { Expectations } from '../runtime/expectations.ts';
import { controllerOf, orphansIn, ownerIndex } from '../runtime/owner.ts';
import { PodControl, podFromTemplate } from '../runtime/pod-control.ts';
import { enqueueChanges, reconciler } from '../runtime/reconciler.ts';
import { selectorOf } from '../runtime/selector.ts';
import { slowStart } from '../runtime/slow-start.ts';
import { decideJob, indexAnnotation } from './job-decision.ts';
import type { JobDecision, JobEnd } from './job-decision.ts';

const ownName = 'kubernetes.io/job-controller';
const podsPerSync = 500;
const gatherMs = 100;
/** A pod that fails is followed by the next after this long, doubled with each failure. */
const failureBackoffMs = 10_000;
const failureBackoffMaxMs = 10 * 60_000;

export const jobController: ControllerFactory = (context) => {
  const { client, clock } = context;
  const all = context.informers.get(jobs);
  const allPods = context.informers.get(pods);
  const recorder = context.recorder('job-controller');
  const control = new PodControl(client, recorder);
  const expectations = new Expectations(clock);
  const loop = reconciler(context, { name: 'job', reconcile });
  allPods.addIndex(ownerIndex.name, ownerIndex.valuesOf);
  enqueueChanges(all, loop.queue);
  const ownerKey = (pod: Pod) => {
    const owner = controllerOf(pod);
    return owner?.kind === 'Job' ? formatKey({ namespace: pod.metadata.namespace, name: owner.name }) : undefined;
  };
  const seen = (pod: Pod, note: (key: string) => void) => {
    const key = ownerKey(pod);
    if (key === undefined) return;
    note(key);
    loop.queue.addAfter(key, gatherMs);
  };
  allPods.addHandler({
    onAdd: (pod) => seen(pod, (key) => expectations.creationObserved(key)),
    onUpdate: (_, pod) => seen(pod, (key) => (pod.metadata.deletionTimestamp ? expectations.deletionObserved(key, keyOf(pod)) : undefined)),
    onDelete: (pod) => seen(pod, (key) => expectations.deletionObserved(key, keyOf(pod))),
  });
  return loop;

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const job = all.get(key);
    if (!job) {
      expectations.forget(key);
      return;
    }
    if (isFinished(job) || job.metadata.deletionTimestamp || (job.spec?.managedBy ?? ownName) !== ownName) return;
    const candidates = [...allPods.byIndex(ownerIndex.name, job.metadata.uid ?? ''), ...allPods.byIndex(ownerIndex.name, orphansIn(job.metadata.namespace))];
    const owned = await claim(client, jobs, pods, job, selectorOf(job.spec?.selector), candidates, signal);
    const nowMs = clock.now();
    const decision = decideJob(job, owned, nowMs);
    if (expectations.satisfied(key)) await act(key, job, owned, decision, nowMs, signal);
    const status = jobStatus(job, decision, nowMs);
    if (!equal(status, job.status)) {
      await client.updateStatus(jobs, { ...job, status }, { signal });
      if (decision.end) tellEnd(job, decision.end);
      else tellTurns(job, status);
    }
    if (decision.deadlineMs !== undefined && decision.deadlineMs > 0) loop.queue.addAfter(key, decision.deadlineMs);
  }

  async function act(key: string, job: Job, owned: readonly Pod[], { remove, create }: JobDecision, nowMs: number, signal: AbortSignal): Promise<void> {
    if (remove.length > 0) {
      expectations.expectDeletions(key, remove.map(keyOf));
      await Promise.all(
        remove.map((pod) =>
          control.delete(job, pod, signal).catch((error: unknown) => {
            expectations.deletionObserved(key, keyOf(pod));
            if (!isNotFound(error)) throw error;
          }),
        ),
      );
      return;
    }
    if (create.length === 0) return;
    const waitMs = backoffLeftMs(owned, nowMs);
    if (waitMs > 0) {
      loop.queue.addAfter(key, waitMs);
      return;
    }
    const indexes = create.slice(0, podsPerSync);
    expectations.expectCreations(key, indexes.length);
    const { failed, error } = await slowStart(indexes.length, async (i) => void (await control.create(job, newPod(job, indexes[i]), signal)));
    expectations.creationObserved(key, failed);
    if (error !== undefined && !isNamespaceTerminating(error)) throw error;
  }

  function tellEnd(job: Job, end: JobEnd): void {
    if (end.type === 'Complete') recorder.event(job, 'Normal', 'Completed', 'Job completed');
    else recorder.event(job, 'Warning', end.reason, end.message);
  }

  function tellTurns(job: Job, status: JobStatus): void {
    const before = conditionOf(job.status?.conditions, 'Suspended')?.status;
    const now = conditionOf(status.conditions, 'Suspended')?.status;
    if (before === now || now === undefined) return;
    recorder.event(job, 'Normal', now === 'True' ? 'Suspended' : 'Resumed', now === 'True' ? 'Job suspended' : 'Job resumed');
  }
};

function isFinished({ status }: Job): boolean {
  return status?.conditions?.some(({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True') ?? false;
}

function backoffLeftMs(owned: readonly Pod[], nowMs: number): number {
  const failures = owned.filter(({ status }) => status?.phase === 'Failed');
  if (failures.length === 0) return 0;
  const lastMs = Math.max(...failures.map(finishedAtMs));
  return lastMs + Math.min(failureBackoffMs * 2 ** (failures.length - 1), failureBackoffMaxMs) - nowMs;
}

function finishedAtMs(pod: Pod): number {
  const times = (pod.status?.containerStatuses ?? []).map(({ state }) => Date.parse(state?.terminated?.finishedAt ?? '')).filter((time) => !Number.isNaN(time));
  return times.length > 0 ? Math.max(...times) : Date.parse(pod.metadata.deletionTimestamp ?? pod.metadata.creationTimestamp ?? '') || 0;
}

function newPod(job: Job, index: number | undefined): Pod {
  const pod = podFromTemplate(job.spec?.template ?? {}, job);
  if (index === undefined) return pod;
  pod.metadata.annotations = { ...pod.metadata.annotations, [indexAnnotation]: String(index) };
  pod.metadata.labels = { ...pod.metadata.labels, [indexAnnotation]: String(index) };
  pod.metadata.generateName = `${job.metadata.name}-${index}-`;
  const variable = { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { fieldPath: `metadata.annotations['${indexAnnotation}']` } } };
  const withIndex = (containers: Pod['spec']['containers']) => containers.map((container) => ({ ...container, env: [...(container.env ?? []), variable] }));
  pod.spec = {
    ...pod.spec,
    hostname: `${job.metadata.name}-${index}`,
    containers: withIndex(pod.spec.containers),
    ...(pod.spec.initContainers ? { initContainers: withIndex(pod.spec.initContainers) } : {}),
  };
  return pod;
}

function jobStatus(job: Job, decision: JobDecision, nowMs: number): JobStatus {
  const { active, ready, succeeded, failed, terminating, completedIndexes, end, suspended, remove } = decision;
  const left = end || suspended ? active.filter((pod) => !remove.includes(pod)) : active;
  const { startTime: started, conditions: old, ...rest } = job.status ?? {};
  const startTime = suspended ? undefined : (started ?? formatTime(nowMs));
  const conditions = jobConditions(old, decision, nowMs);
  return {
    ...rest,
    active: left.length || undefined,
    ready: end ? 0 : ready,
    terminating,
    succeeded: succeeded || undefined,
    failed: failed || undefined,
    completedIndexes: completedIndexes || undefined,
    uncountedTerminatedPods: {},
    startTime,
    completionTime: end?.type === 'Complete' ? formatTime(nowMs) : undefined,
    conditions: conditions.length > 0 ? conditions : undefined,
  };
}

function jobConditions(old: readonly JobCondition[] | undefined, { end, suspended }: JobDecision, nowMs: number): JobCondition[] {
  let conditions = [...(old ?? [])];
  if (suspended) conditions = withCondition(conditions, { type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended' }, nowMs);
  else if (conditionOf(conditions, 'Suspended')) conditions = withCondition(conditions, { type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' }, nowMs);
  if (!end) return conditions;
  const first = end.type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget';
  for (const type of [first, end.type]) conditions = withCondition(conditions, { type, status: 'True', reason: end.reason, message: end.message }, nowMs);
  return conditions.map((condition) => ({ ...condition, lastProbeTime: condition.lastProbeTime ?? formatTime(nowMs) }));
}
