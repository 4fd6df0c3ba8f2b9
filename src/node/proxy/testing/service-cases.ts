/** What Services must do on a real kernel, whatever tool writes the rules. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ServiceSpec } from '../../../api/types/core-v1.ts';
import { systemClock } from '../../../base/clock.ts';
import type { ProxyMode } from '../proxy-metrics.ts';
import { addresses, addresses6 } from './lab.ts';
import type { HostName } from './lab.ts';
import { endpoint, proxiedLab } from './proxied-lab.ts';
import type { ProxiedLab } from './proxied-lab.ts';

const spec = (clusterIP: string, more: ServiceSpec = {}): ServiceSpec => ({ type: 'ClusterIP', clusterIP, clusterIPs: [clusterIP], ports: [{ name: '', port: 80, protocol: 'TCP' }], ...more });
const nodePortSpec = (clusterIP: string, nodePort: number, more: ServiceSpec = {}): ServiceSpec =>
  spec(clusterIP, { type: 'NodePort', ports: [{ name: '', port: 80, protocol: 'TCP', nodePort }], ...more });

export function serviceCases(mode: ProxyMode, missing: string | undefined): void {
  describe(`Services in the kernel, by ${mode}`, { skip: missing ?? false }, () => {
    let rig: ProxiedLab;
    /** Who answers, how often. */
    const answers = async (from: HostName, ip: string, port: number, times: number): Promise<Record<string, number>> => {
      const counts: Record<string, number> = {};
      for (let i = 0; i < times; i++) {
        const [name = ''] = (await rig.lab.ask(from, ip, port)).split(' ');
        counts[name] = (counts[name] ?? 0) + 1;
      }
      return counts;
    };
    const names = async (from: HostName, ip: string, port = 80, times = 24) => Object.keys(await answers(from, ip, port, times)).toSorted();

    before(async () => {
      rig = await proxiedLab(mode);
      for (const pod of ['podA', 'podB', 'remote'] as const) for (const protocol of ['tcp', 'udp'] as const) for (const port of [8080, 8081]) await rig.lab.listen(pod, protocol, port);
    });
    after(() => rig?.close());

    test('a cluster IP reaches every endpoint, from pods and from the node, and those who are no pods are masqueraded', async () => {
      await rig.serve('web', spec('10.96.0.10'), [endpoint('podA'), endpoint('podB'), endpoint('remote')]);
      assert.deepEqual(await names('podB', '10.96.0.10'), ['podA', 'podB', 'remote']);
      assert.deepEqual(await names('node', '10.96.0.10'), ['podA', 'podB', 'remote']);
      await rig.serve('one', spec('10.96.0.11'), [endpoint('podA')]);
      assert.equal(await rig.lab.ask('podB', '10.96.0.11', 80), `podA ${addresses.podB}`);
      assert.equal(await rig.lab.ask('client', '10.96.0.11', 80), 'podA 10.244.0.1');
      // Hairpin: a pod that meets itself.
      assert.equal(await rig.lab.ask('podA', '10.96.0.11', 80), 'podA 10.244.0.1');
    });

    test('several ports and protocols of one Service', async () => {
      const ports = [{ name: 'a', port: 80, protocol: 'TCP' }, { name: 'b', port: 80, protocol: 'UDP' }, { name: 'c', port: 81, protocol: 'TCP' }];
      await rig.serve('ports', spec('10.96.0.12', { ports }), [endpoint('podA')]);
      assert.equal(await rig.lab.ask('podB', '10.96.0.12', 80), `podA ${addresses.podB}`);
      assert.equal(await rig.lab.ask('podB', '10.96.0.12', 80, { protocol: 'udp' }), `podA ${addresses.podB}`);
      assert.equal(await rig.lab.ask('podB', '10.96.0.12', 81), `podA ${addresses.podB}`);
    });

    test('without endpoints it refuses, as does a port that no Service has; an endpoint that comes is reached', async () => {
      await rig.serve('empty', spec('10.96.0.13'), []);
      assert.equal(await rig.lab.ask('podA', '10.96.0.13', 80), 'ECONNREFUSED');
      assert.equal(await rig.lab.ask('node', '10.96.0.13', 80), 'ECONNREFUSED');
      await rig.serve('empty', spec('10.96.0.13'), [endpoint('podB')]);
      assert.deepEqual(await names('podA', '10.96.0.13', 80, 1), ['podB']);
      assert.equal(await rig.lab.ask('podA', '10.96.0.13', 99), 'ECONNREFUSED');
    });

    test('a node port answers on the node’s address, not on loopback, and changes with its type', async () => {
      await rig.serve('np', nodePortSpec('10.96.0.14', 30080), [endpoint('podA'), endpoint('remote')]);
      assert.deepEqual(await names('client', addresses.node, 30080), ['podA', 'remote']);
      assert.equal(await rig.lab.ask('node', '127.0.0.1', 30080), 'ECONNREFUSED');
      assert.deepEqual(await names('podB', addresses.node, 30080), ['podA', 'remote']);
      await rig.serve('np', spec('10.96.0.14'), [endpoint('podA')]);
      assert.equal(await rig.lab.ask('client', addresses.node, 30080), 'ECONNREFUSED');
      await rig.serve('np', { type: 'ExternalName', externalName: 'elsewhere' }, [endpoint('podA')]);
      assert.notEqual(await rig.lab.ask('podB', '10.96.0.14', 80, { timeoutMs: 300 }), `podA ${addresses.podB}`);
    });

    test('external IPs and load balancers; source ranges keep others out', async () => {
      const status = { loadBalancer: { ingress: [{ ip: '203.0.113.5', ipMode: 'VIP' }, { ip: '203.0.113.6', ipMode: 'Proxy' }] } };
      const balanced = (ranges: string[]) => nodePortSpec('10.96.0.15', 30081, { type: 'LoadBalancer', externalIPs: ['203.0.113.7'], loadBalancerSourceRanges: ranges });
      await rig.serve('lb', balanced([]), [endpoint('podA')], { status });
      assert.deepEqual(await names('client', '203.0.113.5', 80, 2), ['podA']);
      assert.deepEqual(await names('client', '203.0.113.7', 80, 2), ['podA']);
      await rig.serve('lb', balanced(['198.51.100.0/24', '10.244.0.0/16']), [endpoint('podA')], { status });
      assert.equal(await rig.lab.ask('client', '203.0.113.5', 80, { timeoutMs: 300 }), 'timeout');
      assert.deepEqual(await names('podB', '203.0.113.5', 80, 2), ['podA']);
      assert.deepEqual(await names('client', addresses.node, 30081, 2), ['podA']);
      await rig.serve('lb', balanced(['192.0.2.8/29']), [endpoint('podA')], { status });
      assert.deepEqual(await names('client', '203.0.113.5', 80, 2), ['podA']);
    });

    test('session affinity keeps a client at one endpoint, until it is switched off or the endpoint goes', async () => {
      const sticky = (on: boolean) => nodePortSpec('10.96.0.16', 30082, on ? { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } } : {});
      const all = [endpoint('podA'), endpoint('podB'), endpoint('remote')];
      await rig.serve('sticky', sticky(true), all);
      const [kept = ''] = await names('client', addresses.node, 30082);
      assert.deepEqual(await names('client', addresses.node, 30082), [kept]);
      assert.equal((await names('podA', '10.96.0.16')).length, 1);
      await rig.serve('sticky', sticky(false), all);
      assert.deepEqual(await names('client', addresses.node, 30082), ['podA', 'podB', 'remote']);
      await rig.serve('sticky', sticky(true), all);
      const [again = ''] = await names('client', addresses.node, 30082);
      await rig.serve('sticky', sticky(true), all.filter(({ addresses: [ip] }) => ip !== addresses[again as 'podA']));
      const [other = ''] = await names('client', addresses.node, 30082);
      assert.notEqual(other, again);
    });

    test('externalTrafficPolicy Local: only endpoints of this node, and the source is kept; from within all are reached', async () => {
      const local = nodePortSpec('10.96.0.17', 30083, { externalTrafficPolicy: 'Local' });
      await rig.serve('local', local, [endpoint('podA'), endpoint('remote')]);
      assert.deepEqual(await answers('client', addresses.node, 30083, 8), { podA: 8 });
      assert.equal(await rig.lab.ask('client', addresses.node, 30083), `podA ${addresses.client}`);
      assert.deepEqual(await names('podB', addresses.node, 30083), ['podA', 'remote']);
      assert.deepEqual(await names('node', addresses.node, 30083), ['podA', 'remote']);
      await rig.serve('local', local, [endpoint('remote')]);
      assert.equal(await rig.lab.ask('client', addresses.node, 30083, { timeoutMs: 300 }), 'timeout');
      assert.deepEqual(await names('podB', addresses.node, 30083, 2), ['remote']);
    });

    test('internalTrafficPolicy Local: endpoints of this node or none', async () => {
      const local = spec('10.96.0.18', { internalTrafficPolicy: 'Local' });
      await rig.serve('inner', local, [endpoint('podA'), endpoint('remote')]);
      assert.deepEqual(await answers('podB', '10.96.0.18', 80, 8), { podA: 8 });
      await rig.serve('inner', local, [endpoint('remote')]);
      assert.equal(await rig.lab.ask('podB', '10.96.0.18', 80, { timeoutMs: 300 }), 'timeout');
    });

    test('endpoints that leave serve while there are no others; hints choose the near ones', async () => {
      const leaving = { conditions: { ready: false, serving: true, terminating: true } };
      await rig.serve('leaving', spec('10.96.0.19'), [endpoint('podA', leaving), endpoint('podB')]);
      assert.deepEqual(await names('remote', '10.96.0.19', 80, 8), ['podB']);
      await rig.serve('leaving', spec('10.96.0.19'), [endpoint('podA', leaving)]);
      assert.deepEqual(await names('remote', '10.96.0.19', 80, 2), ['podA']);
      const zone = (name: string) => ({ hints: { forZones: [{ name }] } });
      await rig.serve('near', spec('10.96.0.20'), [endpoint('podA', zone('near')), endpoint('remote', zone('far'))]);
      assert.deepEqual(await names('podB', '10.96.0.20', 80, 8), ['podA']);
    });

    test('a UDP flow follows its Service to another endpoint', async () => {
      const udp = spec('10.96.0.21', { ports: [{ name: '', port: 53, protocol: 'UDP' }] });
      await rig.serve('dns', udp, [endpoint('podA')]);
      const ask = () => rig.lab.ask('remote', '10.96.0.21', 53, { protocol: 'udp', sourcePort: 40_000, timeoutMs: 500 });
      assert.equal(await ask(), `podA ${addresses.remote}`);
      await rig.serve('dns', udp, [endpoint('podB')]);
      assert.ok(await until(async () => (await ask()) === `podB ${addresses.remote}`));
    });

    test('dual stack', async () => {
      const both = { ...nodePortSpec('10.96.0.22', 30084), clusterIPs: ['10.96.0.22', 'fd00:96::22'], ipFamilies: ['IPv4', 'IPv6'] };
      await rig.serve('dual', both, [endpoint('podA'), endpoint('podB', { v6: true })]);
      assert.deepEqual(await names('remote', '10.96.0.22', 80, 4), ['podA']);
      assert.equal(await rig.lab.ask('remote', 'fd00:96::22', 80), `podB ${addresses6.remote}`);
      assert.equal(await rig.lab.ask('client', 'fd00:96::22', 80), 'podB fd00:244::1');
      assert.deepEqual(await names('client', addresses6.node, 30084, 4), ['podB']);
    });

    test('what is deleted is gone', async () => {
      await rig.serve('short', spec('10.96.0.23'), [endpoint('podA')]);
      assert.deepEqual(await names('podB', '10.96.0.23', 80, 1), ['podA']);
      rig.api.remove('services', 'default', 'short');
      assert.ok(await until(async () => !(await rig.lab.ask('podB', '10.96.0.23', 80, { timeoutMs: 200 })).startsWith('podA')));
    });

    test('what others have taken away is found and repaired', async () => {
      await rig.serve('audited', spec('10.96.0.24'), [endpoint('podA')]);
      // Nothing of what the other tests have done looks amiss.
      assert.equal(fullSyncs(rig), 1);
      await rig.breakRules();
      assert.ok(await until(async () => (await rig.lab.ask('podB', '10.96.0.24', 80, { timeoutMs: 200 })).startsWith('podA'), 200));
      assert.ok(await until(async () => fullSyncs(rig) === 2));
    });

    test('the programming latency is measured, and health is served', async () => {
      const family = rig.metrics.snapshot().find(({ name }) => name === 'kubeproxy_network_programming_duration_seconds');
      assert.ok((family?.series[0]?.counts?.reduce((sum, count) => sum + count, 0) ?? 0) > 10);
      const response = await fetch(`http://127.0.0.1:${rig.proxy.healthPort}/healthz`);
      assert.equal(response.status, 200);
      assert.equal(((await response.json()) as { nodeEligible: boolean }).nodeEligible, true);
    });
  });
}

function fullSyncs({ metrics }: ProxiedLab): number {
  const family = metrics.snapshot().find(({ name }) => name === 'kubeproxy_sync_full_proxy_rules_duration_seconds');
  return family?.series[0]?.counts?.reduce((sum, count) => sum + count, 0) ?? 0;
}

const clock = systemClock();

async function until(holds: () => Promise<boolean>, tries = 50): Promise<boolean> {
  for (let i = 0; i < tries; i++) {
    if (await holds()) return true;
    await clock.sleep(50);
  }
  return false;
}
