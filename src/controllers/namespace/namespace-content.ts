/** Deletes what is in a namespace: pods first, so that what they use outlives them, then all the rest. */
import type { Pod } from '../../api/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import { discover } from '../../client/discovery.ts';
import type { ServedResource } from '../../client/discovery.ts';
import { isNotFound } from '../../client/failure.ts';
import { pods } from '../../client/resources.ts';
import type { ApiObject } from '../../client/resource.ts';
import { messageOf } from '../runtime/pod-control.ts';
import type { DeletionRound } from './namespace-conditions.ts';

export interface ContentRound extends DeletionRound {
  /** How long what remains may take to go, as far as one can tell. */
  readonly estimateSeconds: number;
}

/** A finalizer's owner is given this long before anybody looks again. */
const finalizerEstimateSeconds = 15;
const parallelMax = 10;

export async function deleteContent(client: Client, namespace: string, signal: AbortSignal): Promise<ContentRound> {
  const { resources, stale } = await discover(client, signal);
  const discoveryFailures = stale.map((groupVersion) => `${groupVersion}: stale GroupVersion discovery: ${groupVersion}`);
  const contentFailures: string[] = [];
  const remaining = new Map<string, number>();
  const finalizers = new Map<string, number>();
  let estimateSeconds = 0;

  const clear = async (resource: ServedResource): Promise<void> => {
    try {
      const estimate = resource.resource === 'pods' && resource.group === '' ? await graceOf(client, namespace, signal) : 0;
      const left = await deleteAll(client, resource, namespace, signal);
      if (left.length === 0) return;
      remaining.set(`${resource.resource}.${resource.group}`, left.length);
      const holding = left.flatMap((object) => object.metadata.finalizers ?? []);
      for (const finalizer of holding) finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
      if (estimate === 0 && holding.length === 0) {
        const { group, version, resource: name } = resource;
        contentFailures.push(`unexpected items still remain in namespace: ${namespace} for gvr: ${group}/${version}, Resource=${name}`);
      }
      estimateSeconds = Math.max(estimateSeconds, estimate || finalizerEstimateSeconds);
    } catch (error) {
      signal.throwIfAborted();
      contentFailures.push(messageOf(error));
    }
  };

  const deletable = resources.filter(({ namespaced, verbs }) => namespaced && verbs.includes('delete') && verbs.includes('list'));
  const isPods = ({ group, resource }: ServedResource) => group === '' && resource === 'pods';
  for (const resource of deletable.filter(isPods)) await clear(resource);
  if (remaining.size === 0) {
    const rest = deletable.filter((resource) => !isPods(resource));
    await Promise.all(Array.from({ length: parallelMax }, async () => {
      for (let next = rest.pop(); next; next = rest.pop()) await clear(next);
    }));
  }
  return { discoveryFailures, contentFailures, remaining, finalizers, estimateSeconds };
}

/** What is left after deletion was asked for. */
async function deleteAll(client: Client, resource: ServedResource, namespace: string, signal: AbortSignal): Promise<ApiObject[]> {
  if (resource.verbs.includes('deletecollection')) {
    await client.deleteCollection(resource, { namespace }, { propagationPolicy: 'Background', signal });
  } else {
    for await (const page of client.listPages(resource, { namespace, metadataOnly: true, signal })) {
      for (const { metadata } of page) {
        await client.delete(resource, { ...metadata, namespace }, { propagationPolicy: 'Background', signal }).catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
      }
    }
  }
  const left: ApiObject[] = [];
  for await (const page of client.listPages(resource, { namespace, metadataOnly: true, signal })) left.push(...page);
  return left;
}

/** The longest grace that a pod of the namespace may ask for. */
async function graceOf(client: Client, namespace: string, signal: AbortSignal): Promise<number> {
  let longest = 0;
  for await (const page of client.listPages(pods, { namespace, signal })) {
    for (const { spec, status } of page as Pod[]) {
      if (status?.phase === 'Succeeded' || status?.phase === 'Failed') continue;
      longest = Math.max(longest, spec.terminationGracePeriodSeconds ?? 0);
    }
  }
  return longest;
}
