/**
 * The bytes of a message to the object that JSON would have given: fields in
 * JSON's order, empty ones dropped or shown as upstream's structs do.
 */
import { QuantityError, canonicalQuantity } from '../api/quantity.ts';
import { isExactInteger, parseJson, type ExactInteger } from './json.ts';
import type { FieldPlan, MessagePlan } from './proto-plan.ts';
import { ProtoReader, malformed } from './proto-reader.ts';
import { formatMicroTime, formatTime } from './time.ts';

type Fields = Record<string, unknown>;

/** Only schemas nest without end. */
const depthMax = 500;
/** 0001-01-01 and 9999-12-31: what RFC 3339 can say; the first is Go's zero time. */
const secondsMin = -62_135_596_800;
const secondsMax = 253_402_300_799;

/** Decodes an enveloped object found inside another (in a RawExtension). */
export type NestedDecoder = (bytes: Uint8Array, depth: number) => unknown;

/** Up to the reader's end. `target` may hold fields already (kind, apiVersion). */
export function readMessage(reader: ProtoReader, plan: MessagePlan, nested: NestedDecoder, depth = 0, target: Fields = {}): Fields {
  if (depth > depthMax) throw malformed('exceeded max depth');
  const values: unknown[] = new Array<unknown>(plan.fields.length);
  while (!reader.done) {
    const tag = reader.uint32();
    const field = plan.byNumber[tag >>> 3];
    if (!field) {
      if (tag >>> 3 === 0) throw malformed(`${shortName(plan)}: illegal tag 0 (wire type ${tag & 7})`);
      reader.skip(tag);
    } else if (tag === field.tag) {
      values[field.index] = readField(reader, field, values[field.index], nested, depth);
    } else throw malformed(`wrong wireType = ${tag & 7} for field ${field.name}`);
  }
  return assemble(target, plan, values);
}

function shortName(plan: MessagePlan): string {
  return plan.name.slice(plan.name.lastIndexOf('.') + 1);
}

function assemble(target: Fields, plan: MessagePlan, values: readonly unknown[]): Fields {
  for (const field of plan.inOrder) {
    const value = values[field.index];
    if (field.form === 'embedded') Object.assign(target, value ?? assemble({}, field.message(), []));
    else if (value === undefined) {
      if (field.zero !== undefined) target[field.name] = zeroOf(field);
    } else if (!field.dropEmpty || (value !== '' && value !== 0 && value !== false)) target[field.name] = value;
  }
  return target;
}

function zeroOf(field: FieldPlan): unknown {
  switch (field.zero) {
    case 'list':
      return [];
    case 'map':
      return {};
    case 'message':
      return assemble({}, field.message(), []);
    default:
      return field.zero;
  }
}

function readField(reader: ProtoReader, field: FieldPlan, before: unknown, nested: NestedDecoder, depth: number): unknown {
  switch (field.form) {
    case 'list': {
      const list = (before ?? []) as unknown[];
      list.push(readValue(reader, field, nested, depth) ?? null);
      return list;
    }
    case 'map': {
      const map = (before ?? {}) as Fields;
      readEntry(reader, field, map, nested, depth);
      return map;
    }
    default:
      return readValue(reader, field, nested, depth);
  }
}

function readEntry(reader: ProtoReader, field: FieldPlan, map: Fields, nested: NestedDecoder, depth: number): void {
  const outer = reader.enter();
  let key = '';
  let value: unknown = undefined;
  while (!reader.done) {
    const tag = reader.uint32();
    if (tag === 0x0a) key = reader.string();
    else if (tag >>> 3 === 2) {
      if ((tag & 7) !== ((field.code === 'double' ? 1 : field.code === 'bool' || field.code === 'int32' || field.code === 'int64' ? 0 : 2)))
        throw malformed(`wrong wireType = ${tag & 7} for field ${field.name}`);
      value = readValue(reader, field, nested, depth);
    } else reader.skip(tag);
  }
  reader.leave(outer);
  value ??= field.code === 'string' || field.code === 'bytes' ? '' : field.code === 'message' ? assemble({}, field.message(), []) : field.code === 'quantity' ? '0' : null;
  if (key === '__proto__') Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
  else map[key] = value;
}

