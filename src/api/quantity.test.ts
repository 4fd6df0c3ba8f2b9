import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  QuantityError, addQuantity, canonicalQuantity, compareQuantity, formatQuantity, isQuantity, milliValue, parseQuantity,
  roundUpQuantity, subQuantity, valueOf,
} from './quantity.ts';

describe('quantity', () => {
  const canonical: [string, string][] = [
    ['1000m', '1'], ['0.5', '500m'], ['1024Mi', '1Gi'], ['1', '1'], ['100m', '100m'], ['0', '0'], ['0Ki', '0'], ['-0', '0'],
    ['1Ki', '1Ki'], ['1023', '1023'], ['0.5Gi', '512Mi'], ['1.5Gi', '1536Mi'], ['2048Ki', '2Mi'], ['1000000', '1M'], ['1500k', '1500k'],
    ['1e3', '1e3'], ['1E3', '1E3'], ['1e4', '10e3'], ['100e-3', '100e-3'], ['1.1', '1100m'], ['1.500', '1.500'], ['+1Ki', '+1Ki'],
    ['0.1Ki', '102400m'], ['0.0001Ki', '102400u'], ['1n', '1n'], ['0.1n', '1n'], ['-0.1n', '-1n'], ['9Ei', '9223372036854775807'],
    ['512Ki', '512Ki'], ['1000Ki', '1000Ki'], ['10E', '10E'], ['1.2345678901', '1234567891n'],
    ['4Ti', '4Ti'], ['.5', '500m'], ['5.', '5.'], ['Ki', '0'], ['32Gi', '32Gi'], ['12Ti', '12Ti'],
  ];
  for (const [text, shown] of canonical) {
    test(`${text} is shown as ${shown}`, () => assert.equal(canonicalQuantity(text), shown));
  }

  test('bad texts name what is wrong', () => {
    const expectError = (text: string, message: RegExp) =>
      assert.throws(() => parseQuantity(text), (error) => error instanceof QuantityError && message.test(error.message));
    expectError('', /must match/);
    expectError('abc', /must match/);
    expectError('1.2.3', /must match/);
    expectError('1 Gi', /must match/);
    expectError('1ki', /suffix/);
    expectError('1Kii', /suffix/);
    expectError('1e', /suffix/);
    expectError('1e999999999', /suffix/);
    assert.equal(isQuantity('x'), false);
  });

  test('values round away from zero', () => {
    assert.equal(valueOf('1.1'), 2);
    assert.equal(valueOf('-1.1'), -2);
    assert.equal(milliValue('100u'), 1);
    assert.equal(milliValue('250m'), 250);
    assert.equal(valueOf('1Gi'), 1073741824);
    assert.equal(formatQuantity(roundUpQuantity(parseQuantity('1100u'), -3)), '2m');
  });

  test('arithmetic keeps the format', () => {
    assert.equal(formatQuantity(addQuantity(parseQuantity('1Gi'), parseQuantity('1Gi'))), '2Gi');
    assert.equal(formatQuantity(subQuantity(parseQuantity('1'), parseQuantity('250m'))), '750m');
    assert.equal(formatQuantity(addQuantity(parseQuantity('0'), parseQuantity('1Mi'))), '1Mi');
    assert.equal(compareQuantity(parseQuantity('1024'), parseQuantity('1Ki')), 0);
    assert.ok(compareQuantity(parseQuantity('1'), parseQuantity('999m')) > 0);
  });

  test('the shown form means the same amount', () => {
    const suffix = fc.constantFrom('n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'Ki', 'Mi', 'Gi', 'Ti', 'e3', 'e-2', 'E2');
    fc.assert(
      fc.property(fc.integer({ min: -1e6, max: 1e6 }), fc.nat(999), suffix, (whole, fraction, end) => {
        const read = parseQuantity(`${whole}.${fraction}${end}`);
        assert.equal(compareQuantity(parseQuantity(formatQuantity(read)), read), 0);
        assert.equal(formatQuantity(parseQuantity(formatQuantity(read))), formatQuantity(read));
      }),
    );
  });
});
