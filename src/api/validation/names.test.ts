import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { goJson, goQuote } from './go-format.ts';
import { FieldPath, duplicate, invalidValue, notSupported, path, tooLong, tooMany } from './field-path.ts';
import { ipMessages, parseIp } from './ip.ts';
import { configKey, dns1035Label, dnsLabel, dnsSubdomain, envVarName, labelValue, nameIsDnsSubdomain, pathSegmentName, percent, portName, qualifiedName } from './names.ts';

describe('paths', () => {
  test('print as upstream does', () => {
    const at: FieldPath = path('spec').child('containers').index(0).child('env');
    assert.equal(String(at), 'spec.containers[0].env');
    assert.equal(String(path('metadata', 'labels').key('a/b')), 'metadata.labels[a/b]');
    assert.equal(String(path()), '[]');
  });

  test('errors carry the value as Go prints it', () => {
    const at = path('a');
    assert.equal(invalidValue(at, 'x"y', 'no').message, 'Invalid value: "x\\"y": no');
    assert.equal(invalidValue(at, 3, 'no').message, 'Invalid value: 3: no');
    assert.equal(invalidValue(at, { a: '<b>' }, 'no').message, 'Invalid value: {"a":"\\u003cb\\u003e"}: no');
    assert.equal(invalidValue(at, undefined, 'no').message, 'Invalid value: null: no');
    assert.equal(duplicate(at, 'x').message, 'Duplicate value: "x"');
    assert.equal(notSupported(at, 'x', ['A', 'B']).message, 'Unsupported value: "x": supported values: "A", "B"');
    assert.equal(tooLong(at, 1).message, 'Too long: may not be more than 1 byte');
    assert.equal(tooMany(at, 3, 2).message, 'Too many: 3: must have at most 2 items');
  });

  test('quoting keeps what prints and escapes the rest', () => {
    assert.equal(goQuote('é\t\u0001\u200b\u{1f600}'), '"é\\t\\x01\\u200b\u{1f600}"');
    assert.equal(goJson(2n ** 60n), '1152921504606846976');
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', 'ü') }), (text) => goQuote(text).startsWith('"')));
  });
});

describe('names', () => {
  const good: readonly [(text: string) => readonly string[], readonly string[]][] = [
    [dnsLabel, ['a', '1a', 'a-b']],
    [dnsSubdomain, ['a.b', 'a'.repeat(63) + '.b']],
    [dns1035Label, ['a1']],
    [qualifiedName, ['A_b.c', 'a.b/C']],
    [labelValue, ['', 'A', 'a_b.c-d']],
    [configKey, ['.a', 'A_b']],
    [envVarName, ['1 a']],
    [portName, ['http', 'a-b']],
    [percent, ['10%']],
  ];
  for (const [rule, texts] of good) test(`good: ${texts.join(' ')}`, () => texts.forEach((text) => assert.deepEqual(rule(text), [])));

  test('bad ones say why', () => {
    assert.deepEqual(dnsLabel('a.b'), ['must not contain dots']);
    assert.deepEqual(dnsLabel('a'.repeat(64)), ['must be no more than 63 characters']);
    assert.deepEqual(configKey('..a'), ["must not start with '..'"]);
    assert.deepEqual(portName('-1--'), [
      'must contain at least one letter (a-z)',
      'must not contain consecutive hyphens',
      'must not begin or end with a hyphen',
    ]);
    assert.match(qualifiedName('/a')[0]!, /^prefix part must be non-empty$/);
    assert.match(qualifiedName('a/b/c')[0]!, /^a valid label key must consist .* with an optional DNS subdomain prefix and '\/' \(e\.g\. 'example\.com\/MyName'\)$/);
    assert.deepEqual(pathSegmentName('a/b%', false), ["may not contain '/'", "may not contain '%'"]);
  });

  test('a generated name may begin with what ends in a dash', () => assert.deepEqual(nameIsDnsSubdomain('web-', true), []));
});

describe('addresses', () => {
  test('spellings', () => {
    assert.deepEqual(ipMessages('10.0.0.1'), []);
    assert.deepEqual(ipMessages('2001:DB8::0:1'), []);
    assert.deepEqual(ipMessages('::ffff:1.2.3.4'), ['must not be an IPv4-mapped IPv6 address']);
    assert.equal(parseIp('::1.2.3.4')?.value, 0x01020304n);
    assert.equal(parseIp('fe80::1')!.value >> 112n, 0xfe80n);
  });

  test('every IPv6 address is read as a number', () => {
    fc.assert(fc.property(fc.ipV6(), (text) => parseIp(text)?.bits === 128));
  });
});
