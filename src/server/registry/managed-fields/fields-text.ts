/**
 * Every field of a value, as the text that FieldsV1 has for it: what becomes
 * owned with something new. Creates are the most frequent writes of large
 * objects, so no set is made on the way.
 */
import type { FieldShape, OwnedField, StructPlan } from './field-plan.ts';
import { isMember, type FieldSet } from './field-set.ts';
import { compareElements, keyElement, valueElement } from './path-element.ts';

type Fields = Readonly<Record<string, unknown>>;
type ListShape = FieldShape & { readonly kind: 'list' };

/** The text of a field that nothing is below of. */
export const leafText = '{}';
const selfText = '".":{}';

/** Of a new object: whatever is not as it is in an object that nobody has given anything. '' where nothing is. */
export function fieldsOfNew(object: Fields, plan: StructPlan, ignored: FieldSet): string {
  return structText(object, plan, ignored, true);
}

/** Of a value that was not there, which is itself one of its fields. */
export function fieldsWithin(value: unknown, shape: FieldShape): string {
  const below = isParted(value, shape) ? fieldsBelow(value, shape, false) : '';
  return below === '' ? leafText : `{${selfText},${below.slice(1)}`;
}

/** Whether a value is owned in parts: not atomic, and not empty. */
export function isParted(value: unknown, shape: FieldShape): boolean {
  if (shape.kind === 'scalar' || shape.atomic || typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return shape.kind === 'list' && value.length > 0;
  if (shape.kind === 'list') return false;
  for (const _ in value) return true;
  return false;
}

function fieldsBelow(value: unknown, shape: FieldShape, grown: boolean): string {
  if (shape.kind === 'struct') return structText(value as Fields, shape.plan, undefined, grown);
  if (shape.kind === 'list') return listText(value as readonly unknown[], shape);
  return mapText(value as Fields, shape.kind === 'map' ? shape.item : shape);
}

/** `grown`: a struct that was there before it was given anything, so that its own fields count from their zero values. */
function structText(struct: Fields, plan: StructPlan, ignored: FieldSet | undefined, grown: boolean): string {
  const present = fieldsPresent(struct, plan, grown);
  let text = '';
  for (const field of present) {
    const below = ignored?.[field.element];
    if (below !== undefined && isMember(below)) continue;
    const node = fieldText(struct[field.name], field, below, grown);
    if (node !== '') text += `${text === '' ? '{' : ','}${field.elementText}:${node}`;
  }
  return text === '' ? '' : `${text}}`;
}

/** In the order of sets. */
function fieldsPresent(struct: Fields, plan: StructPlan, grown: boolean): readonly OwnedField[] {
  const present: OwnedField[] = [];
  let last = -1;
  let ordered = true;
  for (const name in struct) {
    const field = plan.fields.get(name);
    if (field === undefined || struct[name] === undefined) continue;
    present.push(field);
    ordered &&= field.order > last;
    last = field.order;
  }
  if (!grown) {
    for (const field of plan.zeros) {
      if (struct[field.name] !== undefined) continue;
      present.push(field);
      ordered = false;
    }
  }
  return ordered ? present : present.sort((a, b) => a.order - b.order);
}

function fieldText(value: unknown, { shape, zero }: OwnedField, ignored: FieldSet | undefined, grown: boolean): string {
  if (!grown || zero === undefined) return fieldsWithin(value, shape);
  if (isParted(value, shape)) return shape.kind === 'struct' ? structText(value as Fields, shape.plan, ignored, true) : fieldsBelow(value, shape, true);
  return value === zero || isParted(zero, shape) || (isEmpty(value) && isEmpty(zero)) ? '' : leafText;
}

function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  for (const _ in value) return false;
  return true;
}

function mapText(map: Fields, item: FieldShape): string {
  let text = '';
  for (const key of Object.keys(map).sort()) text += `${text === '' ? '{' : ','}${JSON.stringify(`f:${key}`)}:${fieldsWithin(map[key], item)}`;
  return text === '' ? '' : `${text}}`;
}

function listText(list: readonly unknown[], shape: ListShape): string {
  const nodes: [element: string, node: string][] = [];
  for (const item of list) {
    const element = itemElement(item, shape);
    if (element === undefined) continue;
    const known = nodes.find((node) => node[0] === element);
    // Items of one key are one thing.
    if (known) known[1] = leafText;
    else nodes.push([element, fieldsWithin(item, shape.item)]);
  }
  if (nodes.length > 1) nodes.sort((a, b) => compareElements(a[0], b[0]));
  let text = '';
  for (const [element, node] of nodes) text += `${text === '' ? '{' : ','}${JSON.stringify(element)}:${node}`;
  return text === '' ? '' : `${text}}`;
}

/** How an item of a list that is owned in parts is named. */
export function itemElement(item: unknown, { keys }: ListShape): string | undefined {
  return keys.length === 0 ? valueElement(item) : keyElement(item, keys);
}
