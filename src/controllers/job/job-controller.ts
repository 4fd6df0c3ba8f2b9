/** Runs the pods of Jobs to completion, and counts each of them once. */
import type { Job } from '../../api/types/batch-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { isNamespaceTerminating, isNotFound } from '../../client/failure.ts';
import { formatKey, keyOf } from '../../client/resource.ts';
import { jobs, pods } from '../../client/resources.ts';
import { claim } from '../runtime/claim.ts';
import { conditionOf } from '../runtime/conditions.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { equal } from '../../base/equality.ts';
import { Expectations } from '../runtime/expectations.ts';
import { followPods } from '../runtime/follow-pods.ts';
import { controllerOf, orphansIn, ownerIndex } from '../runtime/owner.ts';
import { PodControl } from '../runtime/pod-control.ts';
import { isReady } from '../runtime/pod-state.ts';
import { enqueueChanges, reconciler } from '../runtime/reconciler.ts';
import { selectorOf } from '../runtime/selector.ts';
import { slowStart } from '../runtime/slow-start.ts';
import { noBackoff, type Backoff } from './failure-backoff.ts';
import { decideJob, type JobDecision } from './job-decision.ts';
import { jobPod } from './job-pod.ts';
import { announce, settle, type Acted, type Announcement } from './job-status.ts';
import { isFinished, isOurs, podReleaser } from './pod-releaser.ts';
import { isTracked, trackingFinalizer, untrack } from './tracking.ts';

const gatherMs = 100;

/** What is known of a Job beside the informers. */
interface Memory {
  readonly uid: string | undefined;
  backoff: Backoff;
  /** Uids of pods whose finalizers are gone, until the informer shows it. */
  readonly released: Set<string>;
  /** As our last write left it: what is older is news of the past. */
  written: Job | undefined;
}

