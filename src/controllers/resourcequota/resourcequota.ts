/**
 * Recomputes what ResourceQuotas say is used. Admission adds to it as objects
 * come; this controller corrects it when they go, or when the quota changes.
 */
import type { ResourceQuota } from '../../api/types/core-v1.ts';
import { quantityOf } from '../../api/quantity.ts';
import { discover } from '../../client/discovery.ts';
import type { ServedResource } from '../../client/discovery.ts';
import type { Informer } from '../../client/informer.ts';
import { keyOf } from '../../client/resource.ts';
import type { ApiObject, Resource } from '../../client/resource.ts';
import { configMaps, persistentVolumeClaims, pods, replicationControllers, resourceQuotas, secrets, services } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { equal } from '../runtime/equality.ts';
import { isTerminal } from '../runtime/pod-state.ts';
import { periodically, reconciler } from '../runtime/reconciler.ts';
import { claimUsage, countUsage, inScope, isScoped, podUsage, serviceUsage, usedOf } from './usage.ts';
import type { Usage } from './usage.ts';

const namespaceIndex = 'namespace';
const resyncMs = 5 * 60_000;
const gatherMs = 200;

export const resourceQuotaController: ControllerFactory = (context) => {
  const { client } = context;
  const indexed = <T extends ApiObject>(resource: Resource<T>): Informer<T> => {
    const informer = context.informers.get(resource);
    informer.addIndex(namespaceIndex, ({ metadata }) => [metadata.namespace ?? '']);
    return informer;
  };
  const quotas = indexed(resourceQuotas);
  const allPods = indexed(pods);
  const loop = reconciler(context, {
    name: 'resourcequota',
    workers: 5,
    reconcile,
    beside: (signal) =>
      periodically(context, 'resourcequota', resyncMs, signal, async () => {
        for (const key of quotas.keys()) loop.queue.add(key);
      }),
  });
  quotas.addHandler({
    onAdd: (quota) => loop.queue.add(keyOf(quota)),
    onUpdate: (old, quota) => (equal(old.spec, quota.spec) ? undefined : loop.queue.add(keyOf(quota))),
  });
  const wake = ({ metadata }: ApiObject) => {
    for (const quota of quotas.byIndex(namespaceIndex, metadata.namespace ?? '')) loop.queue.addAfter(keyOf(quota), gatherMs);
  };
  allPods.addHandler({ onDelete: wake, onUpdate: (old, pod) => (isTerminal(old) === isTerminal(pod) ? undefined : wake(pod)) });
  const usages = [counter(services, serviceUsage), counter(persistentVolumeClaims, claimUsage)];
  for (const resource of [configMaps, secrets, replicationControllers, resourceQuotas] as Resource[]) usages.push(counter(resource, () => countUsage(resource.resource)));
  return loop;

  /** What the objects of a namespace use; their going wakes its quotas. */
  function counter<T extends ApiObject>(resource: Resource<T>, usageOf: (object: T) => Usage): (namespace: string) => Iterable<Usage> {
    const informer = indexed(resource);
    informer.addHandler({ onDelete: wake });
    return (namespace) => informer.byIndex(namespaceIndex, namespace).map(usageOf);
  }

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const quota = quotas.get(key);
    if (!quota) return;
    const namespace = quota.metadata.namespace ?? '';
    const hard = quota.spec?.hard ?? {};
    const other = isScoped(quota) ? new Map<string, number>() : await countOthers(hard, namespace, signal);
    const used = usedOf(hard, allUsages(quota, namespace), (name) => quantityOf(other.get(name) ?? 0, 'DecimalSI'));
    if (equal(quota.status?.hard, hard) && equal(quota.status?.used, used)) return;
    await client.updateStatus(resourceQuotas, { ...quota, status: { hard, used } }, { signal });
  }

  function* allUsages(quota: ResourceQuota, namespace: string): Generator<Usage> {
    for (const pod of allPods.byIndex(namespaceIndex, namespace)) if (inScope(quota, pod)) yield podUsage(pod);
    if (isScoped(quota)) return;
    for (const usagesIn of usages) yield* usagesIn(namespace);
  }

  /** `count/<resource>.<group>` of what no informer here holds is counted at the server. */
  async function countOthers(hard: Readonly<Record<string, string>>, namespace: string, signal: AbortSignal): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    const names = Object.keys(hard).filter((name) => name.startsWith('count/') && name.includes('.'));
    if (names.length === 0) return counts;
    const { resources } = await discover(client, signal);
    for (const name of names) {
      const found = resources.find(({ resource, group, namespaced }: ServedResource) => namespaced && `count/${resource}.${group}` === name);
      if (!found) continue;
      let count = 0;
      for await (const page of client.listPages(found, { namespace, metadataOnly: true, signal })) count += page.length;
      counts.set(name, count);
    }
    return counts;
  }
};
