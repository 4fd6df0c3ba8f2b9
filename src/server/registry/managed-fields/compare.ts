/**
 * What differs between two states of an object, as sets of fields. Equal parts
 * cost a comparison and no memory; what exists on one side only is taken whole.
 * Both sides are conformed objects of the same type.
 */
import { identicalValues } from '../equality.ts';
import { isRecord } from './configuration.ts';
import type { FieldShape, OwnedField, StructPlan } from './field-plan.ts';
import { isLeaf, isMember, leaf, recursiveDifference, self, type FieldSet } from './field-set.ts';
import { fieldsWithin, isParted, itemElement, leafText } from './fields-text.ts';

/** Undefined where there is nothing to name. */
export interface Comparison {
  /** Fields that are new or have another value. */
  readonly changed: FieldSet | undefined;
  readonly removed: FieldSet | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const same: Comparison = { changed: undefined, removed: undefined };
const modified: Comparison = { changed: leaf, removed: undefined };
const nothing: FieldSet = {};

/** `ignored` names fields that are passed over along with what is below them. */
export function compareObjects(old: Fields, now: Fields, plan: StructPlan, ignored: FieldSet = nothing): Comparison {
  return compareStructs(old, now, plan, ignored);
}

/** Gathers what differs below one field. */
class Differences {
  #changed: Record<string, FieldSet> | undefined;
  #removed: Record<string, FieldSet> | undefined;

  add(element: string, { changed, removed }: Comparison): void {
    if (changed) (this.#changed ??= {})[element] = changed;
    if (removed) (this.#removed ??= {})[element] = removed;
  }

  result(): Comparison {
    if (this.#changed === undefined && this.#removed === undefined) return same;
    return { changed: this.#changed, removed: this.#removed };
  }
}

function compareStructs(old: Fields, now: Fields, plan: StructPlan, ignored: FieldSet): Comparison {
  let differences: Differences | undefined;
  const look = (field: OwnedField): void => {
    const before = valueOf(old, field);
    const after = valueOf(now, field);
    if (before === after) return;
    const below = ignored[field.element];
    if (below !== undefined && isMember(below)) return;
    const found = compareValues(before, after, field.shape, below ?? nothing);
    if (found !== same) (differences ??= new Differences()).add(field.element, found);
  };
  for (const name in now) {
    if (now[name] === old[name]) continue;
    const field = plan.fields.get(name);
    if (field) look(field);
  }
  for (const name in old) {
    if (now[name] !== undefined) continue;
    const field = plan.fields.get(name);
    if (field) look(field);
  }
  return differences ? differences.result() : same;
}

function valueOf(struct: Fields, { name, zero }: OwnedField): unknown {
  const value = struct[name];
  return value === undefined ? zero : value;
}

function compareValues(before: unknown, after: unknown, shape: FieldShape, ignored: FieldSet): Comparison {
  if (before === undefined) return { changed: recursiveDifference(within(after, shape), ignored), removed: undefined };
  if (after === undefined) return { changed: undefined, removed: recursiveDifference(within(before, shape), ignored) };
  if (!isParted(before, shape) && !isParted(after, shape)) return identicalValues(before, after) ? same : modified;
  if (isRecord(before) && isRecord(after)) {
    if (shape.kind === 'struct') return compareStructs(before, after, shape.plan, ignored);
    if (shape.kind === 'map') return compareMaps(before, after, shape.item);
    if (shape.kind === 'free') return compareMaps(before, after, shape);
  }
  if (shape.kind === 'list') return compareLists(asList(before), asList(after), shape);
  return compareUnlike(before, after, shape);
}

/** A value of one form gives way to one of another, where a field may have either. */
function compareUnlike(before: unknown, after: unknown, shape: FieldShape): Comparison {
  const gone = within(before, shape);
  return { changed: within(after, shape), removed: isLeaf(gone) ? undefined : withoutSelf(gone) };
}

function withoutSelf(node: FieldSet): FieldSet {
  const { [self]: _, ...below } = node;
  return below;
}

function compareMaps(before: Fields, after: Fields, item: FieldShape): Comparison {
  const differences = new Differences();
  for (const key in after) if (before[key] !== after[key]) differences.add(`f:${key}`, compareValues(before[key], after[key], item, nothing));
  for (const key in before) if (after[key] === undefined) differences.add(`f:${key}`, compareValues(before[key], undefined, item, nothing));
  return differences.result();
}

function compareLists(before: readonly unknown[], after: readonly unknown[], shape: FieldShape & { kind: 'list' }): Comparison {
  if (identicalValues(before, after)) return same;
  const left = itemsByElement(before, shape);
  const right = itemsByElement(after, shape);
  const differences = new Differences();
  for (const [element, items] of right) differences.add(element, compareItems(left.get(element) ?? [], items, shape.item));
  for (const [element, items] of left) if (!right.has(element)) differences.add(element, compareItems(items, [], shape.item));
  return differences.result();
}

function within(value: unknown, shape: FieldShape): FieldSet {
  const text = fieldsWithin(value, shape);
  return text === leafText ? leaf : (JSON.parse(text) as FieldSet);
}

/** Items of one key; more than one are compared as one thing. */
function compareItems(before: readonly unknown[], after: readonly unknown[], item: FieldShape): Comparison {
  if (before.length < 2 && after.length < 2) return compareValues(before[0], after[0], item, nothing);
  if (before.length > 1 && after.length > 1) return identicalValues(before, after) ? same : modified;
  if (before.length > 1) return { changed: after.length === 0 ? undefined : within(after[0], item), removed: leaf };
  return { changed: leaf, removed: before.length === 0 ? undefined : within(before[0], item) };
}

function itemsByElement(list: readonly unknown[], shape: FieldShape & { kind: 'list' }): Map<string, unknown[]> {
  const items = new Map<string, unknown[]>();
  for (const item of list) {
    const element = itemElement(item, shape);
    if (element === undefined) continue;
    const known = items.get(element);
    if (known) known.push(item);
    else items.set(element, [item]);
  }
  return items;
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
