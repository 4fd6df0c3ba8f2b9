/** Deletes bootstrap tokens when their time is over. */
import { bootstrapTokenExpiry, bootstrapTokenNamespace, bootstrapTokenType } from '../../api/bootstrap-tokens.ts';
import { isNotFound } from '../../client/failure.ts';
import { keyOf } from '../../client/resource.ts';
import { secrets } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { reconciler } from '../runtime/reconciler.ts';
import type { Secret } from '../../api/types/core-v1.ts';

export const tokenCleaner: ControllerFactory = (context) => {
  const { client, clock } = context;
  const all = context.informers.get(secrets);
  const loop = reconciler(context, { name: 'token-cleaner-controller', workers: 1, reconcile });
  const consider = (secret: Secret) => {
    if (secret.type === bootstrapTokenType && secret.metadata.namespace === bootstrapTokenNamespace) loop.queue.add(keyOf(secret));
  };
  all.addHandler({ onAdd: consider, onUpdate: (_, secret) => consider(secret) });
  return loop;

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const secret = all.get(key);
    const expiry = secret && bootstrapTokenExpiry(secret);
    if (!secret || expiry === undefined) return;
    const leftMs = expiry - clock.now();
    if (leftMs > 0) {
      loop.queue.addAfter(key, leftMs);
      return;
    }
    const { uid, resourceVersion } = secret.metadata;
    await client.delete(secrets, secret.metadata, { preconditions: { uid, resourceVersion }, signal }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
};
