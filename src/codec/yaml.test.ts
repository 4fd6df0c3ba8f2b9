import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../api/errors.ts';
import { parseYaml, stringifyYaml } from './yaml.ts';

test('YAML reads as the JSON it stands for', () => {
  assert.deepEqual(parseYaml('apiVersion: v1\nmetadata:\n  name: a\n  creationTimestamp: 2024-01-01T00:00:00Z\nspec: {on: yes, count: 5, s: "5", x: 1.5, e: ~}\n'), {
    apiVersion: 'v1',
    metadata: { name: 'a', creationTimestamp: '2024-01-01T00:00:00Z' },
    spec: { true: true, count: 5, s: '5', x: 1.5, e: null },
  });
  assert.deepEqual(parseYaml('a: &x {b: 1}\nc: *x\n'), { a: { b: 1 }, c: { b: 1 } });
  assert.deepEqual(parseYaml('{"a": [1, "x"]}'), { a: [1, 'x'] });
});

test('what a person would write comes back', () => {
  const object = { a: { b: ['yes', '1', 1, true, null, 'multi\nline'], 'x/y': {} } };
  assert.deepEqual(parseYaml(stringifyYaml(object)), object);
});

test('bad YAML is a 400', () => {
  for (const text of ['a: [1', 'a: b: c', 'a: 1\na: 2', '\ta: 1', '*x'])
    assert.throws(() => parseYaml(text), (error) => error instanceof ApiError && error.code === 400 && error.message.startsWith('error converting YAML to JSON: yaml: '));
});

test('an alias bomb does not go off', () => {
  const lines = ['a: &a [x,x,x,x,x,x,x,x,x]'];
  for (let letter = 'b'; letter < 'j'; letter = String.fromCharCode(letter.charCodeAt(0) + 1)) {
    const before = String.fromCharCode(letter.charCodeAt(0) - 1);
    lines.push(`${letter}: &${letter} [${Array.from({ length: 9 }, () => `*${before}`).join(',')}]`);
  }
  assert.throws(() => parseYaml(lines.join('\n')), (error) => error instanceof ApiError);
});
