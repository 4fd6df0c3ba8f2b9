import type { ObjectMeta } from './types/meta-v1.ts';

export type { ObjectMeta, OwnerReference, LabelSelector, Condition } from './types/meta-v1.ts';

/** Any object of the API, parsed. The typed ones are in types/. */
export interface KubeObject {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

export interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

/** `apps/v1`, or `v1` for the core group. */
export function formatGroupVersion({ group, version }: GroupVersion): string {
  return group === '' ? version : `${group}/${version}`;
}

export function parseGroupVersion(text: string): GroupVersion {
  const slash = text.indexOf('/');
  return slash < 0 ? { group: '', version: text } : { group: text.slice(0, slash), version: text.slice(slash + 1) };
}
