/** Keeps a proof by each bootstrap token that may sign beside what the ConfigMap `cluster-info` says. */
import { bootstrapTokenExpiry, bootstrapTokenField, bootstrapTokenNamespace, bootstrapTokenType, clusterInfo, clusterInfoField, signatureField, signaturePrefix } from '../../api/bootstrap-tokens.ts';
import { signDetached } from '../../api/token-signature.ts';
import type { Secret } from '../../api/types/core-v1.ts';
import { configMaps, secrets } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { onChange, reconciler } from '../runtime/reconciler.ts';

const key = `${clusterInfo.namespace}/${clusterInfo.name}`;

/** `id.secret` of tokens that may sign, by id. */
export function signingTokens(all: Iterable<Secret>, nowMs: number): ReadonlyMap<string, string> {
  const tokens = new Map<string, string>();
  for (const secret of all) {
    if (secret.type !== bootstrapTokenType || secret.metadata.namespace !== bootstrapTokenNamespace || secret.metadata.deletionTimestamp) continue;
    const expiry = bootstrapTokenExpiry(secret);
    if (bootstrapTokenField(secret, 'usage-bootstrap-signing') !== 'true' || (expiry !== undefined && expiry <= nowMs)) continue;
    const id = bootstrapTokenField(secret, 'token-id');
    const tokenSecret = bootstrapTokenField(secret, 'token-secret');
    if (id !== '' && tokenSecret !== '') tokens.set(id, `${id}.${tokenSecret}`);
  }
  return tokens;
}

/** The ConfigMap's data with the proofs of these tokens and no others. */
export function withProofs(data: Readonly<Record<string, string>>, tokens: ReadonlyMap<string, string>): Record<string, string> {
  const content = data[clusterInfoField] ?? '';
  const rest = Object.entries(data).filter(([field]) => !field.startsWith(signaturePrefix));
  return Object.fromEntries([...rest, ...[...tokens].map(([id, token]) => [signatureField(id), signDetached(content, id, token)])]);
}

export const bootstrapSigner: ControllerFactory = (context) => {
  const maps = context.informers.get(configMaps);
  const all = context.informers.get(secrets);
  const loop = reconciler(context, { name: 'bootstrap-signer-controller', workers: 1, reconcile });
  maps.addHandler(
    onChange(({ metadata }) => {
      if (metadata.name === clusterInfo.name && metadata.namespace === clusterInfo.namespace) loop.queue.add(key);
    }),
  );
  all.addHandler(
    onChange(({ type }) => {
      if (type === bootstrapTokenType) loop.queue.add(key);
    }),
  );
  return loop;

  async function reconcile(_: string, signal: AbortSignal): Promise<void> {
    const map = maps.get(key);
    if (map?.data?.[clusterInfoField] === undefined) return;
    const data = withProofs(map.data, signingTokens(all.values(), context.clock.now()));
    const fields = Object.keys(data);
    if (fields.length === Object.keys(map.data).length && fields.every((field) => map.data?.[field] === data[field])) return;
    await context.client.update(configMaps, { ...map, data }, { signal });
  }
};
