/**
 * Recomputes what ResourceQuotas say is used. Admission adds to it as objects
 * come; this controller corrects it when they go, or when the quota changes.
 */
import { objectCountName, podCounts, usageRuleFor } from '../../api/quota/usage.ts';
import type { Pod, ResourceQuota } from '../../api/types/core-v1.ts';
import { discover } from '../../client/discovery.ts';
import type { Informer } from '../../client/informer.ts';
import { keyOf } from '../../client/resource.ts';
import type { ApiObject, Resource } from '../../client/resource.ts';
import { configMaps, persistentVolumeClaims, pods, replicationControllers, resourceQuotas, secrets, services } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { equal } from '../../base/equality.ts';
import { periodically, reconciler } from '../runtime/reconciler.ts';
import { usedOf } from './used.ts';
import type { Counted } from './used.ts';

/** Counted from the start; what else a quota names is followed from then on. */
const followed: readonly Resource[] = [pods, services, persistentVolumeClaims, configMaps, secrets, replicationControllers, resourceQuotas];
const namespaceIndex = 'namespace';

type Counter = (namespace: string) => Counted[];
const resyncMs = 5 * 60_000;
const gatherMs = 200;

export const resourceQuotaController: ControllerFactory = (context) => {
  const { client, clock, informers } = context;
  const quotas = informers.get(resourceQuotas);
  const loop = reconciler(context, {
    name: 'resourcequota',
    workers: 5,
    reconcile,
    beside: (signal) =>
      periodically(context, 'resourcequota', resyncMs, signal, async () => {
        for (const key of quotas.keys()) loop.queue.add(key);
      }),
  });
  const wake = ({ metadata }: ApiObject, delayMs = gatherMs) => {
    for (const quota of quotas.byIndex(namespaceIndex, metadata.namespace ?? '')) loop.queue.addAfter(keyOf(quota), delayMs);
  };
  /** By the name under which a quota counts the resource. */
  const counters = new Map<string, Counter>();
  for (const resource of followed) follow(resource);
  quotas.addHandler({
    onAdd: (quota) => loop.queue.add(keyOf(quota)),
    onUpdate: (old, quota) => (equal(old.spec, quota.spec) ? undefined : loop.queue.add(keyOf(quota))),
  });
  informers.get(pods).addHandler({ onUpdate: (old, pod) => stopsCounting(old, pod) });
  return loop;

  /** A pod that has finished is free at once, one that is being deleted when its grace is over. */
  function stopsCounting(old: Pod, pod: Pod): void {
    const nowMs = clock.now();
    if (podCounts(old, nowMs) && !podCounts(pod, nowMs)) wake(pod);
    else if (pod.metadata.deletionTimestamp && !old.metadata.deletionTimestamp) {
      const graceMs = (pod.metadata.deletionGracePeriodSeconds ?? 0) * 1000;
      wake(pod, Math.max(0, Date.parse(pod.metadata.deletionTimestamp) + graceMs - nowMs) + 1000);
    }
  }

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const quota = quotas.get(key);
    if (!quota) return;
    const namespace = quota.metadata.namespace ?? '';
    await followOthers(quota, signal);
    const counted = [...counters.values()].flatMap((counter) => counter(namespace));
    const hard = quota.spec?.hard ?? {};
    const used = usedOf(quota, counted, clock.now());
    if (equal(quota.status?.hard, hard) && equal(quota.status?.used, used)) return;
    await client.updateStatus(resourceQuotas, { ...quota, status: { hard, used } }, { signal });
  }

  /** From now on the resource is counted from an informer, and what goes wakes the quotas of its namespace. */
  function follow(resource: Resource): Informer<ApiObject> {
    const informer: Informer<ApiObject> = informers.get(resource);
    informer.addIndex(namespaceIndex, ({ metadata }) => [metadata.namespace ?? '']);
    informer.addHandler({ onDelete: (object) => wake(object) });
    const rule = usageRuleFor(resource.group, resource.resource);
    counters.set(objectCountName(resource.group, resource.resource), (namespace) =>
      rule ? [{ rule, objects: informer.byIndex(namespaceIndex, namespace) }] : [],
    );
    return informer;
  }

  /** `count/deployments.apps` and the like: followed from the first quota that names them. */
  async function followOthers({ spec }: ResourceQuota, signal: AbortSignal): Promise<void> {
    const names = new Set(Object.keys(spec?.hard ?? {}).filter((name) => name.startsWith('count/') && !counters.has(name)));
    if (names.size === 0) return;
    for (const resource of (await discover(client, signal)).resources)
      if (resource.namespaced && names.has(objectCountName(resource.group, resource.resource))) await follow(resource).synced(signal);
  }
};
