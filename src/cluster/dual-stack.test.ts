/** Services of both families, over the whole server. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Service, ServiceSpec } from '../api/types/core-v1.ts';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { systemRandom } from '../base/random.ts';
import { Client } from '../client/client.ts';
import { serviceCIDRs, services } from '../client/resources.ts';
import { exchangeTransport } from '../client/transports/exchange.ts';
import { startApiServer, type RunningApiServer } from './api-server.ts';
import { administrator } from './identities.ts';

const clock = systemClock();
const dataDir = mkdtempSync(join(tmpdir(), 'coxswain-dual-stack-'));
const serviceCidrs = ['10.98.0.0/16', 'fd00:98::/112'];

describe('dual-stack Services', () => {
  let server: RunningApiServer;
  let client: Client;
  let made = 0;
  const create = (spec: ServiceSpec): Promise<Service> => client.create(services, { metadata: { namespace: 'default', name: `s${made++}` }, spec: { ports: [{ port: 80 }], ...spec } });
  const familiesOf = ({ spec }: Service) => [spec?.ipFamilyPolicy, spec?.ipFamilies?.join(), spec?.clusterIPs?.map((ip) => (ip.includes(':') ? ip.slice(0, 9) : ip.slice(0, 6))).join()];

  before(async () => {
    server = await startApiServer({ datastore: 'memory', dataDir, host: '127.0.0.1', port: 0, serviceCidrs, clock, random: systemRandom(), logger: silentLogger });
    client = new Client(exchangeTransport(server.handler, administrator), { clock });
  });
  after(async () => {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  test('get addresses by their policy, in the order they ask for', async () => {
    assert.deepEqual(familiesOf(await create({})), ['SingleStack', 'IPv4', '10.98.']);
    assert.deepEqual(familiesOf(await create({ ipFamilies: ['IPv6'] })), ['SingleStack', 'IPv6', 'fd00:98::']);
    assert.deepEqual(familiesOf(await create({ ipFamilyPolicy: 'PreferDualStack' })), ['PreferDualStack', 'IPv4,IPv6', '10.98.,fd00:98::']);
    const requiring = await create({ ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6', 'IPv4'] });
    assert.deepEqual(familiesOf(requiring), ['RequireDualStack', 'IPv6,IPv4', 'fd00:98::,10.98.']);
    assert.equal(requiring.spec?.clusterIP, requiring.spec?.clusterIPs?.[0]);
    await assert.rejects(create({ clusterIP: '10.98.3.3', clusterIPs: ['10.98.3.3', 'fd00:98::3'] }), /must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified/);
    await assert.rejects(create({ clusterIP: '10.99.0.1' }), /not in the valid range/);
  });

  test('are upgraded and downgraded, and what they give up is free', async () => {
    const single = await create({ clusterIP: '10.98.4.4' });
    const both = await client.update(services, { ...single, spec: { ...single.spec, ipFamilyPolicy: 'PreferDualStack' } });
    assert.deepEqual(familiesOf(both), ['PreferDualStack', 'IPv4,IPv6', '10.98.,fd00:98::']);
    assert.equal(both.spec?.clusterIP, '10.98.4.4');
    const given = both.spec?.clusterIPs?.[1] ?? '';
    const again = await client.update(services, { ...both, spec: { ...both.spec, ipFamilyPolicy: 'SingleStack' } });
    assert.deepEqual(familiesOf(again), ['SingleStack', 'IPv4', '10.98.']);
    assert.equal((await create({ clusterIP: given })).spec?.clusterIP, given);
  });

  test('the cluster’s own objects say so', async () => {
    assert.deepEqual((await client.get(serviceCIDRs, { name: 'kubernetes' })).spec?.cidrs, serviceCidrs);
    assert.equal((await client.get(services, { namespace: 'default', name: 'kubernetes' })).spec?.clusterIP, '10.98.0.1');
  });
});