export const jobController: ControllerFactory = (context) => {
  const { client, clock } = context;
  const all = context.informers.get(jobs);
  const allPods = context.informers.get(pods);
  const recorder = context.recorder('job-controller');
  const control = new PodControl(client, recorder);
  const expectations = new Expectations(clock);
  const memories = new Map<string, Memory>();
  const releaser = podReleaser(context);
  const loop = reconciler(context, { name: 'job', reconcile, beside: (signal) => releaser.run(signal) });
  enqueueChanges(all, loop.queue);
  const wake = (key: string) => loop.queue.addAfter(key, gatherMs);
  followPods({ kind: 'Job', owners: all, pods: allPods, expectations, selectorOf: ({ spec }) => selectorOf(spec?.selector), now: wake, soon: wake });
  const forget = (pod: Pod) => {
    const key = formatKey({ namespace: pod.metadata.namespace, name: controllerOf(pod)?.name });
    memories.get(key)?.released.delete(pod.metadata.uid ?? '');
  };
  allPods.addHandler({ onUpdate: (_, pod) => (isTracked(pod) ? undefined : forget(pod)), onDelete: forget });
  return loop;

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const seenJob = all.get(key);
    if (!seenJob || isFinished(seenJob) || !isOurs(seenJob)) {
      memories.delete(key);
      if (!seenJob) expectations.forget(key);
      return;
    }
    const memory = memoryOf(key, seenJob);
    const job = newest(memory, seenJob);
    if (isFinished(job)) return;
    const settled = expectations.satisfied(key);
    const candidates = [...allPods.byIndex(ownerIndex.name, job.metadata.uid ?? ''), ...allPods.byIndex(ownerIndex.name, orphansIn(job.metadata.namespace))];
    const owned = await claim(client, jobs, pods, job, selectorOf(job.spec?.selector), candidates, signal, trackingFinalizer);
    const decision = decideJob({ job, pods: owned, released: memory.released, backoff: memory.backoff, settled, nowMs: clock.now() });
    const { acted, error } = await act(key, job, decision, settled, signal);
    await track(job, memory, owned, decision, acted, signal);
    if (error !== undefined) throw error;
    if (decision.againMs !== undefined) loop.queue.addAfter(key, decision.againMs);
  }

  function memoryOf(key: string, { metadata }: Job): Memory {
    let memory = memories.get(key);
    if (!memory || memory.uid !== metadata.uid) memories.set(key, (memory = { uid: metadata.uid, backoff: noBackoff, released: new Set(), written: undefined }));
    return memory;
  }

  async function act(key: string, job: Job, { tally, remove, create, outcome }: JobDecision, settled: boolean, signal: AbortSignal): Promise<{ acted: Acted; error: unknown }> {
    if (!outcome && remove.length > 0) expectations.expectDeletions(key, remove.map(keyOf));
    const results = await Promise.allSettled(remove.map((pod) => removeOne(key, job, pod, outcome !== undefined, signal)));
    const removed = remove.filter((_, i) => results[i]?.status === 'fulfilled');
    if (create.length > 0) expectations.expectCreations(key, create.length);
    const { succeeded, failed, error } = await slowStart(create.length, async (i) => void (await control.create(job, jobPod(job, create[i]!), signal)));
    expectations.creationObserved(key, failed);
    return {
      acted: {
        active: tally.active.length - removed.length + succeeded,
        ready: tally.active.filter((pod) => isReady(pod) && !removed.includes(pod)).length,
        terminating: tally.terminating.length + removed.length,
        cleared: removed.length === remove.length && settled,
      },
      error: results.find((result) => result.status === 'rejected')?.reason ?? (isNamespaceTerminating(error) ? undefined : error),
    };
  }

  async function removeOne(key: string, job: Job, pod: Pod, counted: boolean, signal: AbortSignal): Promise<void> {
    try {
      if (!counted) await untrack(client, pod, signal);
      await control.delete(job, pod, signal);
    } catch (error) {
      expectations.deletionObserved(key, keyOf(pod));
      if (!isNotFound(error)) throw error;
    }
  }

  async function track(job: Job, memory: Memory, owned: readonly Pod[], decision: JobDecision, acted: Acted, signal: AbortSignal): Promise<void> {
    const announcement = announce(job, owned, memory.released, decision, acted, clock.now());
    const announced = await write(job, announcement.status, memory, signal);
    memory.backoff = decision.backoff;
    tellTurns(job, announced);
    const failure = await release(announcement, memory, signal);
    const held = new Set(owned.filter((pod) => isTracked(pod) && !memory.released.has(pod.metadata.uid ?? '')).map(({ metadata }) => metadata.uid ?? ''));
    const final = settle(announced, failure === undefined ? announcement : { ...announcement, partial: true }, held, clock.now());
    const ended = await write(announced, final, memory, signal);
    if (failure !== undefined) throw failure;
    if (announcement.outcome && isFinished(ended)) tellEnd(ended, announcement);
  }

  async function release({ release: leaving }: Announcement, { released }: Memory, signal: AbortSignal): Promise<unknown> {
    const results = await Promise.allSettled(
      leaving.map(async (pod) => {
        await untrack(client, pod, signal);
        // The news may have come first.
        const now = allPods.find(pod.metadata);
        if (now && now.metadata.uid === pod.metadata.uid && isTracked(now)) released.add(pod.metadata.uid ?? '');
      }),
    );
    return results.find((result) => result.status === 'rejected')?.reason;
  }

  async function write(job: Job, status: NonNullable<Job['status']>, memory: Memory, signal: AbortSignal): Promise<Job> {
    if (equal(status, job.status)) return job;
    memory.written = await client.updateStatus(jobs, { ...job, status }, { signal });
    return memory.written;
  }

  function tellEnd(job: Job, { outcome }: Announcement): void {
    if (outcome?.target === 'SuccessCriteriaMet') recorder.event(job, 'Normal', 'Completed', 'Job completed');
    else recorder.event(job, 'Warning', outcome?.reason ?? '', outcome?.message ?? '');
  }

  function tellTurns(old: Job, job: Job): void {
    const [before, now] = [old, job].map(({ status }) => conditionOf(status?.conditions, 'Suspended')?.status);
    if (before === now || now === undefined) return;
    recorder.event(job, 'Normal', now === 'True' ? 'Suspended' : 'Resumed', now === 'True' ? 'Job suspended' : 'Job resumed');
  }
};

function newest(memory: Memory, seen: Job): Job {
  const { written } = memory;
  if (written && Number(written.metadata.resourceVersion) > Number(seen.metadata.resourceVersion)) return written;
  memory.written = undefined;
  return seen;
}
