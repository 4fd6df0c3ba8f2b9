import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from '../../../api/errors.ts';
import { applyJsonPatch } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';
import { applyStrategicMerge } from './strategic-merge.ts';

const strategic = (document: unknown, patch: unknown) =>
  applyStrategicMerge(document, patch, 'io.k8s.api.core.v1.Pod');
const patches = [applyJsonPatch, applyMergePatch, strategic];

const name = fc.constantFrom(
  'metadata',
  'finalizers',
  'labels',
  'spec',
  'containers',
  'volumes',
  'env',
  'ports',
  'name',
  'containerPort',
  'a',
  '__proto__',
  'constructor',
  'prototype',
  '$patch',
  '$retainKeys',
  '$setElementOrder/containers',
  '$setElementOrder/finalizers',
  '$setElementOrder',
  '$deleteFromPrimitiveList/finalizers',
  '$deleteFromPrimitiveList/containers',
);
const scalar = fc.constantFrom(null, 1, 1.5, true, '', 'a', 'name', 'delete', 'replace', 'merge');
/** Made by JSON.parse, so that `__proto__` is a field, as it is in a body. */
const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'medium' }, scalar, fc.array(tie('value'), { maxLength: 4 }), tie('fields')),
  fields: fc
    .array(fc.tuple(name, tie('value')), { maxLength: 5 })
    .map(
      (entries) =>
        JSON.parse(
          `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${JSON.stringify(inner)}`).join(',')}}`,
        ) as unknown,
    ),
}));
const pointer = fc
  .array(fc.oneof(name, fc.constantFrom('0', '-1', '-', '01', '~0', '~1', '')), { maxLength: 5 })
  .map((parts) => parts.map((part) => `/${part}`).join(''));
const operation = fc.record(
  {
    op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test'),
    path: pointer,
    from: pointer,
    value,
  },
  { requiredKeys: ['op', 'path'] as const },
);

function runsSafely(
  apply: (document: unknown, patch: unknown) => unknown,
  document: unknown,
  patch: unknown,
): void {
  const before = JSON.stringify([document, patch]);
  try {
    JSON.stringify(apply(document, patch));
  } catch (error) {
    assert.ok(error instanceof ApiError, error instanceof Error ? String(error.stack) : String(error));
  }
  assert.equal(JSON.stringify([document, patch]), before, 'an input was changed');
  assert.deepEqual(Object.keys(Object.prototype), [], 'a prototype was reached');
  assert.equal(Object.getPrototypeOf({}), Object.prototype);
}

test('no patch crashes, changes its inputs or reaches a prototype', () => {
  fc.assert(
    fc.property(value, value, (document, patch) => {
      for (const apply of patches) runsSafely(apply, document, patch);
    }),
    { numRuns: 2000 },
  );
});

test('nor does any list of JSON patch operations', () => {
  fc.assert(
    fc.property(value, fc.array(operation, { maxLength: 8 }), (document, operations) =>
      runsSafely(applyJsonPatch, document, operations),
    ),
    { numRuns: 2000 },
  );
});

test('a patch may nest as deep as it likes', () => {
  for (const open of ['{"a":', '['])
    for (const depth of [900, 5000]) {
      const deep = JSON.parse(`${open.repeat(depth)}1${(open === '[' ? ']' : '}').repeat(depth)}`) as unknown;
      for (const apply of patches) runsSafely(apply, { a: { a: 1 } }, open === '[' ? { a: deep } : deep);
    }
});
