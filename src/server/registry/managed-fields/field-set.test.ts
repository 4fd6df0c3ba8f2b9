import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { difference, hasPath, inOrder, intersection, isLeaf, isMember, pathsOf, recursiveDifference, union, type FieldSet } from './field-set.ts';
import { compareElements, pathText } from './path-element.ts';

const set = (text: string) => JSON.parse(text) as FieldSet;

/** The members of a set, a path a line: what the algebra is about. */
function members(one: FieldSet | undefined): Set<string> {
  return new Set(one ? [...pathsOf(one)].map((path) => path.join(' ')) : []);
}

const element = fc.constantFrom('f:a', 'f:b', 'f:c', 'k:{"name":"x"}', 'k:{"port":80,"protocol":"TCP"}', 'v:"y"');
const tree = fc.letrec<{ node: FieldSet }>((tie) => ({
  node: fc.oneof({ maxDepth: 3 }, fc.constant({}), fc.tuple(fc.dictionary(element, tie('node'), { maxKeys: 3 }), fc.boolean()).map(([below, self]) => (self && !isLeaf(below) ? { '.': {}, ...below } : below))),
})).node;
/** A set that is not empty: the root is not one of its own fields. */
const anySet = fc.dictionary(element, tree, { minKeys: 1, maxKeys: 4 }).map((root) => inOrder(root as FieldSet));

describe('sets of fields', () => {
  const cases: [name: string, result: FieldSet | undefined, expected: FieldSet | undefined][] = [
    ['union: a leaf gets what is below', union(set('{"f:a":{}}'), set('{"f:a":{"f:b":{}}}')), set('{"f:a":{".":{},"f:b":{}}}')],
    ['union: what is below gets the field itself', union(set('{"f:a":{"f:b":{}}}'), set('{"f:a":{}}')), set('{"f:a":{".":{},"f:b":{}}}')],
    ['difference: a field goes, what is below it stays', difference(set('{"f:a":{".":{},"f:b":{}}}'), set('{"f:a":{}}')), set('{"f:a":{"f:b":{}}}')],
    ['difference: what is below goes, the field stays', difference(set('{"f:a":{".":{},"f:b":{}}}'), set('{"f:a":{"f:b":{}}}')), set('{"f:a":{}}')],
    ['difference: a path without a member is no member', difference(set('{"f:a":{}}'), set('{"f:a":{"f:b":{}}}')), set('{"f:a":{}}')],
    ['difference: nothing is left', difference(set('{"f:a":{"f:b":{}}}'), set('{"f:a":{"f:b":{}}}')), undefined],
    ['recursive: all below goes', recursiveDifference(set('{"f:a":{"f:b":{"f:c":{}}},"f:d":{}}'), set('{"f:a":{}}')), set('{"f:d":{}}')],
    ['intersection: only members count', intersection(set('{"f:a":{"f:b":{}}}'), set('{"f:a":{}}')), undefined],
    ['intersection: of a leaf and a member with more below', intersection(set('{"f:a":{}}'), set('{"f:a":{".":{},"f:b":{}}}')), set('{"f:a":{}}')],
  ];
  for (const [name, result, expected] of cases) test(name, () => assert.deepEqual(result, expected));

  test('each is what it is to the members', () => {
    fc.assert(
      fc.property(anySet, anySet, (a, b) => {
        const left = members(a);
        const right = members(b);
        assert.deepEqual(members(union(a, b)), left.union(right));
        assert.deepEqual(members(intersection(a, b)), left.intersection(right));
        assert.deepEqual(members(difference(a, b)), left.difference(right));
        const below = (path: string) => [...right].some((one) => path === one || path.startsWith(`${one} `));
        assert.deepEqual(members(recursiveDifference(a, b)), new Set([...left].filter((path) => !below(path))));
        for (const path of left) assert.ok(hasPath(a, path.split(/ (?=[fkv]:)/)));
      }),
    );
  });

  test('a set stays itself where nothing is added or taken, and in order where something is', () => {
    fc.assert(
      fc.property(anySet, anySet, (a, b) => {
        const both = union(a, b) as FieldSet;
        assert.equal(union(both, b), both);
        assert.equal(difference(a, difference(b, a)), a);
        assert.deepEqual(JSON.stringify(both), JSON.stringify(inOrder(both)));
        const isWellFormed = (node: FieldSet): boolean => Object.entries(node).every(([key, below]) => key === '.' || (isMember(below) || !isLeaf(below)) && isWellFormed(below));
        assert.ok(isWellFormed(both));
      }),
    );
  });

  test('elements are in upstream’s order: fields, keys, values, indexes', () => {
    const ordered = ['.', 'f:a', 'f:ab', 'f:b', 'k:{"name":" "}', 'k:{"name":"a"}', 'k:{"name":"a b"}', 'k:{"name":"ab"}', 'k:{"port":80,"protocol":"TCP"}', 'k:{"port":443,"protocol":"TCP"}', 'k:{"port":443,"protocol":"UDP"}', 'k:{"uid":"x"}', 'v:9', 'v:10', 'v:"a"', 'v:"a\\"b"', 'v:"b"', 'v:true', 'i:1'];
    for (let i = 0; i < ordered.length; i++)
      for (let j = 0; j < ordered.length; j++)
        assert.equal(Math.sign(compareElements(ordered[i] as string, ordered[j] as string)), Math.sign(i - j), `${ordered[i]} and ${ordered[j]}`);
  });

  test('paths as messages show them', () => {
    assert.equal(pathText(['f:spec', 'f:containers', 'k:{"name":"a\\"b"}', 'f:image']), '.spec.containers[name="a\\"b"].image');
    assert.equal(pathText(['f:spec', 'f:ports', 'k:{"port":80,"protocol":"TCP"}']), '.spec.ports[port=80,protocol="TCP"]');
    assert.equal(pathText(['f:metadata', 'f:finalizers', 'v:"x/y"']), '.metadata.finalizers[="x/y"]');
  });
});
