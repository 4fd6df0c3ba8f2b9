import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { HeadEncoder } from './head-encoder.ts';
import { HeaderTable } from './header-table.ts';
import { HpackDecoder, HpackError } from './hpack-decoder.ts';
import { decodeHuffman, huffmanCodes } from './huffman.ts';

type Pair = readonly [name: string, value: string];

function decodeWith(decoder: HpackDecoder, bytes: Uint8Array): Pair[] {
  const pairs: Pair[] = [];
  decoder.decode(Buffer.from(bytes), 0, bytes.length, { field: ({ name, value }) => pairs.push([name, value]) });
  return pairs;
}

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
const decode = (text: string) => decodeWith(new HpackDecoder(), hex(text));

const codes = new Map(huffmanCodes().map((item) => [item.symbol, item]));

function huffman(bytes: Uint8Array): Buffer {
  let bits = '';
  for (const byte of bytes) {
    const { code, bits: length } = codes.get(byte)!;
    bits += code.toString(2).padStart(length, '0');
  }
  bits += '1'.repeat((8 - (bits.length % 8)) % 8);
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

describe('RFC 7541, appendix C', () => {
  test('C.2 representations', () => {
    assert.deepEqual(decode('400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572'), [['custom-key', 'custom-header']]);
    assert.deepEqual(decode('040c 2f73 616d 706c 652f 7061 7468'), [[':path', '/sample/path']]);
    assert.deepEqual(decode('1008 7061 7373 776f 7264 0673 6563 7265 74'), [['password', 'secret']]);
    assert.deepEqual(decode('82'), [[':method', 'GET']]);
  });

  const requests: Pair[][] = [
    [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], [':authority', 'www.example.com']],
    [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], [':authority', 'www.example.com'], ['cache-control', 'no-cache']],
    [[':method', 'GET'], [':scheme', 'https'], [':path', '/index.html'], [':authority', 'www.example.com'], ['custom-key', 'custom-value']],
  ];
  for (const [title, blocks] of [
    ['C.3 requests', ['8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d', '8286 84be 5808 6e6f 2d63 6163 6865', '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65']],
    ['C.4 requests in Huffman code', ['8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff', '8286 84be 5886 a8eb 1064 9cbf', '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf']],
  ] as const)
    test(title, () => {
      const decoder = new HpackDecoder();
      for (const [i, block] of blocks.entries()) assert.deepEqual(decodeWith(decoder, hex(block)), requests[i]);
    });

  const location: Pair = ['location', 'https://www.example.com'];
  const responses: Pair[][] = [
    [[':status', '302'], ['cache-control', 'private'], ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'], location],
    [[':status', '307'], ['cache-control', 'private'], ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'], location],
    [[':status', '200'], ['cache-control', 'private'], ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'], location, ['content-encoding', 'gzip'], ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1']],
  ];
  for (const [title, blocks] of [
    [
      'C.5 responses, through a table of 256 bytes',
      [
        '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '4803 3330 37c1 c0bf',
        '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
      ],
    ],
    [
      'C.6 responses in Huffman code',
      [
        '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
        '4883 640e ffc1 c0bf',
        '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
      ],
    ],
  ] as const)
    test(title, () => {
      const decoder = new HpackDecoder();
      // 256: what the appendix assumes to have been agreed.
      decodeWith(decoder, hex('3fe101'));
      for (const [i, block] of blocks.entries()) assert.deepEqual(decodeWith(decoder, hex(block)), responses[i]);
    });
});