function readValue(reader: ProtoReader, field: FieldPlan, nested: NestedDecoder, depth: number): unknown {
  switch (field.code) {
    case 'string':
      return reader.string();
    case 'bool':
      return reader.bool();
    case 'int32':
      return reader.int32();
    case 'int64':
      return reader.int64();
    case 'double':
      return reader.double();
    case 'bytes':
      return reader.bytes().toString('base64');
    default: {
      const outer = reader.enter();
      const value = readNested(reader, field, nested, depth + 1);
      reader.leave(outer);
      return value;
    }
  }
}

/** The inside of a message. Undefined is what JSON shows as null or not at all. */
function readNested(reader: ProtoReader, field: FieldPlan, nested: NestedDecoder, depth: number): unknown {
  switch (field.code) {
    case 'message':
      return readMessage(reader, field.message(), nested, depth);
    case 'quantity':
      return quantity(readStrings(reader)[0] ?? '0');
    case 'time':
    case 'microtime':
      return readTime(reader, field.code === 'microtime');
    case 'intorstring':
      return readIntOrString(reader);
    case 'json':
      return readJson(reader, nested, depth);
    case 'items':
      return readStrings(reader);
    default:
      return readSchemaUnion(reader, field, nested, depth);
  }
}

function quantity(text: string): string {
  try {
    return canonicalQuantity(text);
  } catch (error) {
    if (error instanceof QuantityError) throw malformed(error.message);
    throw error;
  }
}

/** A message whose field 1 is a string, once or many times. */
function readStrings(reader: ProtoReader): string[] {
  const strings: string[] = [];
  while (!reader.done) {
    const tag = reader.uint32();
    if (tag === 0x0a) strings.push(reader.string());
    else reader.skip(tag);
  }
  return strings;
}

function readTime(reader: ProtoReader, micro: boolean): string | undefined {
  if (reader.done) return undefined;
  let seconds: number | ExactInteger = 0;
  let nanos = 0;
  while (!reader.done) {
    const tag = reader.uint32();
    if (tag === 0x08) seconds = reader.int64();
    else if (tag === 0x10) nanos = reader.int32();
    else reader.skip(tag);
  }
  if (isExactInteger(seconds) || seconds < secondsMin || seconds > secondsMax) throw malformed('time is out of range');
  if (nanos < 0 || nanos >= 1e9) throw malformed('time is out of range');
  if (seconds === secondsMin) return undefined;
  return micro ? formatMicroTime(seconds, nanos) : formatTime(seconds);
}

function readIntOrString(reader: ProtoReader): number | string {
  let isString = false;
  let number = 0;
  let text = '';
  while (!reader.done) {
    const tag = reader.uint32();
    if (tag === 0x08) isString = reader.int64() !== 0;
    else if (tag === 0x10) number = reader.int32();
    else if (tag === 0x1a) text = reader.string();
    else reader.skip(tag);
  }
  return isString ? text : number;
}

function readJson(reader: ProtoReader, nested: NestedDecoder, depth: number): unknown {
  let value: unknown = undefined;
  while (!reader.done) {
    const tag = reader.uint32();
    if (tag !== 0x0a) {
      reader.skip(tag);
      continue;
    }
    const bytes = reader.bytes();
    if (bytes.length === 0) continue;
    // A typed client puts the enveloped object itself here.
    value = bytes.toString('latin1', 0, 4) === 'k8s\0' ? nested(bytes, depth) : parseJson(bytes);
  }
  return value;
}

function readSchemaUnion(reader: ProtoReader, field: FieldPlan, nested: NestedDecoder, depth: number): unknown {
  const orBool = field.code === 'schemaorbool';
  let allows = false;
  let schema: unknown = undefined;
  const others: unknown[] = [];
  const readSchema = () => {
    const outer = reader.enter();
    const value = readMessage(reader, field.message(), nested, depth + 1);
    reader.leave(outer);
    return value;
  };
  while (!reader.done) {
    const tag = reader.uint32();
    if (orBool && tag === 0x08) allows = reader.bool();
    else if (tag === (orBool ? 0x12 : 0x0a)) schema = readSchema();
    else if (!orBool && tag === 0x12) others.push(field.code === 'schemaorstrings' ? reader.string() : readSchema());
    else reader.skip(tag);
  }
  if (schema !== undefined) return schema;
  return orBool ? allows : others.length > 0 ? others : undefined;
}
