/**
 * Swagger 2.0 as the protobuf message openapi.v2.Document, which older clients
 * ask for. The tables below say which keys of the JSON go into which fields;
 * keys that begin with x- go into the message's extensions.
 */
import { ProtoWriter } from '../../../codec/proto-writer.ts';
import { bearerToken, info, turn, type Content } from './document.ts';
import type { Json } from './schemas.ts';

interface Kind {
  readonly wireType: 0 | 2;
  /** Writes the value without its tag, but with its length. */
  write(out: ProtoWriter, value: unknown): void;
}

interface Field {
  readonly key: string;
  readonly number: number;
  readonly kind: Kind;
  /** The value is an array or a map, each of whose elements is a field. */
  readonly many: boolean;
}

function delimited(write: (out: ProtoWriter, value: unknown) => void): Kind {
  return {
    wireType: 2,
    write(out, value) {
      const mark = out.size;
      write(out, value);
      out.uint32(out.size - mark);
    },
  };
}

function writeField(out: ProtoWriter, number: number, kind: Kind, value: unknown): void {
  kind.write(out, value);
  out.uint32((number << 3) | kind.wireType);
}

const text = delimited((out, value) => out.string(value as string));
const flag: Kind = { wireType: 0, write: (out, value) => out.uint32(value === true ? 1 : 0) };

/** A message around one field. */
function wrapped(number: number, kind: Kind): Kind {
  return delimited((out, value) => writeField(out, number, kind, value));
}

/** Any value, as YAML, of which JSON is a part. */
const any = wrapped(2, delimited((out, value) => out.string(JSON.stringify(value))));

function one(key: string, number: number, kind: Kind): Field {
  return { key, number, kind, many: false };
}

function many(key: string, number: number, kind: Kind): Field {
  return { key, number, kind, many: true };
}

function writeElements(out: ProtoWriter, number: number, kind: Kind, value: unknown): void {
  // An array's elements are fields; a map's are fields of a name and a value.
  const elements: unknown[] = Array.isArray(value) ? value : Object.entries(value as Json);
  for (let i = elements.length - 1; i >= 0; i--) writeField(out, number, kind, elements[i]);
}

/** One entry of a map: [name, value]. */
function entry(kind: Kind): Kind {
  return delimited((out, value) => {
    const [name, inner] = value as readonly [string, unknown];
    writeField(out, 2, kind, inner);
    writeField(out, 1, text, name);
  });
}

/** Keys that neither the table nor the extensions hold are a fault of the table. */
function message(fields: readonly Field[], extensions?: number): Kind {
  const byKey = new Map(fields.map((field) => [field.key, field]));
  return delimited((out, value) => {
    const keys = Object.keys(value as Json);
    for (let i = keys.length - 1; i >= 0; i--) {
      const key = keys[i] as string;
      const inner = (value as Json)[key];
      const field = byKey.get(key);
      if (field) (field.many ? writeElements : writeField)(out, field.number, field.kind, inner);
      else if (extensions !== undefined && key.startsWith('x-')) writeField(out, extensions, entry(any), [key, inner]);
      else throw new Error(`no field for ${key} in the protobuf form of Swagger`);
    }
  });
}

function oneOrMany(number: number): Kind {
  return delimited((out, value) => writeElements(out, number, text, Array.isArray(value) ? value : [value]));
}

/** Schemas hold schemas. */
const schema: Kind = { wireType: 2, write: (out, value) => schemaMessage.write(out, value) };
const schemaMessage = message(
  [
    one('$ref', 1, text),
    one('format', 2, text),
    one('description', 4, text),
    one('default', 5, any),
    many('required', 19, text),
    many('enum', 20, any),
    one('additionalProperties', 21, wrapped(1, schema)),
    one('type', 22, oneOrMany(1)),
    one('items', 23, wrapped(1, schema)),
    many('allOf', 24, schema),
    one('properties', 25, delimited((out, value) => writeElements(out, 1, entry(schema), value))),
  ],
  31,
);

const bodyParameter = message([one('description', 1, text), one('name', 2, text), one('in', 3, text), one('required', 4, flag), one('schema', 5, schema)]);
const queryParameter = message([
  one('required', 1, flag),
  one('in', 2, text),
  one('description', 3, text),
  one('name', 4, text),
  one('type', 6, text),
  one('uniqueItems', 20, flag),
]);
const pathParameter = message([
  one('required', 1, flag),
  one('in', 2, text),
  one('description', 3, text),
  one('name', 4, text),
  one('type', 5, text),
  one('uniqueItems', 19, flag),
]);

/** Where in the message a parameter goes depends on where in the request it is. */
const parameterPlaces: Readonly<Record<string, Kind>> = {
  body: wrapped(1, wrapped(1, bodyParameter)),
  query: wrapped(1, wrapped(2, wrapped(3, queryParameter))),
  path: wrapped(1, wrapped(2, wrapped(4, pathParameter))),
};
const parameter: Kind = { wireType: 2, write: (out, value) => (parameterPlaces[(value as { in: string }).in] as Kind).write(out, value) };

const response = message([one('description', 1, text), one('schema', 2, wrapped(1, schema))]);

const operation = message(
  [
    many('tags', 1, text),
    one('description', 3, text),
    one('operationId', 5, text),
    many('produces', 6, text),
    many('consumes', 7, text),
    many('parameters', 8, parameter),
    one('responses', 9, delimited((out, value) => writeElements(out, 1, entry(wrapped(1, response)), value))),
    many('schemes', 10, text),
  ],
  13,
);

const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch'].map((method, i) => one(method, i + 2, operation));
const pathItem = message([...methods, many('parameters', 9, parameter)]);

const infoMessage = message([one('title', 1, text), one('version', 2, text)]);
const apiKey = message([one('type', 1, text), one('name', 2, text), one('in', 3, text), one('description', 4, text)]);
const securityDefinitions = delimited((out, value) => writeElements(out, 1, entry(wrapped(2, apiKey)), value));
const securityRequirement = delimited((out, value) => writeElements(out, 1, entry(delimited((inner, names) => writeElements(inner, 1, text, names))), value));

const entriesPerTurn = 16;

/** The elements of one long list, and the field around them. */
async function listField(number: number, elementNumber: number, kind: Kind, entries: Iterable<readonly [string, Json]>): Promise<Uint8Array[]> {
  const out = new ProtoWriter();
  const chunks: Uint8Array[] = [];
  const element = entry(kind);
  let size = 0;
  for (const value of entries) {
    writeField(out, elementNumber, element, value);
    const bytes = out.take();
    size += bytes.length;
    if (chunks.push(bytes) % entriesPerTurn === 0) await turn();
  }
  out.uint32(size);
  out.uint32((number << 3) | 2);
  return [out.take(), ...chunks];
}

function field(number: number, kind: Kind, value: unknown): Uint8Array {
  const out = new ProtoWriter();
  writeField(out, number, kind, value);
  return out.take();
}

export async function protobufDocument(content: Content): Promise<Uint8Array> {
  const paths = await listField(8, 2, pathItem, content.paths());
  const definitions = await listField(9, 1, schema, content.schemas());
  return Buffer.concat([
    field(1, text, '2.0'),
    field(2, infoMessage, info),
    ...paths,
    ...definitions,
    field(12, securityRequirement, { BearerToken: [] }),
    field(13, securityDefinitions, bearerToken),
  ]);
}
