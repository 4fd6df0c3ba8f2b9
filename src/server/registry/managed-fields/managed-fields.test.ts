import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { cutManagedFields, insertManagedFields } from '../../../codec/managed-fields-text.ts';
import { capUpdaters } from './cap.ts';
import { clientEntries } from './client-entries.ts';
import { ManagedFields, ManagerEntry, type Manager } from './managed-fields.ts';

const by = (name: string, more: Partial<Manager> = {}): Manager => ({ name, operation: 'Update', apiVersion: 'v1', subresource: '', ...more });
const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString().replace('.000Z', 'Z');
const owns = (field: string) => ({ 'f:data': { [`f:${field}`]: {} } });

describe('managedFields', () => {
  test('are what they were when they have been text', () => {
    const nasty = fc.oneof(fc.string(), fc.constantFrom('}]', '}],"a', '},{"manager":', ',"fieldsV1":', '"', '\\', ',"subresource":"x"'));
    const entry = fc.record({ name: nasty, subresource: nasty, field: nasty, applies: fc.boolean(), seconds: fc.option(fc.nat(59)) });
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 4 }), nasty, (list, value) => {
        const entries = list.map(({ name, subresource, field, applies, seconds }, i) =>
          new ManagerEntry(by(`${name}${i}`, { subresource, operation: applies ? 'Apply' : 'Update' }), seconds === null ? undefined : at(seconds), owns(field)),
        );
        const managed = ManagedFields.of(entries);
        const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: value, uid: value }, data: { [value]: value } };
        for (const version of ['', '"resourceVersion":"5",']) {
          const text = insertManagedFields(JSON.stringify(object), managed.text).replace('"metadata":{', () => `"metadata":{${version}`);
          assert.deepEqual((JSON.parse(text) as { metadata: { managedFields: unknown } }).metadata.managedFields, managed.toList());
          const { rest, managedFields } = cutManagedFields(text);
          assert.equal(managedFields, managed.text);
          assert.deepEqual(JSON.parse(rest), version === '' ? object : { ...object, metadata: { resourceVersion: '5', ...object.metadata } });
        }
        const read = ManagedFields.parse(managed.text);
        assert.deepEqual(read.entries.map(({ manager, time, set }) => ({ manager, time, set })), managed.entries.map(({ manager, time, set }) => ({ manager, time, set })));
        assert.ok(read.equalsButTimes(managed));
      }),
    );
  });

  test('what is cut is only at the head of metadata', () => {
    const nested = '{"kind":"PodTemplate","apiVersion":"v1","metadata":{"name":"x"},"template":{"metadata":{"managedFields":[{"manager":"a"}],"name":"y"}}}';
    assert.deepEqual(cutManagedFields(nested), { rest: nested, managedFields: '' });
  });

  test('appliers come first, then the oldest', () => {
    const entries = [
      new ManagerEntry(by('b'), at(5), owns('1')),
      new ManagerEntry(by('z', { operation: 'Apply' }), at(9), owns('2')),
      new ManagerEntry(by('a'), at(5), owns('3')),
      new ManagerEntry(by('a', { subresource: 'status' }), at(5), owns('4')),
      new ManagerEntry(by('c'), undefined, owns('5')),
      new ManagerEntry(by('d'), at(1), owns('6')),
    ];
    assert.deepEqual(ManagedFields.of(entries).entries.map(({ manager }) => manager.name + manager.subresource), ['z', 'c', 'd', 'a', 'astatus', 'b']);
  });

  test('more than ten updaters: the oldest of a version become one', () => {
    const entries = Array.from({ length: 13 }, (_, i) => new ManagerEntry(by(`m${i}`, { apiVersion: i === 0 ? 'v2' : 'v1' }), at(i), owns(String(i))));
    entries.push(new ManagerEntry(by('applier', { operation: 'Apply' }), at(0), owns('x')));
    const capped = ManagedFields.of(capUpdaters(entries)).entries;
    assert.equal(capped.filter(({ manager }) => manager.operation === 'Update').length, 10);
    const bucket = capped.find(({ manager }) => manager.name === 'ancient-changes');
    assert.deepEqual(bucket?.manager, by('ancient-changes'));
    assert.deepEqual(bucket?.set, { 'f:data': { 'f:1': {}, 'f:2': {}, 'f:3': {}, 'f:4': {} } });
    assert.equal(bucket?.time, at(4));
    assert.ok(capped.some(({ manager }) => manager.name === 'm0'), 'the only one of its version is merged with nobody');
    assert.equal(capUpdaters(entries.slice(0, 10)).length, 10);
  });

  test('what a client sends: taken, a reset, or nothing', () => {
    const good = { manager: 'm', operation: 'Apply', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'f:b': {}, 'f:a': { 'x:new': {}, 'k:{"b": 1, "a":"x"}': {} } } };
    assert.equal(clientEntries(undefined), undefined);
    assert.equal(clientEntries([]), ManagedFields.none);
    assert.equal(clientEntries([{}]), ManagedFields.none);
    assert.equal(clientEntries([good])?.text, '[{"manager":"m","operation":"Apply","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:a":{"k:{\\"a\\":\\"x\\",\\"b\\":1}":{}},"f:b":{}}}]');
    for (const wrong of [{ operation: 'Other' }, { apiVersion: '' }, { fieldsType: '' }, { fieldsV1: { bad: {} } }, { fieldsV1: { 'v:x': {} } }, { fieldsV1: { 'i:x': {} } }, { fieldsV1: { 'f:a': 5 } }])
      assert.equal(clientEntries([{ ...good, ...wrong } as object]), undefined, JSON.stringify(wrong));
  });
});
