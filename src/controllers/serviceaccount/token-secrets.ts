/**
 * Secrets of type kubernetes.io/service-account-token: filled with a token, the
 * namespace and the authority while their ServiceAccount exists, deleted after.
 * The token comes from whoever holds the signing key; without one the secrets
 * are only cleaned up.
 */
import type { Secret, ServiceAccount } from '../../api/types/core-v1.ts';
import { isNotFound } from '../../client/failure.ts';
import { keyOf } from '../../client/resource.ts';
import { secrets, serviceAccounts } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { onChange, reconciler } from '../runtime/reconciler.ts';

/** Signs the token that never expires of a secret: `sub` is the account, with the secret's name as a claim. */
export type SignLegacyToken = (account: ServiceAccount, secret: Secret) => Promise<string>;

export const tokenSecretType = 'kubernetes.io/service-account-token';
const accountName = 'kubernetes.io/service-account.name';
const accountUid = 'kubernetes.io/service-account.uid';
const accountIndex = 'service-account';

export type TokenSecretDecision = { readonly action: 'none' } | { readonly action: 'delete' } | { readonly action: 'fill' };

/** `account`: the one the secret names, undefined where there is none. */
export function decideTokenSecret(secret: Secret, account: ServiceAccount | undefined, rootCa: string): TokenSecretDecision {
  const wantedUid = secret.metadata.annotations?.[accountUid];
  if (!account || (wantedUid && wantedUid !== account.metadata.uid)) return { action: 'delete' };
  const { token, namespace, 'ca.crt': ca } = secret.data ?? {};
  const complete = token && namespace && ca === base64(rootCa) && wantedUid;
  return { action: complete ? 'none' : 'fill' };
}

export function tokenSecretController(rootCa: string, signToken: SignLegacyToken | undefined): ControllerFactory {
  return (context) => {
    const { client } = context;
    const accounts = context.informers.get(serviceAccounts);
    const all = context.informers.get(secrets);
    const loop = reconciler(context, { name: 'serviceaccount-token', reconcile });
    all.addIndex(accountIndex, (secret) =>
      secret.type === tokenSecretType ? [`${secret.metadata.namespace}/${secret.metadata.annotations?.[accountName]}`] : [],
    );
    const consider = (secret: Secret) => {
      if (secret.type === tokenSecretType) loop.queue.add(keyOf(secret));
    };
    all.addHandler({ onAdd: consider, onUpdate: (_, secret) => consider(secret) });
    accounts.addHandler(
      onChange((account) => {
        for (const secret of all.byIndex(accountIndex, keyOf(account))) consider(secret);
      }),
    );
    return loop;

    async function reconcile(key: string, signal: AbortSignal): Promise<void> {
      const secret = all.get(key);
      const named = secret?.metadata.annotations?.[accountName];
      if (!secret || !named || secret.metadata.deletionTimestamp) return;
      // Ask the server before deleting: the informer of accounts may be behind that of secrets.
      const name = { namespace: secret.metadata.namespace, name: named };
      const account =
        accounts.find(name) ??
        (await client.get(serviceAccounts, name, { signal }).catch((error: unknown) => {
          if (isNotFound(error)) return undefined;
          throw error;
        }));
      const { action } = decideTokenSecret(secret, account, rootCa);
      if (action === 'delete') {
        await client.delete(secrets, secret.metadata, { preconditions: { uid: secret.metadata.uid }, signal }).catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
      } else if (action === 'fill' && account && signToken) {
        const token = secret.data?.['token'] || base64(await signToken(account, secret));
        const data = { ...secret.data, token, 'ca.crt': base64(rootCa), namespace: base64(secret.metadata.namespace ?? '') };
        const annotations = { ...secret.metadata.annotations, [accountUid]: account.metadata.uid ?? '' };
        await client.update(secrets, { ...secret, data, metadata: { ...secret.metadata, annotations } }, { signal });
      }
    }
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
