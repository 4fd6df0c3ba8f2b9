/**
 * Ownership after a write that is not an apply: who writes comes to own what
 * the write changes, and everybody else loses it; what is gone nobody owns.
 * Upstream does this before admission: what plugins and strategies add or put
 * back has no owner.
 */
import { convert } from '../../../api/conversion/convert.ts';
import type { Catalogue, ResourceInfo } from '../../../api/catalogue.ts';
import { formatGroupVersion, parseGroupVersion, type KubeObject } from '../../../api/object.ts';
import { formatTime } from '../../../base/clock.ts';
import { capUpdaters } from './cap.ts';
import { compareObjects, type Comparison } from './compare.ts';
import { structPlan } from './field-plan.ts';
import { fieldsOfNew } from './fields-text.ts';
import { difference, union, type FieldSet } from './field-set.ts';
import { ManagedFields, ManagerEntry, isSameManager, type Manager, type ManagerOperation } from './managed-fields.ts';
import { resetFieldsOf, unowned } from './reset-fields.ts';

/** By whom, and through what, an object is written. */
export interface Writer {
  /** '' where nobody said. */
  readonly manager: string;
  /** In the version of the request. */
  readonly resource: ResourceInfo;
  /** '' for the resource itself. */
  readonly subresource: string;
}

/** Two states of an object, in the version it is stored in. */
export interface Change {
  readonly stored: ResourceInfo;
  /** Undefined where the object is new. */
  readonly old: KubeObject | undefined;
  readonly object: KubeObject;
}

/** `now` is in epoch milliseconds. */
export function trackChange(catalogue: Catalogue, change: Change, managed: ManagedFields, writer: Writer, now: number): ManagedFields {
  // Of what is there already nobody has owned anything since a reset: that is not begun again until somebody applies.
  if (managed === ManagedFields.none) return change.old === undefined ? ownedByCreator(change, writer, now) : managed;
  const own = compareIn(writer.resource, change, writer.subresource);
  const manager = managerOf(writer, 'Update');
  const others = withoutLost(managed.entries, (entry) => {
    if (entry.manager.apiVersion !== manager.apiVersion) return compareInVersion(catalogue, entry.manager.apiVersion, change, writer.subresource);
    // Who writes loses only what is gone.
    return isSameManager(entry.manager, manager) ? { changed: undefined, removed: own.removed } : own;
  });
  if (own.changed === undefined) return others === managed.entries ? managed : ManagedFields.of(others);
  const time = formatTime(now);
  const before = others.findIndex((entry) => isSameManager(entry.manager, manager));
  const set = union(others[before]?.set, own.changed) as FieldSet;
  const entries = [...others];
  if (before < 0) entries.push(new ManagerEntry(manager, time, set));
  else entries[before] = (others[before] as ManagerEntry).with(set, time);
  return ManagedFields.of(capUpdaters(entries));
}

function ownedByCreator({ stored, object }: Change, writer: Writer, now: number): ManagedFields {
  const { resource, subresource } = writer;
  const made = resource === stored ? object : convert(object, stored, resource);
  const text = fieldsOfNew(made, structPlan(resource.type), ignoredFor(resetFieldsOf(resource, subresource)));
  return text === '' ? ManagedFields.none : ManagedFields.of([new ManagerEntry(managerOf(writer, 'Update'), formatTime(now), text)]);
}

export function managerOf({ manager, resource, subresource }: Writer, operation: ManagerOperation): Manager {
  return { name: manager || 'unknown', operation, apiVersion: formatGroupVersion(resource), subresource };
}

/**
 * Entries less what a change took from them; the list itself where it took
 * nothing. `comparisonFor` says what changed, in the fields of an entry's version;
 * it does not know versions that are not served, whose fields mean nothing any more.
 */
export function withoutLost(entries: readonly ManagerEntry[], comparisonFor: (entry: ManagerEntry) => Comparison | undefined): readonly ManagerEntry[] {
  let result: ManagerEntry[] | undefined;
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as ManagerEntry;
    const found = comparisonFor(entry);
    const kept = found && reduced(entry, found);
    if (kept === entry && result === undefined) continue;
    result ??= entries.slice(0, i);
    if (kept) result.push(kept);
  }
  return result ?? entries;
}

function reduced(entry: ManagerEntry, { changed, removed }: Comparison): ManagerEntry | undefined {
  const touched = (fields: FieldSet | undefined) => fields !== undefined && entry.mayHave(fields);
  if (!touched(changed) && !touched(removed)) return entry;
  const set = difference(difference(entry.set, changed), removed);
  return set && entry.with(set);
}

function compareInVersion(catalogue: Catalogue, apiVersion: string, change: Change, subresource: string): Comparison | undefined {
  const { group, version } = parseGroupVersion(apiVersion);
  const resource = catalogue.lookup(group, version, change.stored.resource);
  return resource && compareIn(resource, change, subresource);
}

/** What changed that the subresource can change, in the fields of one version. */
function compareIn(resource: ResourceInfo, { stored, old, object }: Change, subresource: string): Comparison {
  const inVersion = (one: KubeObject) => (resource === stored ? one : convert(one, stored, resource));
  const ignored = ignoredFor(resetFieldsOf(resource, subresource));
  return compareObjects(old ? inVersion(old) : {}, inVersion(object), structPlan(resource.type), ignored);
}

const ignoredSets = new Map<FieldSet | undefined, FieldSet>();

function ignoredFor(reset: FieldSet | undefined): FieldSet {
  let set = ignoredSets.get(reset);
  if (!set) ignoredSets.set(reset, (set = union(unowned, reset) as FieldSet));
  return set;
}
