/** Classes that apply where none is named: of storage, of ingresses. */
import type { KubeObject } from './object.ts';

export const defaultStorageClassAnnotations = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];

/** The newest of the objects that are marked as the default; of two as new, the first by name. */
export function newestDefault(objects: Iterable<Pick<KubeObject, 'metadata'>>, annotations: readonly string[]): string | undefined {
  let newest: Pick<KubeObject, 'metadata'> | undefined;
  for (const object of objects) {
    const { metadata } = object;
    if (!annotations.some((annotation) => metadata.annotations?.[annotation] === 'true')) continue;
    const age = (metadata.creationTimestamp ?? '').localeCompare(newest?.metadata.creationTimestamp ?? '');
    if (!newest || age > 0 || (age === 0 && (metadata.name ?? '') < (newest.metadata.name ?? ''))) newest = object;
  }
  return newest?.metadata.name;
}
