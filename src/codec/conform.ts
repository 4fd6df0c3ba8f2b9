/**
 * Makes a parsed body what a typed decoder would have made of it, in one walk
 * and in place: unknown fields go (and are reported), nulls and empty values
 * that mean "absent" go, quantities and times take their canonical form, what
 * is always shown is there, and a value of the wrong type is a 400 in
 * upstream's words. After it, an object has the shape its TypeScript type says.
 */
import { badRequest, type ApiError } from '../api/errors.ts';
import { QuantityError, canonicalQuantity } from '../api/quantity.ts';
import { typePlan, zeroOf, type FieldPlan, type LeafKind, type TypePlan, type ValuePlan } from './conform-plan.ts';
import { exactInteger, isExactInteger } from './json.ts';
import { TimeError, canonicalMicroTime, canonicalTime } from './time.ts';

export interface ConformOptions {
  /** For messages. */
  readonly kind: string;
  readonly version: string;
}

export interface Conformed {
  /** Paths of the fields that were not known, as upstream writes them: `spec.containers[0].foo`. */
  readonly unknown: string[];
}

/** A field, the index in a list, or the key of a map (which Go's own messages leave out). */
type Segment = FieldPlan | number | readonly [key: string];

interface Walk {
  readonly unknown: string[];
  readonly path: Segment[];
  /** Above zero, unknown fields go unreported: upstream decodes such parts on their own. */
  silent: number;
}

/** Upstream tells no more. */
const unknownMax = 100;
/** No type nests like that; only recursive ones (JSONSchemaProps) can. */
const depthMax = 1000;

class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/** Throws ApiError 400. A type that the schema does not have is left as it is. */
export function conform(object: object, typeName: string, options: ConformOptions): Conformed {
  const plan = typePlan(typeName);
  const walk: Walk = { unknown: [], path: [], silent: 0 };
  if (!plan) return walk;
  try {
    conformObject(object as Record<string, unknown>, plan, walk);
  } catch (error) {
    if (error instanceof DecodeError || error instanceof QuantityError || error instanceof TimeError)
      throw cannotBeHandled(options.kind, options.version, options.kind, error.message);
    throw error;
  }
  return walk;
}

/** The 400 of a body that names its kind but does not decode as `expected`. */
export function cannotBeHandled(kind: string, version: string, expected: string, why: string): ApiError {
  return badRequest(`${kind} in version "${version}" cannot be handled as a ${expected}: ${why}`);
}

function conformObject(object: Record<string, unknown>, plan: TypePlan, walk: Walk): void {
  if (walk.path.length > depthMax) throw new DecodeError('exceeded max depth');
  for (const key in object) {
    const field = plan.fields.get(key);
    if (field === undefined) {
      report(walk, key);
      delete object[key];
      continue;
    }
    const before = object[key];
    const after = before === null || before === undefined ? undefined : conformField(before, field, plan, walk);
    if (after === undefined || (field.dropEmpty && isEmpty(after))) delete object[key];
    else if (after !== before) object[key] = after;
  }
  for (const field of plan.always) if (object[field.name] === undefined) object[field.name] = zeroOf(field.value);
}

function conformField(value: unknown, field: FieldPlan, owner: TypePlan, walk: Walk): unknown {
  const { kind } = field.value;
  if (kind === 'string' && typeof value === 'string') return value;
  if (kind === 'any') return value;
  walk.path.push(field);
  const result = conformValue(value, field.value, owner, walk);
  walk.path.pop();
  return result;
}

function conformValue(value: unknown, plan: ValuePlan, owner: TypePlan, walk: Walk): unknown {
  switch (plan.kind) {
    case 'object': {
      if (!isObject(value)) throw wrongType(value, plan.goType, owner, walk);
      conformObject(value, typePlan(plan.typeName) as TypePlan, walk);
      return value;
    }
    case 'list':
      return conformList(value, plan, owner, walk);
    case 'map':
      return conformMap(value, plan, owner, walk);
    case 'schemaorarray':
    case 'schemaorbool':
    case 'schemaorstrings':
      return conformSchemaUnion(value, plan.kind, owner, walk);
    default:
      return conformLeaf(value, plan.kind, plan.goType, owner, walk);
  }
}

function conformList(list: unknown, plan: ValuePlan & { kind: 'list' }, owner: TypePlan, walk: Walk): unknown {
  if (!Array.isArray(list)) throw wrongType(list, plan.goType, owner, walk);
  const { item } = plan;
  const depth = walk.path.length;
  for (let index = 0; index < list.length; index++) {
    const before: unknown = list[index];
    if (item.kind === 'string' && typeof before === 'string') continue;
    walk.path[depth] = index;
    const after = before === null ? (zeroOf(item) ?? null) : conformValue(before, item, owner, walk);
    if (after !== before) list[index] = after;
  }
  walk.path.length = depth;
  return list;
}

function conformMap(map: unknown, plan: ValuePlan & { kind: 'map' }, owner: TypePlan, walk: Walk): unknown {
  if (!isObject(map)) throw wrongType(map, plan.goType, owner, walk);
  const { item } = plan;
  const depth = walk.path.length;
  for (const key in map) {
    const before = map[key];
    if (item.kind === 'string' && typeof before === 'string') continue;
    walk.path[depth] = [key];
    const after = before === null ? (zeroOf(item) ?? null) : conformValue(before, item, owner, walk);
    // The key is the map's own already: `__proto__` too is a plain property here.
    if (after !== before) map[key] = after;
  }
  walk.path.length = depth;
  return map;
}

