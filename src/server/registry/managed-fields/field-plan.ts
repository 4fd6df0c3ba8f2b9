/**
 * The schema as ownership sees it: for each field what is owned as one thing
 * and what is owned in parts. Made once a type, on first use. The rules are
 * upstream's structured merge over the OpenAPI of the built-in types.
 */
import { isList, isMap, isRef, typeNamed, type FieldData, type ShapeData } from '../../../api/schema.ts';
import { zeroOf, typePlan } from '../../../codec/conform-plan.ts';
import { flattened, messageOfType } from '../../../codec/wire.ts';

export type Scalar = 'numeric' | 'string' | 'boolean' | 'untyped';

/** `atomic`: whoever owns anything of it owns all. */
export type FieldShape =
  | { readonly kind: 'scalar'; readonly scalar: Scalar }
  | { readonly kind: 'struct'; readonly atomic: boolean; readonly plan: StructPlan }
  | { readonly kind: 'map'; readonly atomic: boolean; readonly item: FieldShape }
  | { readonly kind: 'list'; readonly atomic: boolean; readonly item: FieldShape; readonly keys: readonly ListKey[] }
  /** Whatever JSON holds, in parts as deep as its objects go. */
  | { readonly kind: 'free'; readonly atomic: boolean };

/** A field that tells the items of a list from one another. */
export interface ListKey {
  readonly name: string;
  /** What an item without it is taken to have; undefined where it has none. */
  readonly default: string | number | undefined;
}

export interface OwnedField {
  readonly name: string;
  /** `f:name`. */
  readonly element: string;
  /** The same as JSON. */
  readonly elementText: string;
  /** Its place in sets. */
  readonly order: number;
  readonly shape: FieldShape;
  /** What upstream writes where nothing is given: null where JSON has no other word for it. Undefined: nothing. */
  readonly zero: unknown;
}

export class StructPlan {
  readonly typeName: string;
  readonly fields = new Map<string, OwnedField>();
  /** Those that are there even when not given. */
  readonly zeros: readonly OwnedField[];

  constructor(typeName: string) {
    this.typeName = typeName;
    // Known before its fields are: types refer to themselves.
    plans.set(typeName, this);
    const zeros: OwnedField[] = [];
    const zeroValues = zeroValuesOf(typeName);
    const entries = Object.entries(typeNamed(typeName)?.fields ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [order, [name, data]] of entries.entries()) {
      const field = { name, element: `f:${name}`, elementText: `"f:${name}"`, order, shape: shapeOf(data), zero: zeroValues.get(name) };
      this.fields.set(name, field);
      if (field.zero !== undefined) zeros.push(field);
    }
    this.zeros = zeros;
  }
}

const plans = new Map<string, StructPlan>();

export function structPlan(typeName: string): StructPlan {
  return plans.get(typeName) ?? new StructPlan(typeName);
}

/** What stands in a map, or in a part of free form. */
export function itemShape(shape: FieldShape): FieldShape {
  return shape.kind === 'map' ? shape.item : shape;
}

/** What stands at an element of a set; undefined where the schema has nothing there. */
export function shapeAt(shape: FieldShape, element: string): FieldShape | undefined {
  if (shape.kind === 'list') return element.startsWith('k:') ? shape.item : undefined;
  if (!element.startsWith('f:')) return undefined;
  return shape.kind === 'struct' ? shape.plan.fields.get(element.slice(2))?.shape : itemShape(shape);
}

const free: FieldShape = { kind: 'free', atomic: false };
const opaque: FieldShape = { kind: 'free', atomic: true };

function shapeOf(data: FieldData): FieldShape {
  const { shape } = data;
  if (isList(shape)) {
    const item = inner(shape.list);
    const keys = keysOf(data);
    return { kind: 'list', atomic: keys === undefined, item, keys: (keys ?? []).map((name) => ({ name, default: keyDefault(shape.list, name) })) };
  }
  const own = inner(shape);
  if (data.mapType === undefined || (own.kind !== 'map' && own.kind !== 'struct')) return own;
  return { ...own, atomic: data.mapType === 'atomic' };
}

function inner(shape: ShapeData): FieldShape {
  if (isRef(shape)) return { kind: 'struct', atomic: typeNamed(shape.ref)?.mapType === 'atomic', plan: structPlan(shape.ref) };
  if (isMap(shape)) return { kind: 'map', atomic: false, item: inner(shape.map) };
  if (isList(shape)) return { kind: 'list', atomic: true, item: inner(shape.list), keys: [] };
  switch (shape) {
    case 'int32':
    case 'int64':
    case 'double':
      return { kind: 'scalar', scalar: 'numeric' };
    case 'bool':
      return { kind: 'scalar', scalar: 'boolean' };
    case 'string':
    case 'bytes':
      return { kind: 'scalar', scalar: 'string' };
    case 'time':
    case 'microtime':
    case 'quantity':
    case 'intorstring':
      return { kind: 'scalar', scalar: 'untyped' };
    case 'raw':
      return opaque;
    default:
      return free;
  }
}

/** The names of a list's keys, none for a set; undefined for a list that is owned as one thing. */
function keysOf({ listType, listMapKeys, patchStrategy, mergeKey }: FieldData): readonly string[] | undefined {
  if (listType === 'map') return [...(listMapKeys ?? [])].sort();
  if (listType === 'set') return [];
  if (listType !== undefined || !patchStrategy?.includes('merge')) return undefined;
  return mergeKey === undefined ? [] : [mergeKey];
}

/** OpenAPI's default: zero where the field is always there, `TCP` for protocols. */
function keyDefault(item: ShapeData, name: string): string | number | undefined {
  if (!isRef(item)) return undefined;
  if (name === 'protocol') return 'TCP';
  const type = typeNamed(item.ref);
  if (!type?.required?.includes(name) && item.ref !== 'io.k8s.api.core.v1.LocalObjectReference') return undefined;
  return type?.fields[name]?.shape === 'string' ? '' : 0;
}

function zeroValuesOf(typeName: string): Map<string, unknown> {
  const zeros = new Map<string, unknown>();
  for (const { name, value } of typePlan(typeName)?.always ?? []) zeros.set(name, zeroOf(value));
  const fields = typeNamed(typeName)?.fields ?? {};
  // A time, or raw JSON, that Go holds by value is null until it is set.
  for (const { name, pointer, omitZero } of flattened(messageOfType(typeName))) {
    const shape = fields[name]?.shape;
    if (!pointer && !omitZero && (shape === 'time' || shape === 'microtime' || shape === 'raw')) zeros.set(name, null);
  }
  return zeros;
}
