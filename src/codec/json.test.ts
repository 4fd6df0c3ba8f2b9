import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { JsonSyntaxError, findDuplicateFields, parseJson, stringifyJson } from './json.ts';

const parse = (text: string) => parseJson(Buffer.from(text));

describe('parseJson', () => {
  const wrong: [string, string][] = [
    ['', 'unexpected end of JSON input'],
    ['{', 'unexpected end of JSON input'],
    ['{"a":1', 'unexpected end of JSON input'],
    ['"abc', 'unexpected end of JSON input'],
    ['x', "invalid character 'x' looking for beginning of value"],
    ['{x', "invalid character 'x' looking for beginning of object key string"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b"}', "invalid character '\"' after object key:value pair"],
    ['[1 2]', "invalid character '2' after array element"],
    ['[1,]', "invalid character ']' looking for beginning of value"],
    ['{} x', "invalid character 'x' after top-level value"],
    ['{"a":1}{"b":2}', "invalid character '{' after top-level value"],
    ['tru', 'unexpected end of JSON input'],
    ['trux', "invalid character 'x' in literal true (expecting 'e')"],
    ['nul!', "invalid character '!' in literal null (expecting 'l')"],
    ['01', "invalid character '1' after top-level value"],
    ['-x', "invalid character 'x' in numeric literal"],
    ['1.x', "invalid character 'x' after decimal point in numeric literal"],
    ['1ex', "invalid character 'x' in exponent of numeric literal"],
    ['"a\nb"', "invalid character '\\n' in string literal"],
    ['"\\q"', "invalid character 'q' in string escape code"],
    ['"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"],
    ['\ufeff{}', "invalid character 'ï' looking for beginning of value"],
    ["{'a':1}", "invalid character '\\'' looking for beginning of object key string"],
    ['[}', "invalid character '}' looking for beginning of value"],
  ];
  for (const [text, message] of wrong) {
    test(`${JSON.stringify(text)} is ${message}`, () => {
      assert.throws(() => parse(text), (error) => error instanceof JsonSyntaxError && error.message === message);
    });
  }

  test('depth is bounded', () => {
    const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
    assert.doesNotThrow(() => parse(nested(10_000)));
    assert.throws(() => parse(nested(10_001)), /exceeded max depth/);
    assert.throws(() => parse('{"a":'.repeat(200_000)), /exceeded max depth/);
    assert.throws(() => parse('['.repeat(1000)), /unexpected end/);
  });

  test('integers stay exact up to int64', () => {
    for (const number of ['9007199254740993', '-9223372036854775808', '9223372036854775807', '12', '1234567890123456'])
      assert.equal(stringifyJson(parse(`{"a":[${number}]}`)), `{"a":[${number}]}`);
    assert.equal(stringifyJson(parse('{"a":9223372036854775808}')), '{"a":9223372036854776000}');
    assert.equal(stringifyJson(parse('{"a":0.12345678901234567890}')), '{"a":0.12345678901234568}');
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.string(), (number, pad) => {
        const text = `{${JSON.stringify(pad)}:${number}}`;
        assert.equal(stringifyJson(parse(text)), text);
      }),
    );
  });

  test('what is not Unicode becomes the replacement character', () => {
    assert.deepEqual(parse('{"a\\ud800":["\\ud800","\\ud83d\\ude00","\\u0041"]}'), { 'a\ufffd': ['\ufffd', '😀', 'A'] });
    assert.deepEqual(parseJson(Uint8Array.of(0x22, 0xff, 0x22)), '\ufffd');
  });

  test('__proto__ is a key like any other', () => {
    const value = parse('{"__proto__":{"polluted":true}}') as Record<string, unknown>;
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
    assert.deepEqual(Object.keys(value), ['__proto__']);
  });

  test('agrees with V8 on what is JSON', () => {
    fc.assert(fc.property(fc.json(), (text) => assert.deepEqual(JSON.parse(stringifyJson(parse(text))), JSON.parse(text))));
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.constantFrom('', '}', ',', '"', ':', '\\', '1', 'e'), (text, where, change) => {
        const at = where % (text.length + 1);
        const changed = text.slice(0, at) + change + text.slice(at + 1);
        let fails = false;
        try {
          JSON.parse(changed);
        } catch {
          fails = true;
        }
        if (fails) assert.throws(() => parse(changed), (error) => error instanceof JsonSyntaxError && error.message !== 'invalid JSON');
        else parse(changed);
      }),
    );
  });
});

test('findDuplicateFields', () => {
  assert.deepEqual(findDuplicateFields('{"a":1,"b":{"a":2}}'), []);
  assert.deepEqual(findDuplicateFields('{"spec":{"replicas":1,"replicas":2,"replicas":3}}'), ['spec.replicas']);
  assert.deepEqual(findDuplicateFields('{"kind":"x","spec":{"c":[{"i":1},{"i":"}\\"","\\u0069":2}]},"kind":"y"}'), ['spec.c[1].i', 'kind']);
  assert.deepEqual(findDuplicateFields('{"a":[[{"b":1,"b":2}],{"c":["d","d"]}]}'), ['a[0][0].b']);
});