function conformSchemaUnion(value: unknown, kind: LeafKind, owner: TypePlan, walk: Walk): unknown {
  if (kind === 'schemaorbool' && typeof value === 'boolean') return value;
  const many = Array.isArray(value);
  if (!isObject(value) && !many) throw new DecodeError(kind === 'schemaorbool' ? 'boolean or JSON schema expected' : kind === 'schemaorstrings' ? 'object or array of strings expected' : wrongType(value, 'v1.JSONSchemaProps', owner, walk).message);
  walk.silent++;
  for (const schema of many ? value : [value]) {
    if (kind === 'schemaorstrings' && many) {
      if (typeof schema !== 'string') throw wrongType(schema, 'string', owner, walk);
    } else if (isObject(schema)) conformObject(schema, typePlan(owner.typeName) as TypePlan, walk);
    else throw wrongType(schema, owner.goName, owner, walk);
  }
  walk.silent--;
  return value;
}

function conformLeaf(value: unknown, kind: LeafKind, goType: string, owner: TypePlan, walk: Walk): unknown {
  switch (kind) {
    case 'string':
      if (typeof value !== 'string') throw wrongType(value, goType, owner, walk);
      return value;
    case 'bool':
      if (typeof value !== 'boolean') throw wrongType(value, goType, owner, walk);
      return value;
    case 'int32':
      if (typeof value !== 'number' || (value | 0) !== value) throw wrongType(value, goType, owner, walk);
      return value;
    case 'int64':
      if (typeof value === 'number' ? !Number.isInteger(value) || Math.abs(value) >= 2 ** 63 : !isExactInteger(value)) throw wrongType(value, goType, owner, walk);
      return typeof value === 'number' && !Number.isSafeInteger(value) ? exactInteger(BigInt(value)) : value;
    case 'double':
      if (typeof value === 'number' ? !Number.isFinite(value) : !isExactInteger(value)) throw wrongType(value, goType, owner, walk);
      return isExactInteger(value) ? Number(value.rawJSON) : value;
    case 'bytes':
      if (typeof value !== 'string') throw wrongType(value, goType, owner, walk);
      return canonicalBase64(value);
    case 'quantity':
      return canonicalQuantity(typeof value === 'string' ? value.trim() : numberText(value));
    case 'time':
      if (typeof value !== 'string') throw wrongType(value, 'string', owner, walk);
      return canonicalTime(value);
    case 'microtime':
      if (typeof value !== 'string') throw wrongType(value, 'string', owner, walk);
      return canonicalMicroTime(value);
    case 'intorstring':
      if (typeof value !== 'string' && (typeof value !== 'number' || (value | 0) !== value)) throw wrongType(value, 'int32', owner, walk);
      return value;
    default:
      return value;
  }
}

/** What a Quantity may also be given as; anything else is no quantity, and its parser says so. */
function numberText(value: unknown): string {
  if (isExactInteger(value)) return value.rawJSON;
  return typeof value === 'number' ? String(value) : 'x';
}

/** Standard alphabet with padding; line breaks are let through, as Go does. */
function canonicalBase64(text: string): string {
  const compact = text.includes('\n') || text.includes('\r') ? text.replace(/[\r\n]/g, '') : text;
  const wrong = /[^A-Za-z0-9+/]/.exec(compact.replace(/={1,2}$/, ''));
  if (wrong) throw new DecodeError(`illegal base64 data at input byte ${wrong.index}`);
  if (compact.length % 4 !== 0) throw new DecodeError(`illegal base64 data at input byte ${compact.length - (compact.length % 4)}`);
  return compact;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isExactInteger(value);
}

function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object') return value === '' || value === 0 || value === false;
  if (Array.isArray(value)) return value.length === 0;
  return value !== null && Object.keys(value).length === 0;
}

function report(walk: Walk, key: string): void {
  if (walk.silent > 0 || walk.unknown.length >= unknownMax) return;
  walk.unknown.push(walk.path.length === 0 ? key : `${pathText(walk.path)}.${key}`);
}

function pathText(path: readonly Segment[]): string {
  let text = '';
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`;
    else text += `${text === '' ? '' : '.'}${'name' in segment ? segment.name : segment[0]}`;
  }
  return text;
}

/** A number shows its digits where an integer was wanted, as Go's does. */
function described(value: unknown, goType: string): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return goType.startsWith('int') ? `number ${value}` : 'number';
  if (isExactInteger(value)) return goType.startsWith('int') ? `number ${value.rawJSON}` : 'number';
  return typeof value;
}

function wrongType(value: unknown, goType: string, owner: TypePlan, walk: Walk): DecodeError {
  const field = walk.path.flatMap((segment) => (typeof segment === 'object' && 'goPath' in segment ? [segment.goPath] : [])).join('.');
  return new DecodeError(`json: cannot unmarshal ${described(value, goType)} into Go struct field ${owner.goName}.${field} of type ${goType}`);
}
