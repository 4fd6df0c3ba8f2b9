/**
 * What happens to pods, told to the owners it concerns: who controls a pod, who
 * did until now, and who could adopt it. Expectations are told what was seen.
 */
import type { LabelSelector } from '../../api/selectors/label-selector.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { equal } from '../../base/equality.ts';
import type { Informer } from '../../client/informer.ts';
import { formatKey, keyOf } from '../../client/resource.ts';
import type { ApiObject } from '../../client/resource.ts';
import type { Expectations } from './expectations.ts';
import { controllerOf, ownerIndex } from './owner.ts';
import { isActive } from './pod-state.ts';

export const namespaceIndex = 'namespace';

export interface PodFollower<T extends ApiObject> {
  readonly kind: string;
  readonly owners: Informer<T>;
  readonly pods: Informer<Pod>;
  readonly expectations: Expectations;
  selectorOf(owner: T): LabelSelector;
  /** Something is to be done. */
  now(key: string): void;
  /** Only the status is behind. */
  soon(key: string): void;
}

/** Also gives the pods their index by owner, and the owners theirs by namespace. */
export function followPods<T extends ApiObject>({ kind, owners, pods, expectations, selectorOf, now, soon }: PodFollower<T>): void {
  owners.addIndex(namespaceIndex, ({ metadata }) => [metadata.namespace ?? '']);
  pods.addIndex(ownerIndex.name, ownerIndex.valuesOf);
  const ownerKey = (pod: Pod): string | undefined => {
    const controller = controllerOf(pod);
    if (controller?.kind !== kind) return undefined;
    const key = formatKey({ namespace: pod.metadata.namespace, name: controller.name });
    return owners.get(key)?.metadata.uid === controller.uid ? key : undefined;
  };
  const wakeAdopters = (pod: Pod): void => {
    for (const owner of owners.byIndex(namespaceIndex, pod.metadata.namespace ?? '')) {
      if (selectorOf(owner).matches(pod.metadata.labels)) now(keyOf(owner));
    }
  };
  /** An order that is complete may be followed by the next; before that only the status is behind. */
  const wakeOwner = (key: string): void => (expectations.satisfied(key) ? now(key) : soon(key));
  const gone = (pod: Pod): void => {
    const key = ownerKey(pod);
    if (key === undefined) return;
    expectations.deletionObserved(key, keyOf(pod));
    wakeOwner(key);
  };

  pods.addHandler({
    onAdd(pod) {
      if (pod.metadata.deletionTimestamp !== undefined) {
        gone(pod);
        return;
      }
      const key = ownerKey(pod);
      if (key !== undefined) {
        expectations.creationObserved(key);
        wakeOwner(key);
      } else if (!controllerOf(pod)) wakeAdopters(pod);
    },
    onUpdate(old, pod) {
      if (pod.metadata.deletionTimestamp !== undefined && old.metadata.deletionTimestamp === undefined) {
        gone(pod);
        return;
      }
      const key = ownerKey(pod);
      const before = ownerKey(old);
      if (before !== undefined && before !== key) now(before);
      if (key !== undefined) {
        if (isActive(pod) === isActive(old)) soon(key);
        else now(key);
      } else if (!controllerOf(pod) && (controllerOf(old) || !equal(old.metadata.labels, pod.metadata.labels))) wakeAdopters(pod);
    },
    onDelete: gone,
  });
}
