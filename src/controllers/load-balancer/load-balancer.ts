/**
 * Gives Services of type LoadBalancer addresses out of a pool, as a cloud would:
 * they are in the status, and nodes' proxies take traffic to them. Services that
 * name a class are for others. A finalizer holds a Service until its addresses
 * are free again.
 */
import type { LoadBalancerIngress, Service } from '../../api/types/core-v1.ts';
import { equal } from '../../base/equality.ts';
import { isNotFound } from '../../client/failure.ts';
import { services } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { enqueueChanges, reconciler } from '../runtime/reconciler.ts';
import { AddressPool } from './address-pool.ts';

const finalizer = 'service.kubernetes.io/load-balancer-cleanup';

/** `cidrs`: one block or several, of either family. */
export function loadBalancerController(cidrs: readonly string[]): ControllerFactory {
  return (context) => {
    const { client } = context;
    const all = context.informers.get(services);
    const recorder = context.recorder('service-controller');
    const pool = new AddressPool(cidrs);
    /** Those that found nothing free. */
    const waiting = new Set<string>();
    // One worker: what one Service is given must be known before the next is asked.
    const loop = reconciler(context, { name: 'service-lb-controller', workers: 1, reconcile, queue: { baseDelayMs: 5000, maxDelayMs: 300_000 } });
    // What was given away in an earlier life, before anybody is given anything.
    all.addHandler({ onAdd: (service) => wanted(service) && ingressOf(service).forEach(({ ip }) => pool.claim(ip ?? '', keyFor(service))) });
    enqueueChanges(all, loop.queue);
    return loop;

    async function reconcile(key: string, signal: AbortSignal): Promise<void> {
      const service = all.get(key);
      waiting.delete(key);
      if (!service) release(key);
      else if (wanted(service)) await ensure(service, key, signal);
      else if (service.metadata.finalizers?.includes(finalizer)) await cleanUp(service, key, signal);
    }

    async function ensure(service: Service, key: string, signal: AbortSignal): Promise<void> {
      const present = ingressOf(service);
      const ips = addressesFor(service, key);
      if (ips === undefined) {
        recorder.event(service, 'Warning', 'SyncLoadBalancerFailed', 'Error syncing load balancer: failed to ensure load balancer: no address of the pool is free');
        waiting.add(key);
        throw new Error(`no load balancer address is free for ${key}`);
      }
      const isNew = present.length === 0;
      if (isNew) recorder.event(service, 'Normal', 'EnsuringLoadBalancer', 'Ensuring load balancer');
      await setFinalizers(service, [...(service.metadata.finalizers ?? []).filter((other) => other !== finalizer), finalizer], signal);
      const ingress = ips.map((ip): LoadBalancerIngress => ({ ip, ipMode: 'VIP' }));
      if (!equal(ingress, present.map(({ ip, ipMode }) => ({ ip, ipMode })))) await setIngress(service, ingress, signal);
      release(key, ips);
      if (isNew) recorder.event(service, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer');
    }

    /** What it has, where it may keep it; undefined where the pool has nothing for one of its families. */
    function addressesFor({ spec = {}, status }: Service, key: string): string[] | undefined {
      const present = status?.loadBalancer?.ingress ?? [];
      const families = spec.ipFamilies?.length ? spec.ipFamilies : ['IPv4'];
      const ips: string[] = [];
      for (const family of families as ('IPv4' | 'IPv6')[]) {
        const isOf = (ip: string | undefined): ip is string => !!ip && ip.includes(':') === (family === 'IPv6');
        const asked = [spec.loadBalancerIP, ...(spec.loadBalancerIP ? [] : present.map(({ ip }) => ip))].filter(isOf);
        const ip = asked.find((one) => pool.claim(one, key)) ?? (spec.loadBalancerIP && isOf(spec.loadBalancerIP) ? undefined : pool.take(family, key));
        // A pool of one family serves that family of a dual-stack Service.
        if (ip !== undefined) ips.push(ip);
      }
      return ips.length > 0 ? ips : undefined;
    }

    async function cleanUp(service: Service, key: string, signal: AbortSignal): Promise<void> {
      recorder.event(service, 'Normal', 'DeletingLoadBalancer', 'Deleting load balancer');
      if (ingressOf(service).length > 0 && !service.metadata.deletionTimestamp) await setIngress(service, [], signal);
      await setFinalizers(service, (service.metadata.finalizers ?? []).filter((other) => other !== finalizer), signal);
      release(key);
      recorder.event(service, 'Normal', 'DeletedLoadBalancer', 'Deleted load balancer');
    }

    function release(key: string, kept: readonly string[] = []): void {
      pool.release(key, kept);
      for (const other of waiting) loop.queue.add(other);
    }

    async function setFinalizers(service: Service, finalizers: string[], signal: AbortSignal): Promise<void> {
      if (equal(finalizers, service.metadata.finalizers ?? [])) return;
      await client.patch(services, service.metadata, { metadata: { uid: service.metadata.uid, finalizers } }, { type: 'merge', signal }).catch(unlessGone);
    }

    async function setIngress(service: Service, ingress: readonly LoadBalancerIngress[], signal: AbortSignal): Promise<void> {
      const patch = { metadata: { uid: service.metadata.uid }, status: { loadBalancer: { ingress: ingress.length > 0 ? ingress : null } } };
      await client.patch(services, service.metadata, patch, { type: 'merge', subresource: 'status', signal }).catch(unlessGone);
    }
  };
}

/** As upstream's service controller: a class means somebody else. */
function wanted({ metadata, spec }: Service): boolean {
  return spec?.type === 'LoadBalancer' && spec.loadBalancerClass === undefined && !metadata.deletionTimestamp;
}

function ingressOf({ status }: Service): readonly LoadBalancerIngress[] {
  return status?.loadBalancer?.ingress ?? [];
}

function keyFor({ metadata: { namespace, name } }: Service): string {
  return `${namespace}/${name}`;
}

function unlessGone(error: unknown): void {
  if (!isNotFound(error)) throw error;
}
