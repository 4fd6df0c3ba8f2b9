import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { builtInCatalogue } from '../../../api/catalogue.ts';
import { decodeUtf8 } from '../../../base/bytes.ts';
import { contentOf, jsonDocument, type Content } from './document.ts';
import { noDescriptions } from './descriptions.ts';
import { sourceV2 } from './outlines.ts';
import { protobufDocument } from './swagger-protobuf.ts';

/** The fields of a message as [number, payload]; a varint's payload is its value. */
function fieldsOf(bytes: Uint8Array): (readonly [number, Uint8Array | number])[] {
  const fields: (readonly [number, Uint8Array | number])[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      assert.ok(byte !== undefined, 'a message ends with a whole field');
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const value = varint();
    if ((tag & 7) === 0) fields.push([tag >> 3, value]);
    else {
      fields.push([tag >> 3, bytes.subarray(at, at + value)]);
      at += value;
    }
  }
  return fields;
}

function fieldOf(bytes: Uint8Array, ...path: number[]): Uint8Array {
  let inner = bytes;
  for (const number of path) {
    const found = fieldsOf(inner).find(([has]) => has === number)?.[1];
    assert.ok(found instanceof Uint8Array, `field ${number}`);
    inner = found;
  }
  return inner;
}

function contentWith(schemas: [string, Record<string, unknown>][], paths: [string, Record<string, unknown>][] = []): Content {
  return { paths: () => paths, schemas: () => schemas };
}

describe('Swagger as protobuf', () => {
  test('schemas: type, items, properties, extensions as YAML', async () => {
    const bytes = await protobufDocument(
      contentWith([['Pod', { type: 'object', properties: { names: { type: 'array', items: { $ref: '#/definitions/Name' } } }, 'x-kind': ['Pod'] }]]),
    );
    const schema = fieldOf(bytes, 9, 1, 2);
    assert.equal(decodeUtf8(fieldOf(bytes, 9, 1, 1)), 'Pod');
    assert.equal(decodeUtf8(fieldOf(schema, 22, 1)), 'object');
    assert.equal(decodeUtf8(fieldOf(schema, 25, 1, 1)), 'names');
    assert.equal(decodeUtf8(fieldOf(schema, 25, 1, 2, 23, 1, 1)), '#/definitions/Name');
    assert.deepEqual([decodeUtf8(fieldOf(schema, 31, 1)), decodeUtf8(fieldOf(schema, 31, 2, 2))], ['x-kind', '["Pod"]']);
  });

  test('parameters go where their place in the request says', async () => {
    const parameters = [
      { name: 'body', in: 'body', required: true, schema: { type: 'string' } },
      { name: 'limit', in: 'query', type: 'integer' },
      { name: 'name', in: 'path', required: true, type: 'string' },
    ];
    const item = fieldOf(await protobufDocument(contentWith([], [['/a', { parameters }]])), 8, 2, 2);
    const [body, query, path] = fieldsOf(item).map(([, value]) => value as Uint8Array) as [Uint8Array, Uint8Array, Uint8Array];
    assert.equal(decodeUtf8(fieldOf(body, 1, 1, 2)), 'body');
    assert.equal(decodeUtf8(fieldOf(query, 1, 2, 3, 4)), 'limit');
    assert.equal(decodeUtf8(fieldOf(path, 1, 2, 4, 4)), 'name');
  });

  test('a key without a field is refused, not lost', async () => {
    await assert.rejects(protobufDocument(contentWith([['Pod', { surprise: 1 }]])), /no field for surprise/);
  });

  test('the whole API: as many paths and definitions as the JSON has', async () => {
    const content = await contentOf(sourceV2(builtInCatalogue()), 'v2', noDescriptions);
    const bytes = await protobufDocument(content);
    const json = JSON.parse(decodeUtf8(await jsonDocument(content, 'v2'))) as { paths: object; definitions: object };
    assert.deepEqual(fieldsOf(bytes).map(([number]) => number), [1, 2, 8, 9, 12, 13]);
    const names = (list: number): string[] => fieldsOf(fieldOf(bytes, list)).map(([, entry]) => decodeUtf8(fieldOf(entry as Uint8Array, 1)));
    assert.deepEqual(names(8), Object.keys(json.paths));
    assert.deepEqual(names(9), Object.keys(json.definitions));
  });
});
