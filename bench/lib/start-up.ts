/**
 * The stages of a pod's start, by two sources: when the watch showed each
 * change, and the times that the objects and the Scheduled event carry, as
 * clusterloader2 takes them. The latter are whole seconds but for the event's.
 */
import type { Api } from './api.ts';
import type { SeenPod } from './pod-watch.ts';

/** Milliseconds, one for each pod. */
export interface WatchedStages {
  readonly total: readonly number[];
  readonly stages: Readonly<Record<string, readonly number[]>>;
}

export function podStages(pods: readonly SeenPod[]): WatchedStages {
  const ready = pods.filter(({ readyAt }) => readyAt !== undefined) as (SeenPod & { scheduledAt: number; runningAt: number; readyAt: number })[];
  return {
    total: ready.map(({ seenAt, readyAt }) => readyAt - seenAt),
    stages: {
      'created to scheduled': ready.map(({ seenAt, scheduledAt }) => scheduledAt - seenAt),
      'scheduled to running': ready.map(({ scheduledAt, runningAt }) => runningAt - scheduledAt),
      'running to ready': ready.map(({ runningAt, readyAt }) => readyAt - runningAt),
    },
  };
}

interface SeenEvent {
  readonly involvedObject: { readonly name?: string };
  readonly eventTime?: string | null;
  readonly firstTimestamp?: string | null;
}

export async function stagesOfObjects(api: Api, namespace: string, pods: readonly SeenPod[]): Promise<Record<string, number[]>> {
  const selector = encodeURIComponent('reason=Scheduled,involvedObject.kind=Pod');
  const { items } = await api.json<{ items: SeenEvent[] }>('GET', `/api/v1/namespaces/${namespace}/events?fieldSelector=${selector}`);
  const scheduled = new Map(items.map(({ involvedObject, eventTime, firstTimestamp }) => [involvedObject.name, Date.parse(eventTime ?? firstTimestamp ?? '')]));
  const stages: Record<string, number[]> = { 'create to schedule': [], 'schedule to run': [], 'run to watch': [], 'schedule to watch': [], 'create to watch': [] };
  for (const { name, createdMs, startedMs, readyAt, readyWallMs } of pods) {
    if (readyAt === undefined) continue;
    stages['create to watch']?.push(readyWallMs - createdMs);
    stages['run to watch']?.push(readyWallMs - startedMs);
    const scheduledMs = scheduled.get(name);
    if (scheduledMs === undefined || Number.isNaN(scheduledMs)) continue;
    stages['create to schedule']?.push(scheduledMs - createdMs);
    // The second of the start may have begun before the event did.
    stages['schedule to run']?.push(Math.max(0, startedMs - scheduledMs));
    stages['schedule to watch']?.push(readyWallMs - scheduledMs);
  }
  return stages;
}
