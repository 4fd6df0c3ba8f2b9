/** Defaults of the small types that pods, volumes and claims share. */
import { formatQuantity, parseQuantity, roundUpQuantity } from '../quantity.ts';
import type { ObjectFieldSelector, PersistentVolumeClaimSpec, ResourceFieldSelector } from '../types/core-v1.ts';

const imageReference = /^[a-z0-9._\-/:]*?[a-z0-9](?::(?<tag>[\w][\w.-]{0,127}))?(?<digest>@[A-Za-z0-9+._-]+:[0-9a-fA-F]{32,})?$/;

/** Always for `:latest` and for no tag at all; a name that cannot be read is left to validation. */
export function pullPolicyOf(image: string): 'Always' | 'IfNotPresent' {
  const found = imageReference.exec(image.includes('/') ? image.slice(image.lastIndexOf('/') + 1) : image)?.groups;
  if (!found || /[A-Z]/.test(image.slice(0, image.lastIndexOf('/') + 1).replace(/^[^/]*[.:][^/]*\//, ''))) return 'IfNotPresent';
  const tag = found['tag'] ?? (found['digest'] === undefined ? 'latest' : '');
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

export function defaultFieldRef(selector: ObjectFieldSelector | undefined): void {
  if (selector) selector.apiVersion ||= 'v1';
}

/** Zero means that the unit is chosen by the resource. */
export function defaultResourceFieldRef(selector: ResourceFieldSelector | undefined): void {
  if (selector) selector.divisor ??= '0';
}

/** Amounts are kept to a thousandth; anything finer is rounded up. */
export function roundAmounts(amounts: Record<string, string> | undefined): void {
  for (const name in amounts) {
    const text = amounts[name]!;
    if (/[nu.eE]/.test(text)) amounts[name] = formatQuantity(roundUpQuantity(parseQuantity(text), -3));
  }
}

export function defaultClaimSpec(spec: PersistentVolumeClaimSpec): void {
  spec.volumeMode ??= 'Filesystem';
  spec.resources ??= {};
  roundAmounts(spec.resources.limits);
  roundAmounts(spec.resources.requests);
}
