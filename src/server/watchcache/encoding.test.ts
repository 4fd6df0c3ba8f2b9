import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { selectableFieldsOf } from '../../api/selectors/field-labels.ts';
import type { KubeObject } from '../../api/object.ts';
import {
  encodeForStorage,
  inStorageForm,
  parseBytes,
  spliceResourceVersion,
  withResourceVersion,
} from './encoding.ts';
import { Projection } from './projection.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe('bytes of objects', () => {
  test('the head is fixed, resourceVersion is left out and put in', () => {
    const pod = {
      spec: { x: 'ü' },
      metadata: { resourceVersion: '9', name: 'p', managedFields: [{ manager: 'm' }] },
      apiVersion: 'v1',
      kind: 'Pod',
    } as unknown as KubeObject;
    const stored = encodeForStorage(pod);
    assert.equal(
      textOf(stored),
      '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","managedFields":[{"manager":"m"}]},"spec":{"x":"ü"}}',
    );
    const spliced = spliceResourceVersion(stored, 123);
    assert.equal(
      textOf(spliced),
      textOf(stored).replace('"metadata":{', '"metadata":{"resourceVersion":"123",'),
    );
    assert.equal(textOf(withResourceVersion(spliced, 99999)), textOf(spliced).replace('123', '99999'));
  });

  test('what others wrote', () => {
    assert.equal(
      textOf(spliceResourceVersion(bytesOf('{"kind":"X","apiVersion":"v1","metadata":{}}'), 5)),
      '{"kind":"X","apiVersion":"v1","metadata":{"resourceVersion":"5"}}',
    );
    const odd = bytesOf(
      '{ "metadata": { "name": "p", "resourceVersion": "1" }, "kind": "X", "apiVersion": "v1" }',
    );
    assert.equal(textOf(inStorageForm(odd)), '{"kind":"X","apiVersion":"v1","metadata":{"name":"p"}}');
    assert.equal(
      textOf(spliceResourceVersion(odd, 7)),
      '{"kind":"X","apiVersion":"v1","metadata":{"resourceVersion":"7","name":"p"}}',
    );
  });
});

describe('projection', () => {
  const fields = selectableFieldsOf('', 'pods');
  const projection = new Projection([['metadata', 'labels'], ...fields.paths]);

  test('sees what a parse sees, whatever is around it', () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    const pod = fc.record(
      {
        metadata: fc.record(
          { name: fc.string(), labels: fc.dictionary(fc.string(), fc.string()), other: value },
          { requiredKeys: [] },
        ),
        spec: fc.oneof(
          value,
          fc.record(
            { containers: value, nodeName: fc.string(), hostNetwork: fc.boolean(), 'quo"te\\': value },
            { requiredKeys: [] },
          ),
        ),
        status: fc.record(
          { phase: fc.string({ unit: 'binary' }), podIPs: value, x: value },
          { requiredKeys: [] },
        ),
        [`odd"key`]: value,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(pod, (object) => {
        const bytes = bytesOf(JSON.stringify(object));
        const [seen, parsed] = [projection.of(bytes), parseBytes(bytes)];
        assert.ok(seen);
        assert.deepEqual(seen.metadata?.labels, parsed.metadata?.labels);
        assert.deepEqual(fields.valuesOf(seen), fields.valuesOf(parsed));
      }),
      { numRuns: 500 },
    );
  });

  test('gives up on anything else', () => {
    for (const text of ['', '[]', '{ "a": 1 }', '{"a":1', '{"a" :1}', '{"a":1}x'])
      assert.equal(projection.of(bytesOf(text)), undefined, text);
  });
});
