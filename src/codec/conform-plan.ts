/**
 * What conform() does to each field of a type, made once a type on first use
 * from the schema and the rules of emptiness of wire.json.
 */
import { isList, isMap, isRef, typeNamed, type ShapeData } from '../api/schema.ts';
import { flattened, messageOfType } from './wire.ts';

export interface FieldPlan {
  readonly name: string;
  /** With the structs that JSON flattens: `VolumeSource.configMap`. */
  readonly goPath: string;
  readonly value: ValuePlan;
  /** Empty is the same as absent, and upstream does not write it. */
  readonly dropEmpty: boolean;
}

export type ValuePlan =
  | { readonly kind: LeafKind; readonly goType: string }
  | { readonly kind: 'object'; readonly typeName: string; readonly goType: string }
  | { readonly kind: 'list'; readonly item: ValuePlan; readonly goType: string }
  | { readonly kind: 'map'; readonly item: ValuePlan; readonly goType: string };

export type LeafKind =
  | 'string'
  | 'bytes'
  | 'int32'
  | 'int64'
  | 'double'
  | 'bool'
  | 'time'
  | 'microtime'
  | 'quantity'
  | 'intorstring'
  | 'schemaorarray'
  | 'schemaorbool'
  | 'schemaorstrings'
  | 'any';

export interface TypePlan {
  readonly typeName: string;
  /** `Container`. */
  readonly goName: string;
  readonly fields: ReadonlyMap<string, FieldPlan>;
  /** Fields that upstream writes whether given or not. */
  readonly always: readonly FieldPlan[];
}

const plans = new Map<string, TypePlan>();

/** Undefined for a type that the schema does not have. */
export function typePlan(typeName: string): TypePlan | undefined {
  let plan = plans.get(typeName);
  if (!plan && typeNamed(typeName)) plans.set(typeName, (plan = makePlan(typeName)));
  return plan;
}

function makePlan(typeName: string): TypePlan {
  const fields = new Map<string, FieldPlan>();
  const always: FieldPlan[] = [];
  const wire = new Map(flattened(messageOfType(typeName)).map((field) => [field.name, field]));
  for (const [name, { shape }] of Object.entries(typeNamed(typeName)?.fields ?? {})) {
    const value = valuePlan(shape);
    const rules = wire.get(name);
    const isStruct = value.kind === 'object' || value.kind === 'any' || value.kind === 'intorstring';
    // An empty list of managers is not an absent one: it clears what is there.
    const dropEmpty = rules !== undefined && !rules.pointer && !rules.always && !isStruct && name !== 'managedFields';
    const field: FieldPlan = { name, goPath: `${rules?.goPrefix ?? ''}${name}`, value, dropEmpty };
    fields.set(name, field);
    if (rules === undefined || rules.pointer) continue;
    const struct = value.kind === 'object' && !rules.omitZero;
    const amount = value.kind === 'quantity' && !rules.omitZero;
    if (struct || amount || (rules.always && zeroOf(value) !== undefined)) always.push(field);
  }
  return { typeName, goName: goNameOf(typeName), fields, always };
}

function valuePlan(shape: ShapeData): ValuePlan {
  const goType = goTypeOf(shape);
  if (isRef(shape)) {
    // A type without fields of its own (a union that is a string or number in JSON, ...) takes what comes.
    const type = typeNamed(shape.ref);
    return type ? { kind: 'object', typeName: shape.ref, goType } : { kind: 'any', goType };
  }
  if (isList(shape)) return { kind: 'list', item: valuePlan(shape.list), goType };
  if (isMap(shape)) return { kind: 'map', item: valuePlan(shape.map), goType };
  if (shape === 'raw' || shape === 'fieldsv1' || shape === 'json') return { kind: 'any', goType };
  return { kind: shape as LeafKind, goType };
}

function goNameOf(typeName: string): string {
  return typeName.slice(typeName.lastIndexOf('.') + 1);
}

/** As Go prints it: `[]v1.Container`. */
function goTypeOf(shape: ShapeData): string {
  if (isRef(shape)) return shape.ref.split('.').slice(-2).join('.');
  if (isList(shape)) return `[]${goTypeOf(shape.list)}`;
  if (isMap(shape)) return `map[string]${goTypeOf(shape.map)}`;
  const names: Partial<Record<LeafKind, string>> = { bytes: '[]uint8', double: 'float64', quantity: 'resource.Quantity', time: 'v1.Time', microtime: 'v1.MicroTime', intorstring: 'intstr.IntOrString' };
  return names[shape as LeafKind] ?? (shape as string);
}

/** What Go has where nothing is given; undefined where JSON shows nothing (or null, which nobody wants to read). */
export function zeroOf(value: ValuePlan): unknown {
  switch (value.kind) {
    case 'string':
    case 'bytes':
      return '';
    case 'int32':
    case 'int64':
    case 'double':
    case 'intorstring':
      return 0;
    case 'bool':
      return false;
    case 'quantity':
      return '0';
    case 'list':
      return [];
    case 'map':
      return {};
    case 'object':
      return zeroObject(value.typeName);
    default:
      return undefined;
  }
}

function zeroObject(typeName: string): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const field of typePlan(typeName)?.always ?? []) object[field.name] = zeroOf(field.value);
  return object;
}
