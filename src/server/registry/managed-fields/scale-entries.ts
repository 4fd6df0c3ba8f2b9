/**
 * The scale subresource shows one field of its object as an object of another
 * kind, with managers of its own: those of the replicas.
 */
import { formatGroupVersion, parseGroupVersion, type GroupVersion } from '../../../api/object.ts';
import { difference, hasPath, leaf, type FieldSet } from './field-set.ts';
import { ManagedFields, ManagerEntry, isSameManager } from './managed-fields.ts';

/** In the object as in its scale. */
const replicas: FieldSet = { 'f:spec': { 'f:replicas': leaf } };
const replicasPath = ['f:spec', 'f:replicas'];

/** Who owns the scale of an object. */
export function scaleManagers(managed: ManagedFields, resource: GroupVersion, scale: GroupVersion): ManagedFields {
  const apiVersion = formatGroupVersion(scale);
  const owners = managed.entries.filter((entry) => isOfGroup(entry, resource) && hasPath(entry.set, replicasPath));
  return ManagedFields.of(owners.map(({ manager, time }) => new ManagerEntry({ ...manager, apiVersion }, time, replicas)));
}

/**
 * Who owns the object once its scale has been written and is owned by `scale`.
 * Whoever owned the replicas by an update owns them by an entry of its own from
 * now on, which says nothing of when: upstream loses that on the way.
 */
export function parentManagers(managed: ManagedFields, scale: ManagedFields, resource: GroupVersion): ManagedFields {
  const apiVersion = formatGroupVersion(resource);
  const owners = scale.entries.filter(({ set }) => hasPath(set, replicasPath));
  const kept = managed.entries.filter((entry) => isOfGroup(entry, resource)).flatMap((entry) => {
    if (!hasPath(entry.set, replicasPath) || scale.find(entry.manager)) return [entry];
    const set = difference(entry.set, replicas);
    return set ? [entry.with(set)] : [];
  });
  const gained = owners.filter(({ manager }) => !managed.entries.some((entry) => isSameManager(entry.manager, manager) && hasPath(entry.set, replicasPath)));
  return ManagedFields.of([...kept, ...gained.map(({ manager }) => new ManagerEntry({ ...manager, apiVersion }, undefined, replicas))]);
}

function isOfGroup({ manager }: ManagerEntry, { group }: GroupVersion): boolean {
  return parseGroupVersion(manager.apiVersion).group === group;
}
