/** Which claims pods use. */
import type { Pod } from '../../api/types/core-v1.ts';
import type { Informer } from '../../client/informer.ts';

const index = 'claim';

/** The keys of the claims that a pod uses, those of its ephemeral volumes included. */
export function claimsOf({ metadata, spec }: Pod): string[] {
  const keys: string[] = [];
  for (const { name, persistentVolumeClaim, ephemeral } of spec.volumes ?? []) {
    if (persistentVolumeClaim) keys.push(`${metadata.namespace}/${persistentVolumeClaim.claimName}`);
    else if (ephemeral) keys.push(`${metadata.namespace}/${metadata.name}-${name}`);
  }
  return keys;
}

export function indexByClaim(pods: Informer<Pod>): void {
  pods.addIndex(index, claimsOf);
}

/** After `indexByClaim`. */
export function podsWithClaim(pods: Informer<Pod>, claimKey: string): Pod[] {
  return pods.byIndex(index, claimKey);
}