describe('the tables', () => {
  test('an index without a field, and index 0', () => {
    for (const block of ['80', 'be', 'ff80 01', '7f80 8080 8001', '0f2f']) assert.throws(() => decode(block), HpackError, block);
    assert.deepEqual(decode('bd').length, 1);
  });

  test('the table may only be resized at the beginning of a block, and not beyond 4096', () => {
    assert.deepEqual(decode('20 3fe11f 82'), [[':method', 'GET']]);
    assert.throws(() => decode('82 20'), HpackError);
    assert.throws(() => decode('3fe21f'), HpackError);
  });

  test('a field that is larger than the table empties it', () => {
    const table = new HeaderTable(100);
    const field = (value: string) => ({ name: 'a', value, valid: true });
    table.add(field('1'));
    table.add(field('2'));
    table.add(field('3'));
    assert.equal(table.at(62)?.value, '3');
    assert.equal(table.at(63)?.value, '2');
    assert.equal(table.at(64), undefined);
    assert.equal(table.size, 68);
    table.add(field('x'.repeat(70)));
    assert.equal(table.at(62), undefined);
    assert.equal(table.size, 0);
  });

  test('it stays within its size, whatever is added', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ name: fc.string({ maxLength: 30 }), value: fc.string({ maxLength: 200 }) })), fc.nat(500), (fields, sizeMax) => {
        const table = new HeaderTable(sizeMax);
        const kept: { name: string; value: string }[] = [];
        for (const { name, value } of fields) {
          table.add({ name, value, valid: true });
          kept.unshift({ name, value });
          let size = 0;
          const most = kept.findIndex((one) => (size += one.name.length + one.value.length + 32) > sizeMax);
          if (most >= 0) kept.length = most;
          for (const [i, one] of kept.entries()) assert.equal(table.at(62 + i)?.value, one.value);
          assert.equal(table.at(62 + kept.length), undefined);
        }
      }),
    );
  });
});

describe('Huffman code', () => {
  test('whatever was encoded is decoded', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const encoded = huffman(bytes);
        assert.equal(decodeHuffman(encoded, 0, encoded.length), Buffer.from(bytes).toString('latin1'));
      }),
    );
    const long = huffman(Buffer.alloc(10_000, '0'));
    assert.equal(decodeHuffman(long, 0, long.length), '0'.repeat(10_000));
  });

  test('padding is of ones, and less than a byte; the end of string is no symbol', () => {
    const of = (...bytes: number[]) => decodeHuffman(Uint8Array.from(bytes), 0, bytes.length);
    assert.equal(of(0x1f), 'a');
    assert.equal(of(0x18), undefined);
    assert.equal(of(0x1f, 0xff), undefined);
    assert.equal(of(0xff), undefined);
    assert.equal(of(0xff, 0xff, 0xff, 0xff), undefined);
    assert.equal(of(), '');
  });
});

test('any bytes are fields, or an HpackError', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 100 })), (blocks) => {
      const decoder = new HpackDecoder();
      for (const block of blocks)
        try {
          decodeWith(decoder, block);
        } catch (error) {
          assert.ok(error instanceof HpackError);
        }
    }),
  );
});

test('names and values are checked', () => {
  const valid = (name: string, value: string) => {
    const block = Buffer.concat([Buffer.from([0x40, name.length]), Buffer.from(name, 'latin1'), Buffer.from([value.length]), Buffer.from(value, 'latin1')]);
    let answer = false;
    new HpackDecoder().decode(block, 0, block.length, { field: (field) => (answer = field.valid) });
    return answer;
  };
  assert.ok(valid('x-a_b.c', 'any thing, "at" all; é'));
  assert.ok(valid('authorization', 'Bearer '));
  for (const name of ['X-A', '', 'a b', 'a:b', 'é', '::a']) assert.ok(!valid(name, ''), name);
  for (const value of ['a\nb', 'a\rb', 'a\0b']) assert.ok(!valid('a', value), JSON.stringify(value));
});

describe('heads of answers', () => {
  const headOf = (encoder: HeadEncoder, status: number, headers: Record<string, string | string[]>, first = false) =>
    decodeWith(new HpackDecoder(), encoder.encode(status, headers, 'now', first));

  test('come out as they went in, the date behind them', () => {
    const encoder = new HeadEncoder();
    for (let round = 0; round < 3; round++)
      for (const status of [200, 201, 404, 431])
        assert.deepEqual(headOf(encoder, status, { 'Content-Type': 'application/json', 'audit-id': `a${round}`, warning: ['one', 'two'], 'x-other': String(round >> 1) }, round === 0), [
          [':status', String(status)],
          ['content-type', 'application/json'],
          ['audit-id', `a${round}`],
          ['warning', 'one'],
          ['warning', 'two'],
          ['x-other', String(round >> 1)],
          ['date', 'now'],
        ]);
  });

  test('long ones, and ones in UTF-8', () => {
    const encoder = new HeadEncoder();
    const warning = `${'é'.repeat(20_000)} ende`;
    const [, [, sent] = ['', '']] = headOf(encoder, 200, { warning });
    assert.equal(Buffer.from(sent, 'latin1').toString('utf8'), warning);
  });
});
