import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RecordAnswer } from './answer.ts';
import { encodeName, readName } from './name.ts';
import { parseQuery } from './query.ts';
import { Reply } from './reply.ts';
import { exchangeUdp, queryBytes, recordBytes, replyBytes, startTestDns } from './testing/dns-server.ts';

const label = fc.uint8Array({ minLength: 1, maxLength: 63 }).map((bytes) => Buffer.from(bytes));
const wireName = fc.array(label, { maxLength: 3 }).map((labels) => Buffer.concat([...labels.flatMap((one) => [Buffer.from([one.length]), one]), Buffer.alloc(1)]));

test('a name, whatever bytes are in its labels, reads and writes back to itself in lower case', () => {
  fc.assert(
    fc.property(wireName, (bytes) => {
      const read = readName(bytes, 0, false);
      assert.ok(read && read.end === bytes.length);
      const again = encodeName(read.text);
      assert.ok(again?.length === bytes.length);
      assert.deepEqual(readName(again, 0, false), read);
    }),
  );
});

test('labels with dots in them are no other name', () => {
  const trick = Buffer.from('\x0bweb.default\x03svc\x00', 'latin1');
  assert.notEqual(readName(trick, 0, false)?.text, 'web.default.svc');
});

test('pointers in circles, forward and out of the message end', () => {
  for (const bytes of [[0xc0, 0], [0xc0, 2, 0xc0, 0], [0xc0, 0xff], [0xc0], [63, 1], [0x80, 1, 0], [1, 97, 0xc0, 0]]) assert.equal(readName(Buffer.from(bytes), 0, true), undefined, String(bytes));
});

test('queries: any bytes, and any one byte changed in a good one, are read or refused', () => {
  const good = queryBytes('web.default.svc.cluster.local', 1, { udpBytes: 1232 });
  const read = (bytes: Uint8Array) => {
    const query = parseQuery(Buffer.from(bytes));
    if ('rcode' in query) return;
    const answer = new RecordAnswer({ rcode: 0, authoritative: true, answers: [{ bytes: Buffer.alloc(1600), ends: Array.from({ length: 100 }, (_, i) => (i + 1) * 16) }] });
    assert.ok(answer.encode(query, 512).length <= 512);
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), read));
  for (let at = 0; at < good.length; at++) for (const value of [0, 1, 63, 64, 0xc0, 0xff]) read(good.with(at, value));
  for (let length = 0; length < good.length; length++) read(good.subarray(0, length));
});

test('answers of others: any bytes, and any one byte changed, are read or refused, and sent on within the limit', () => {
  const query = queryBytes('a.example', 1, { udpBytes: 1232 });
  const parsed = parseQuery(query);
  assert.ok(!('rcode' in parsed));
  const good = replyBytes(query, [recordBytes(5, 60, Buffer.from('\x01b\xc0\x0e', 'latin1')), recordBytes(1, 60, Buffer.from([1, 2, 3, 4])), recordBytes(41, 0, Buffer.alloc(0), Buffer.alloc(1))]);
  const read = (bytes: Uint8Array) => {
    const reply = Reply.parse(Buffer.from(bytes));
    if (!reply) return;
    for (const limit of [60, 512]) assert.ok(reply.answer(5).encode(parsed, limit).length <= limit);
    for (const { set } of reply.records(5)) assert.ok(set.ttlSeconds >= 0);
  };
  // The question is compared before an answer is read: it stands.
  const head = query.subarray(0, 27);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes, counts) => {
    const message = Buffer.concat([head, bytes]);
    Buffer.from([counts[0]! & 3, counts[1]!]).copy(message, 6);
    read(message);
  }));
  for (let at = 27; at < good.length; at++) for (const value of [0, 1, 0xc0, 0xff]) read(good.with(at, value));
  for (let length = 0; length < good.length; length++) read(good.subarray(0, length));
});

test('the server lives through what nobody should send, and does not answer answers', async () => {
  await using dns = await startTestDns(() => {});
  const good = queryBytes('web.default.svc.cluster.local', 1);
  assert.equal(await exchangeUdp(dns.port, good.with(2, 0x80), 200), undefined);
  assert.equal(await exchangeUdp(dns.port, Buffer.from([1, 2, 3]), 50), undefined);
  assert.equal(((await exchangeUdp(dns.port, good.subarray(0, 20)))?.readUInt16BE(2) ?? 0) & 15, 1);
  assert.equal(((await exchangeUdp(dns.port, good.with(2, 0x28)))?.readUInt16BE(2) ?? 0) & 15, 4);
  assert.equal(((await exchangeUdp(dns.port, good))?.readUInt16BE(2) ?? 0) & 15, 3);
});
