/** A conformed object to the bytes of its message. Fields are written backwards: see ProtoWriter. */
import { instantOf } from './time.ts';
import { isExactInteger } from './json.ts';
import type { FieldPlan, MessagePlan } from './proto-plan.ts';
import type { ProtoWriter } from './proto-writer.ts';

type Fields = Readonly<Record<string, unknown>>;

const nothing: Fields = Object.freeze({});

export function writeMessage(writer: ProtoWriter, plan: MessagePlan, object: Fields): void {
  const { fields } = plan;
  for (let index = fields.length - 1; index >= 0; index--) writeField(writer, fields[index] as FieldPlan, object);
}

function writeField(writer: ProtoWriter, field: FieldPlan, object: Fields): void {
  if (field.form === 'embedded') {
    const mark = writer.size;
    writeMessage(writer, field.message(), object);
    writer.delimit(mark, field.tag);
    return;
  }
  const value = object[field.name];
  switch (field.form) {
    case 'single':
      if (value === undefined || value === null) {
        // Go writes what is not a pointer even when it is empty; bytes, a slice, it can leave out.
        if (!field.pointer && field.code !== 'bytes') writeValue(writer, field, undefined, field.tag);
      } else writeValue(writer, field, value, field.tag);
      return;
    case 'list': {
      const list = (value ?? []) as readonly unknown[];
      for (let index = list.length - 1; index >= 0; index--) writeValue(writer, field, list[index], field.tag);
      return;
    }
    case 'map':
      if (value) writeMap(writer, field, value as Fields);
  }
}

/** Entries in the order of their keys, as upstream: the same object is always the same bytes. */
function writeMap(writer: ProtoWriter, field: FieldPlan, map: Fields): void {
  const keys = Object.keys(map);
  if (keys.length > 1) keys.sort();
  const valueTag = (2 << 3) | (field.code === 'double' ? 1 : field.code === 'bool' || field.code === 'int32' || field.code === 'int64' ? 0 : 2);
  for (let index = keys.length - 1; index >= 0; index--) {
    const key = keys[index] as string;
    const mark = writer.size;
    writeValue(writer, field, map[key], valueTag);
    writeString(writer, key, 0x0a);
    writer.delimit(mark, field.tag);
  }
}

/** One value with its tag; undefined or null is the zero of its code. */
function writeValue(writer: ProtoWriter, field: FieldPlan, value: unknown, tag: number): void {
  switch (field.code) {
    case 'string':
      writeString(writer, (value ?? '') as string, tag);
      return;
    case 'bool':
      writer.uint32(value ? 1 : 0);
      writer.uint32(tag);
      return;
    case 'int32':
    case 'int64':
      if (isExactInteger(value)) writer.bigint(BigInt(value.rawJSON));
      else writer.int((value ?? 0) as number);
      writer.uint32(tag);
      return;
    case 'double':
      writer.double(Number(isExactInteger(value) ? value.rawJSON : (value ?? 0)));
      writer.uint32(tag);
      return;
    case 'bytes': {
      const mark = writer.size;
      writer.bytes(Buffer.from((value ?? '') as string, 'base64'));
      writer.delimit(mark, tag);
      return;
    }
    default: {
      const mark = writer.size;
      writeNested(writer, field, value);
      writer.delimit(mark, tag);
    }
  }
}

function writeString(writer: ProtoWriter, text: string, tag: number): void {
  const mark = writer.size;
  writer.string(text);
  writer.delimit(mark, tag);
}

/** The inside of a message. */
function writeNested(writer: ProtoWriter, field: FieldPlan, value: unknown): void {
  switch (field.code) {
    case 'message':
      writeMessage(writer, field.message(), (value ?? nothing) as Fields);
      return;
    case 'quantity':
      writeString(writer, (value ?? '0') as string, 0x0a);
      return;
    case 'time':
    case 'microtime':
      if (value !== undefined && value !== null) writeTime(writer, value as string, field.code === 'microtime');
      return;
    case 'intorstring':
      writeString(writer, typeof value === 'string' ? value : '', 0x1a);
      writer.int(typeof value === 'number' ? value : 0);
      writer.uint32(0x10);
      writer.uint32(typeof value === 'string' ? 1 : 0);
      writer.uint32(0x08);
      return;
    case 'json':
      if (value !== undefined) writeString(writer, JSON.stringify(value), 0x0a);
      return;
    case 'items': {
      const items = (value ?? []) as readonly string[];
      for (let index = items.length - 1; index >= 0; index--) writeString(writer, items[index] ?? '', 0x0a);
      return;
    }
    default:
      writeSchemaUnion(writer, field, value);
  }
}

function writeTime(writer: ProtoWriter, text: string, micro: boolean): void {
  const { seconds, nanos } = instantOf(text);
  writer.uint32(micro ? nanos - (nanos % 1000) : 0);
  writer.uint32(0x10);
  writer.int(seconds);
  writer.uint32(0x08);
}

/** Schema first, then the alternative; for OrBool the other way around. */
function writeSchemaUnion(writer: ProtoWriter, field: FieldPlan, value: unknown): void {
  const writeSchema = (schema: unknown, tag: number) => {
    const mark = writer.size;
    writeMessage(writer, field.message(), (schema ?? nothing) as Fields);
    writer.delimit(mark, tag);
  };
  if (field.code === 'schemaorbool') {
    const isSchema = typeof value === 'object' && value !== null;
    if (isSchema) writeSchema(value, 0x12);
    writer.uint32(isSchema || value === true ? 1 : 0);
    writer.uint32(0x08);
  } else if (Array.isArray(value)) {
    for (let index = value.length - 1; index >= 0; index--) {
      if (field.code === 'schemaorstrings') writeString(writer, value[index] as string, 0x12);
      else writeSchema(value[index], 0x12);
    }
  } else if (value !== undefined && value !== null) writeSchema(value, 0x0a);
}
