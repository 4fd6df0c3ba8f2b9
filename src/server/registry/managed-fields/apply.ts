/**
 * Server-side apply: a configuration merged into an object by who owns what.
 * The one who applies comes to own what it applies, loses what it does not
 * apply any more, and meets a conflict where it would change what is another's.
 * Upstream: structured-merge-diff's Updater and the managers around it.
 */
import type { Catalogue, ResourceInfo } from '../../../api/catalogue.ts';
import { convert } from '../../../api/conversion/convert.ts';
import { badRequest } from '../../../api/errors.ts';
import { formatGroupVersion, parseGroupVersion, type KubeObject } from '../../../api/object.ts';
import { formatTime } from '../../../base/clock.ts';
import { conform } from '../../../codec/conform.ts';
import { identicalValues } from '../equality.ts';
import { compareObjects, type Comparison } from './compare.ts';
import { configurationProblem, fieldsOfConfiguration } from './configuration.ts';
import { conflictsWith, applyConflict, type Conflict } from './conflicts.ts';
import { structPlan, type StructPlan } from './field-plan.ts';
import { recursiveDifference, union, type FieldSet } from './field-set.ts';
import { conflictsBeyondLastApplied, kubectl, withLastApplied } from './last-applied.ts';
import { ManagedFields, ManagerEntry, isSameManager } from './managed-fields.ts';
import { mergeConfiguration } from './merge.ts';
import { withDangling, withNamedFields, withOwned, withoutFields } from './prune.ts';
import { resetFieldsOf, withoutUnowned } from './reset-fields.ts';
import { serverFailure } from './server-failure.ts';
import { managerOf, trackChange, withoutLost, type Writer } from './track.ts';

export interface Application {
  readonly catalogue: Catalogue;
  /** As it was parsed. */
  readonly configuration: KubeObject;
  readonly writer: Writer;
  /** Take what others own. */
  readonly force: boolean;
  /** Epoch milliseconds. */
  readonly now: number;
}

export interface Applied {
  /** In the version of the request, not decoded yet; undefined where the object stays as it is. */
  readonly object: KubeObject | undefined;
  readonly managed: ManagedFields;
}

const beforeFirstApply = 'before-first-apply';

/** `live` is in the version of the request; undefined where there is no such object yet. */
export function applyConfiguration(live: KubeObject | undefined, managed: ManagedFields, application: Application): Applied {
  const { configuration, writer, catalogue, now } = application;
  checkConfiguration(configuration, writer.resource);
  let known = managed;
  // What an object that nobody has owned holds belongs to those who wrote it before.
  if (live && managed.entries.length === 0)
    known = trackChange(catalogue, { stored: writer.resource, old: undefined, object: live }, managed, { ...writer, manager: beforeFirstApply }, now);
  const applied = new Merge(live, known, application).result();
  return writer.manager === kubectl ? withLastApplied(applied, live, configuration) : applied;
}

