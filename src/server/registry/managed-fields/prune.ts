/**
 * What a manager has applied before and does not apply any more goes, unless
 * somebody else owns it. Upstream removes all of it first and then puts back
 * what is owned; the steps here are the same, since what is left of lists and
 * maps that become empty depends on them.
 */
import { fieldsOfConfiguration, isRecord } from './configuration.ts';
import { shapeAt, type FieldShape, type StructPlan } from './field-plan.ts';
import { difference, intersection, isLeaf, isMember, self, union, withSelf, type FieldSet } from './field-set.ts';
import { itemElement } from './fields-text.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The version-independent half: an object without `set`. Fields of which nothing is left are null. */
export function withoutFields(object: Fields, set: FieldSet | undefined, plan: StructPlan): Fields {
  if (set === undefined) return object;
  return (removeWithin(object, set, { kind: 'struct', atomic: false, plan }) ?? {}) as Fields;
}

function removeWithin(value: unknown, set: FieldSet, shape: FieldShape): unknown {
  if (shape.kind === 'scalar') return value;
  if (shape.kind !== 'free' && shape.atomic) return null;
  if (Array.isArray(value)) {
    if (shape.kind !== 'list') return null;
    const kept = value.flatMap((item) => {
      const node = set[itemElement(item, shape) ?? ''];
      if (node === undefined) return [item as unknown];
      return isMember(node) ? [] : [removeWithin(item, node, shape.item)];
    });
    return kept.length === 0 ? null : kept;
  }
  if (!isRecord(value)) return shape.kind === 'free' ? value : null;
  const kept: Record<string, unknown> = {};
  for (const [name, child] of Object.entries(value)) {
    const node = set[`f:${name}`];
    if (node === undefined) kept[name] = child;
    else if (!isMember(node)) kept[name] = removeWithin(child, node, shapeAt(shape, `f:${name}`) ?? shape);
  }
  return Object.keys(kept).length === 0 ? null : kept;
}

/** `set` with every named field that has something of it below. */
export function withNamedFields(set: FieldSet | undefined, plan: StructPlan): FieldSet | undefined {
  return set && namedWithin(set, { kind: 'struct', atomic: false, plan });
}

function namedWithin(set: FieldSet, shape: FieldShape | undefined): FieldSet {
  const result: Record<string, FieldSet> = {};
  for (const element in set) {
    const node = set[element] as FieldSet;
    if (element === self || isLeaf(node)) {
      result[element] = node;
      continue;
    }
    const name = element.startsWith('f:') ? element.slice(2) : undefined;
    const named = name !== undefined && shape?.kind === 'struct' && shape.plan.fields.has(name);
    const below = namedWithin(node, shape && shapeAt(shape, element));
    result[element] = named ? withSelf(below) : below;
  }
  return result;
}

/** Puts back what is owned by somebody. */
export function withOwned(merged: Fields, pruned: Fields, owned: FieldSet | undefined, plan: StructPlan): Fields {
  const named = (set: FieldSet | undefined) => withNamedFields(set, plan);
  const stays = union(named(fieldsOfConfiguration(pruned, plan)), named(owned));
  return withoutFields(merged, difference(named(fieldsOfConfiguration(merged, plan)), stays), plan);
}

/** Puts back what the manager has never applied: it may be gone with what was around it. */
export function withDangling(merged: Fields, pruned: Fields, last: FieldSet, plan: StructPlan): Fields {
  const named = (set: FieldSet | undefined) => withNamedFields(set, plan);
  const gone = difference(named(fieldsOfConfiguration(merged, plan)), named(fieldsOfConfiguration(pruned, plan)));
  return withoutFields(merged, intersection(gone, named(last)), plan);
}
