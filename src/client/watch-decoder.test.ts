import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LineSplitter, decodeWatchStream } from './watch-decoder.ts';

describe('line splitter', () => {
  test('finds the same lines however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', ''))), fc.array(fc.nat(200)), (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const splitter = new LineSplitter();
        const found: string[] = [];
        const places = [0, ...cuts.filter((cut) => cut < bytes.length).toSorted((a, b) => a - b), bytes.length];
        for (let i = 1; i < places.length; i++) found.push(...splitter.push(bytes.subarray(places[i - 1], places[i])));
        assert.deepEqual(found, lines.filter((line) => line !== ''));
      }),
    );
  });
});

describe('watch decoder', () => {
  const stream = (status: number, ...lines: unknown[]) => ({
    status,
    headers: {},
    chunks: (async function* () {
      yield Buffer.from(lines.map((line) => JSON.stringify(line)).join('\n') + '\n');
    })(),
  });

  test('an ERROR event is thrown after the events before it', async () => {
    const added = { type: 'ADDED', object: { metadata: { name: 'a' } } };
    const error = { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } };
    const seen: unknown[] = [];
    await assert.rejects(
      async () => {
        for await (const events of await decodeWatchStream(stream(200, added, error))) seen.push(...events);
      },
      { code: 410, reason: 'Expired' },
    );
    assert.deepEqual(seen, [added]);
  });

  test('a refused watch throws the Status', async () => {
    await assert.rejects(decodeWatchStream(stream(403, { kind: 'Status', code: 403, reason: 'Forbidden' })), { code: 403 });
  });
});