function checkConfiguration(configuration: KubeObject, resource: ResourceInfo): void {
  const { group, version } = parseGroupVersion(text(configuration.apiVersion));
  const kind = text(configuration.kind);
  if (group !== resource.group || version !== resource.version || kind !== resource.kind)
    throw badRequest(`invalid object type: ${group}/${version}, Kind=${kind}`);
  const managers = (configuration.metadata as { managedFields?: unknown } | undefined)?.managedFields;
  if (Array.isArray(managers)) throw badRequest('metadata.managedFields must be nil');
  const problem = configurationProblem(configuration, structPlan(resource.type));
  if (problem !== undefined) throw serverFailure(`failed to create typed patch object (${titleOf(configuration)}): ${problem}`);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** `default/web; apps/v1, Kind=Deployment`. */
export function titleOf({ apiVersion, kind, metadata }: KubeObject): string {
  const { group, version } = parseGroupVersion(text(apiVersion));
  return `${text(metadata?.namespace)}/${text(metadata?.name)}; ${group}/${version}, Kind=${text(kind)}`;
}

class Merge {
  readonly #live: KubeObject;
  readonly #application: Application;
  readonly #plan: StructPlan;
  readonly #reset: FieldSet | undefined;
  readonly #last: ManagerEntry | undefined;
  readonly #others: readonly ManagerEntry[];
  /** What is applied, but for what the subresource cannot change. */
  readonly #set: FieldSet | undefined;
  readonly #object: KubeObject;

  constructor(live: KubeObject | undefined, managed: ManagedFields, application: Application) {
    const { configuration, writer } = application;
    const manager = managerOf(writer, 'Apply');
    this.#live = live ?? ({} as KubeObject);
    this.#application = application;
    this.#plan = structPlan(writer.resource.type);
    this.#reset = resetFieldsOf(writer.resource, writer.subresource);
    this.#last = managed.find(manager);
    this.#others = managed.entries.filter((entry) => !isSameManager(entry.manager, manager));
    this.#set = recursiveDifference(fieldsOfConfiguration(configuration, this.#plan), this.#reset);
    const merged = mergeConfiguration(this.#live, configuration, this.#plan) as KubeObject;
    this.#object = this.#last ? this.#pruned(merged, this.#last) : merged;
  }

  result(): Applied {
    const { writer, force, now } = this.#application;
    const manager = managerOf(writer, 'Apply');
    const own = compareObjects(this.#live, this.#object, this.#plan, this.#reset);
    const conflicts = force ? [] : conflictsWith(this.#others, (apiVersion) => this.#comparisonAt(apiVersion, own));
    if (conflicts.length > 0) this.#refuse(conflicts);
    const changed = !identicalValues(this.#live, this.#object);
    const entries = [...withoutLost(this.#others, ({ manager: { apiVersion } }) => this.#comparisonAt(apiVersion, own))];
    const set = withoutUnowned(this.#set);
    if (set) entries.push(new ManagerEntry(manager, changed ? formatTime(now) : this.#last?.time, set));
    return { object: changed ? this.#object : undefined, managed: ManagedFields.of(entries) };
  }

  /** Conflicts over what kubectl has applied by itself before are none: it is the same hand. */
  #refuse(conflicts: readonly Conflict[]): void {
    const { writer } = this.#application;
    const serious = writer.manager === kubectl ? conflictsBeyondLastApplied(conflicts, this.#live, writer.resource) : conflicts;
    if (serious.length > 0) throw applyConflict(serious);
  }

  #comparisonAt(apiVersion: string, own: Comparison): Comparison | undefined {
    const { resource, subresource } = this.#application.writer;
    if (apiVersion === formatGroupVersion(resource)) return own;
    const other = this.#resourceAt(apiVersion);
    const live = this.#inVersion(this.#live, apiVersion);
    const object = this.#inVersion(this.#object, apiVersion);
    return other && live && object && compareObjects(live, object, structPlan(other.type), resetFieldsOf(other, subresource));
  }

  #pruned(merged: KubeObject, last: ManagerEntry): KubeObject {
    const { resource } = this.#application.writer;
    const lastVersion = last.manager.apiVersion;
    const before = this.#inVersion(merged, lastVersion);
    const lastResource = this.#resourceAt(lastVersion);
    if (!before || !lastResource) return merged;
    const plan = structPlan(lastResource.type);
    let pruned = withoutFields(before, withNamedFields(last.set, plan), plan) as KubeObject;
    for (const [apiVersion, owned] of this.#owned(lastVersion)) {
      const there = this.#resourceAt(apiVersion);
      const whole = this.#inVersion(merged, apiVersion);
      const left = this.#inVersion(pruned, apiVersion);
      if (there && whole && left) pruned = withOwned(whole, left, owned, structPlan(there.type)) as KubeObject;
    }
    const left = this.#inVersion(pruned, lastVersion) ?? pruned;
    const result = withDangling(before, left, last.set, plan) as KubeObject;
    return this.#inVersion(result, formatGroupVersion(resource)) ?? result;
  }

  /** What anybody owns from now on, by version; `first` comes first. */
  #owned(first: string): Map<string, FieldSet | undefined> {
    const own = formatGroupVersion(this.#application.writer.resource);
    const sets = new Map<string, FieldSet | undefined>([[first, undefined]]);
    sets.set(own, union(sets.get(own), this.#set));
    for (const { manager, set } of this.#others) sets.set(manager.apiVersion, union(sets.get(manager.apiVersion), set));
    return sets;
  }

  #resourceAt(apiVersion: string): ResourceInfo | undefined {
    const { writer, catalogue } = this.#application;
    const { group, version } = parseGroupVersion(apiVersion);
    if (group === writer.resource.group && version === writer.resource.version) return writer.resource;
    return catalogue.lookup(group, version, writer.resource.resource);
  }

  /** Undefined for a version that is not served. */
  #inVersion(object: KubeObject, apiVersion: string): KubeObject | undefined {
    if (object.apiVersion === apiVersion) return object;
    const from = this.#resourceAt(object.apiVersion ?? '');
    const to = this.#resourceAt(apiVersion);
    if (!from || !to) return undefined;
    const decoded = JSON.parse(JSON.stringify(object)) as KubeObject;
    conform(decoded, from.type, from);
    return convert(decoded, from, to);
  }
}
