import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import type { Clock } from '../../base/clock.ts';
import { encodeName } from './name.ts';
import { parseResolvConf } from './resolv-conf.ts';
import { parseUpstreamAddress } from './upstream-address.ts';
import { exchangeUdp, queryBytes, recordBytes, replyBytes, startTestDns, startUpstream } from './testing/dns-server.ts';

const a = (ttl: number, address: readonly number[]) => recordBytes(1, ttl, Buffer.from(address));
const soa = (minimum: number) => {
  const times = Buffer.alloc(20);
  times.writeUInt32BE(minimum, 16);
  return recordBytes(6, 3600, Buffer.concat([Buffer.alloc(2), times]));
};
const code = (expected: string) => (error: NodeJS.ErrnoException) => error.code === expected;

/** The machine's clock, which a test can put forward; only monotonic time moves. */
function leapingClock(): Clock & { leapMs: number } {
  const clock = { ...systemClock(), leapMs: 0 };
  return Object.assign(clock, { monotonic: () => performance.now() + clock.leapMs });
}

test('other names are asked of the upstream, and its answers kept for their time', async () => {
  const clock = leapingClock();
  await using upstream = await startUpstream((query) => replyBytes(query, [a(60, [1, 2, 3, 4])]));
  await using dns = await startTestDns(() => {}, { upstreams: [{ address: '127.0.0.1', port: upstream.port }] }, clock);
  const resolve = () => dns.resolver.resolve4('www.example.com', { ttl: true });
  assert.deepEqual(await Promise.all([resolve(), resolve()]), [[{ address: '1.2.3.4', ttl: 60 }], [{ address: '1.2.3.4', ttl: 60 }]]);
  assert.equal(upstream.asked.length, 1, 'one question is under way once');
  clock.leapMs = 20_500;
  assert.deepEqual(await resolve(), [{ address: '1.2.3.4', ttl: 40 }]);
  assert.equal(upstream.asked.length, 1);
  clock.leapMs = 61_000;
  await resolve();
  assert.equal(upstream.asked.length, 2);
});

test('denials are kept as long as their SOA says', async () => {
  const clock = leapingClock();
  await using upstream = await startUpstream((query) => replyBytes(query, [], { rcode: 3, authority: [soa(10)] }));
  await using dns = await startTestDns(() => {}, { upstreams: [{ address: '127.0.0.1', port: upstream.port }] }, clock);
  for (let i = 0; i < 2; i++) await assert.rejects(dns.resolver.resolve4('no.example.com'), code('ENOTFOUND'));
  assert.equal(upstream.asked.length, 1);
  clock.leapMs = 11_000;
  await assert.rejects(dns.resolver.resolve4('no.example.com'), code('ENOTFOUND'));
  assert.equal(upstream.asked.length, 2);
});

test('a server that fails is passed over; stub domains have their own', async () => {
  await using broken = await startUpstream((query) => replyBytes(query, [], { rcode: 2 }));
  await using good = await startUpstream((query) => replyBytes(query, [a(60, [9, 9, 9, 9])]));
  await using stub = await startUpstream((query) => replyBytes(query, [a(60, [8, 8, 8, 8])]));
  const at = ({ port }: { readonly port: number }) => ({ address: '127.0.0.1', port });
  const stubDomains = new Map([['corp.example.', [at(stub)]]]);
  // Port 1: nobody there, which the kernel says at once.
  await using dns = await startTestDns(() => {}, { upstreams: [{ address: '127.0.0.1', port: 1 }, at(broken), at(good)], stubDomains });
  assert.deepEqual(await dns.resolver.resolve4('www.example.com'), ['9.9.9.9']);
  assert.deepEqual(await dns.resolver.resolve4('git.corp.example'), ['8.8.8.8']);
  assert.deepEqual(await dns.resolver.resolve4('notcorp.example'), ['9.9.9.9']);
});

test('nobody answers: SERVFAIL; nobody to ask: refused', async () => {
  await using dns = await startTestDns(() => {}, { upstreams: [{ address: '127.0.0.1', port: 1 }] });
  await assert.rejects(dns.resolver.resolve4('www.example.com'), code('ESERVFAIL'));
  await using alone = await startTestDns(() => {});
  await assert.rejects(alone.resolver.resolve4('www.example.com'), code('EREFUSED'));
});

