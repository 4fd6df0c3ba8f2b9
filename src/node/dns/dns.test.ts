import assert from 'node:assert/strict';
import type { promises } from 'node:dns';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import { apiError } from '../../api/errors.ts';
import { systemClock } from '../../base/clock.ts';
import type { FakeApi } from '../../client/testing/fake-api.ts';
import { settle } from '../../client/testing/manual-clock.ts';
import { exchangeUdp, queryBytes, startTestDns } from './testing/dns-server.ts';

type Resolver = promises.Resolver;

const service = (name: string, spec: Partial<Service['spec']>): Service => ({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec: spec as Service['spec'] });

const slice = (of: string, endpoints: EndpointSlice['endpoints'], ports: EndpointSlice['ports'] = [{ name: 'http', port: 8080, protocol: 'TCP' }]): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: `${of}-abc`, namespace: 'default', labels: { 'kubernetes.io/service-name': of } },
  addressType: 'IPv4',
  endpoints,
  ports,
});

const filled = (api: FakeApi) => {
  api.put('services', service('web', { clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7', 'fd00::7'], ports: [{ name: 'http', port: 80, protocol: 'TCP' }, { port: 81 }] }));
  api.put('services', service('db', { clusterIP: 'None', ports: [{ name: 'http', port: 80, protocol: 'TCP' }] }));
  api.put('discovery.k8s.io/endpointslices', slice('db', [
    { addresses: ['10.244.0.5'], hostname: 'db-0', conditions: { ready: true } },
    { addresses: ['10.244.0.6'], conditions: {} },
    { addresses: ['10.244.0.9'], hostname: 'db-9', conditions: { ready: false } },
  ]));
  api.put('services', service('alias', { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' }));
  api.put('services', service('away', { type: 'ExternalName', externalName: 'Example.COM' }));
  api.put('services', service('circle', { type: 'ExternalName', externalName: 'circle.default.svc.cluster.local' }));
};

const zone = 'default.svc.cluster.local';
const srv = async (resolver: Resolver, name: string) => (await resolver.resolveSrv(name)).map(({ name: target, port, weight }) => [target, port, weight]).toSorted();
const code = (expected: string) => (error: NodeJS.ErrnoException) => error.code === expected;

test('a Service with a cluster IP: addresses of both families, SRV of named ports, reverse names', async () => {
  await using dns = await startTestDns(filled);
  const { resolver } = dns;
  assert.deepEqual(await resolver.resolve4(`web.${zone}`), ['10.96.0.7']);
  assert.deepEqual(await resolver.resolve6(`web.${zone}`), ['fd00::7']);
  assert.deepEqual(await srv(resolver, `_http._tcp.web.${zone}`), [[`web.${zone}`, 80, 100]]);
  assert.deepEqual(await srv(resolver, `web.${zone}`), [[`web.${zone}`, 80, 50], [`web.${zone}`, 81, 50]]);
  assert.deepEqual(await resolver.reverse('10.96.0.7'), [`web.${zone}`]);
  assert.deepEqual(await resolver.reverse('fd00::7'), [`web.${zone}`]);
  assert.deepEqual(await resolver.resolveTxt('dns-version.cluster.local'), [['1.1.0']]);
});

test('a headless Service: its ready endpoints, each with a name, a port and a reverse name', async () => {
  await using dns = await startTestDns(filled);
  const { resolver } = dns;
  assert.deepEqual((await resolver.resolve4(`db.${zone}`)).toSorted(), ['10.244.0.5', '10.244.0.6']);
  assert.deepEqual(await resolver.resolve4(`db-0.db.${zone}`), ['10.244.0.5']);
  assert.deepEqual(await resolver.resolve4(`10-244-0-6.db.${zone}`), ['10.244.0.6']);
  await assert.rejects(resolver.resolve4(`db-9.db.${zone}`), code('ENOTFOUND'));
  assert.deepEqual(await srv(resolver, `_http._tcp.db.${zone}`), [[`10-244-0-6.db.${zone}`, 8080, 50], [`db-0.db.${zone}`, 8080, 50]]);
  assert.deepEqual(await resolver.reverse('10.244.0.5'), [`db-0.db.${zone}`]);
  await assert.rejects(resolver.resolvePtr('9.0.244.10.in-addr.arpa'), code('EREFUSED'), 'not ours, and nobody to ask');
});

test('each answer begins with another address', async () => {
  await using dns = await startTestDns(filled);
  const first = new Set<string | undefined>();
  for (let i = 0; i < 2; i++) first.add((await dns.resolver.resolve4(`db.${zone}`))[0]);
  assert.equal(first.size, 2);
});

test('ExternalName is an alias, followed within the zone, and no circle', async () => {
  await using dns = await startTestDns(filled);
  const { resolver } = dns;
  assert.deepEqual(await resolver.resolveCname(`away.${zone}`), ['example.com']);
  assert.deepEqual(await resolver.resolve4(`alias.${zone}`), ['10.96.0.7']);
  await assert.rejects(resolver.resolve4(`circle.${zone}`), code('ESERVFAIL'));
});

test('pods by address, in namespaces that there are', async () => {
  await using dns = await startTestDns(filled);
  const { resolver } = dns;
  assert.deepEqual(await resolver.resolve4('10-244-1-2.default.pod.cluster.local'), ['10.244.1.2']);
  assert.deepEqual(await resolver.resolve6('fd00--2.default.pod.cluster.local'), ['fd00::2']);
  await assert.rejects(resolver.resolve6('10-244-1-2.default.pod.cluster.local'), code('ENODATA'));
  await assert.rejects(resolver.resolve4('10-244-1-2.nowhere.pod.cluster.local'), code('ENOTFOUND'));
  await assert.rejects(resolver.resolve4('10-244-1-256.default.pod.cluster.local'), code('ENOTFOUND'));
});

test('a name without the records asked for is not a name that does not exist', async () => {
  await using dns = await startTestDns(filled);
  const { resolver, port } = dns;
  await assert.rejects(resolver.resolve6(`db.${zone}`), code('ENODATA'));
  for (const name of [zone, `_tcp.web.${zone}`, 'svc.cluster.local', 'kube-system.svc.cluster.local', 'cluster.local']) await assert.rejects(resolver.resolve4(name), code('ENODATA'), name);
  for (const name of [`no.${zone}`, `x.web.${zone}`, 'web.nowhere.svc.cluster.local', 'kubernetes.cluster.local']) await assert.rejects(resolver.resolve4(name), code('ENOTFOUND'), name);
  const denial = await exchangeUdp(port, queryBytes(`no.${zone}`, 1));
  assert.equal(denial?.readUInt16BE(8), 1, 'the SOA says how long');
  assert.equal((await resolver.resolveSoa('cluster.local')).nsname, 'kube-dns.kube-system.svc.cluster.local');
});

test('follows the API', async () => {
  await using dns = await startTestDns(filled);
  const { api, resolver } = dns;
  const change = async (act: () => void) => {
    act();
    await settle();
  };
  await change(() => api.put('services', service('late', { clusterIP: '10.96.0.8', ports: [{ port: 1 }] })));
  assert.deepEqual(await resolver.resolve4(`late.${zone}`), ['10.96.0.8']);
  await change(() => api.put('services', { ...api.get<Service>('services', 'default', 'late'), spec: { type: 'ExternalName', externalName: 'there.example.org' } }));
  assert.deepEqual(await resolver.resolveCname(`late.${zone}`), ['there.example.org']);
  await assert.rejects(resolver.resolvePtr('8.0.96.10.in-addr.arpa'), code('EREFUSED'));
  await change(() => api.remove('services', 'default', 'late'));
  await assert.rejects(resolver.resolve4(`late.${zone}`), code('ENOTFOUND'));
  await change(() => api.put('discovery.k8s.io/endpointslices', slice('db', [{ addresses: ['10.244.0.9'], hostname: 'db-9', conditions: { ready: true } }])));
  assert.deepEqual(await resolver.resolve4(`db.${zone}`), ['10.244.0.9']);
  await assert.rejects(resolver.resolve4(`db-0.db.${zone}`), code('ENOTFOUND'));
  await change(() => api.put('discovery.k8s.io/endpointslices', slice('db', [{ addresses: ['10.244.0.9'], conditions: { ready: false } }])));
  await assert.rejects(resolver.resolve4(`db.${zone}`), code('ENOTFOUND'), 'nobody is ready');
});

test('what is too long for UDP says so and comes whole over TCP', async () => {
  const endpoints = Array.from({ length: 100 }, (_, i) => ({ addresses: [`10.244.1.${i}`], conditions: { ready: true } }));
  await using dns = await startTestDns((api) => {
    filled(api);
    api.put('discovery.k8s.io/endpointslices', slice('db', endpoints));
  });
  const plain = await exchangeUdp(dns.port, queryBytes(`db.${zone}`, 1));
  assert.ok(plain && plain.length <= 512 && plain.readUInt16BE(2) & 0x0200);
  assert.equal(plain.readUInt16BE(6), Math.floor((512 - 12 - `db.${zone}`.length - 2 - 4) / 16), 'as many as fit');
  const large = await exchangeUdp(dns.port, queryBytes(`db.${zone}`, 1, { udpBytes: 4096 }));
  assert.ok(large && large.length <= 1232 && large.length > 1200);
  // c-ares turns to TCP by itself.
  assert.equal((await dns.resolver.resolve4(`db.${zone}`)).length, 100);
  assert.equal((await dns.resolver.resolveSrv(`_http._tcp.db.${zone}`)).length, 100);
});

test('many queries on one connection, in pieces', async () => {
  await using dns = await startTestDns(filled);
  const query = queryBytes(`web.${zone}`, 1);
  const framed = Buffer.concat(Array.from({ length: 100 }, () => Buffer.concat([Buffer.from([0, query.length]), query])));
  const socket = connect(dns.port, '127.0.0.1');
  for (let at = 0; at < framed.length; at += 37) socket.write(framed.subarray(at, at + 37));
  let bytes = 0;
  for await (const chunk of socket) {
    bytes += (chunk as Buffer).length;
    if (bytes === 100 * (2 + query.length + 16)) break;
  }
  socket.destroy();
});

test('the name comes back as it was spelled; classes, versions and transfers that there are not', async () => {
  await using dns = await startTestDns(filled);
  const spelled = queryBytes('WEB.Default.svc.cluster.local', 1, { udpBytes: 1232 });
  const answer = await exchangeUdp(dns.port, spelled);
  assert.deepEqual(answer?.subarray(12, spelled.length - 11), spelled.subarray(12, -11));
  assert.equal(answer?.readUInt16BE(6), 1);
  const rcodeOf = async (message: Buffer) => ((await exchangeUdp(dns.port, message))?.readUInt16BE(2) ?? -1) & 15;
  assert.equal(await rcodeOf(queryBytes(`web.${zone}`, 1, { class: 3 })), 5);
  assert.equal(await rcodeOf(queryBytes('cluster.local', 252)), 5);
  const version = await exchangeUdp(dns.port, queryBytes(`web.${zone}`, 1, { udpBytes: 1232, ednsVersion: 1 }));
  assert.equal(version?.at(-6), 1, 'BADVERS is 16: its upper bits are in the OPT');
});

test('nothing is told of the zone before everything is known', async () => {
  let refusing = true;
  await using dns = await startTestDns(
    (api) => {
      filled(api);
      api.fail = ({ target }) => (refusing && target.includes('endpointslices') ? apiError(500, 'InternalError', 'not yet') : undefined);
    },
    {},
    systemClock(),
    false,
  );
  for (const name of [`web.${zone}`, `db.${zone}`, `no.${zone}`]) await assert.rejects(dns.resolver.resolve4(name), code('ESERVFAIL'), name);
  assert.equal(dns.running.isReady(), false);
  refusing = false;
  await dns.running.ready;
  assert.deepEqual(await dns.resolver.resolve4(`db-0.db.${zone}`), ['10.244.0.5']);
});