test('what is cut off over UDP is asked again over TCP, and cut off again for a client that takes less', async () => {
  const records = Array.from({ length: 100 }, (_, i) => a(60, [10, 0, 0, i]));
  await using upstream = await startUpstream((query, _, protocol) => (protocol === 'udp' ? replyBytes(query, [], { truncated: true }) : replyBytes(query, records)));
  await using dns = await startTestDns(() => {}, { upstreams: [{ address: '127.0.0.1', port: upstream.port }] });
  const short = await exchangeUdp(dns.port, queryBytes('many.example.com', 1));
  assert.ok(short && short.length <= 512 && short.readUInt16BE(2) & 0x0200);
  assert.equal((await dns.resolver.resolve4('many.example.com')).length, 100);
});

test('an ExternalName comes with the addresses of what it leads to', async () => {
  await using upstream = await startUpstream((query) => replyBytes(query, [recordBytes(5, 60, encodeName('edge.example.net') as Buffer), recordBytes(1, 60, Buffer.from([7, 7, 7, 7]), encodeName('edge.example.net') as Buffer)]));
  await using dns = await startTestDns(
    (api) => api.put('services', { metadata: { name: 'away', namespace: 'default' }, spec: { type: 'ExternalName', externalName: 'www.example.com' } }),
    { upstreams: [{ address: '127.0.0.1', port: upstream.port }] },
  );
  assert.deepEqual(await dns.resolver.resolve4('away.default.svc.cluster.local'), ['7.7.7.7']);
  assert.deepEqual(upstream.asked, ['www.example.com']);
});

test('answers to questions that were not asked are not believed', async () => {
  await using upstream = await startUpstream((query) => {
    const lie = replyBytes(query, [a(60, [6, 6, 6, 6])]);
    lie[13] = 0x7a;
    return lie;
  });
  await using dns = await startTestDns(() => {}, { upstreams: [{ address: '127.0.0.1', port: upstream.port }] });
  assert.equal(await exchangeUdp(dns.port, queryBytes('www.example.com', 1), 300), undefined);
});

test('a loop is found, and the server that leads into it not asked again', async () => {
  let home = 0;
  const seen: Buffer[] = [];
  // Forwards everything to the server under test, as it came.
  const relay = createSocket('udp4');
  relay.on('message', (query, { port, address }) => {
    seen.push(query);
    void exchangeUdp(home, query, 1000).then((answer) => answer && relay.send(answer, port, address));
  });
  await new Promise<void>((resolve) => relay.bind(0, '127.0.0.1', resolve));
  try {
    await using dns = await startTestDns(() => {}, { upstreams: [{ address: '127.0.0.1', port: relay.address().port }] });
    home = dns.port;
    await assert.rejects(dns.resolver.resolve4('www.example.com'));
    const before = seen.length;
    await assert.rejects(dns.resolver.resolve4('other.example.com'));
    assert.equal(seen.length, before);
  } finally {
    relay.close();
  }
});

test('the servers of a resolv.conf', () => {
  assert.deepEqual(parseResolvConf('# c\nnameserver 10.0.0.2\n  nameserver\tfd00::53 # x\nnameserver nonsense\nsearch a b\n'), [{ address: '10.0.0.2' }, { address: 'fd00::53' }]);
});

test('servers as people write them', () => {
  assert.deepEqual(['10.0.0.53', '10.0.0.53:5353', 'fd00::53', '[fd00::53]:5353'].map(parseUpstreamAddress), [{ address: '10.0.0.53' }, { address: '10.0.0.53', port: 5353 }, { address: 'fd00::53' }, { address: 'fd00::53', port: 5353 }]);
  for (const text of ['', 'ns.example', '10.0.0', '10.0.0.53:', '10.0.0.53:70000', '[10.0.0.53]:53', '[fd00::53']) assert.equal(parseUpstreamAddress(text), undefined, text);
});
