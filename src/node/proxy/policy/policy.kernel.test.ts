import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { NetworkPolicySpec } from '../../../api/types/networking-v1.ts';
import { systemClock } from '../../../base/clock.ts';
import { createLogger } from '../../../base/logger.ts';
import { seededRandom } from '../../../base/random.ts';
import { Client } from '../../../client/client.ts';
import { FakeApi } from '../../../client/testing/fake-api.ts';
import { exchangeTransport } from '../../../client/transports/exchange.ts';
import { addresses, addresses6, Lab, noLab } from '../testing/lab.ts';
import type { HostName } from '../testing/lab.ts';
import { startNetworkPolicy } from './start-network-policy.ts';
import type { RunningNetworkPolicy } from './start-network-policy.ts';

const clock = systemClock();
const missing = noLab('nft');

describe('NetworkPolicy in the kernel', { skip: missing ?? false }, () => {
  const api = new FakeApi();
  const stopping = new AbortController();
  let lab: Lab;
  let running: RunningNetworkPolicy;

  const settled = async () => {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    await running.settled();
  };
  const putPod = (host: 'podA' | 'podB' | 'remote', namespace: string, labels: Record<string, string>) =>
    api.put('pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: host, namespace, uid: host, labels },
      spec: { nodeName: host === 'remote' ? 'other' : 'node', containers: [{ name: 'c', ports: [{ name: 'web', containerPort: 8080 }] }] },
      status: { phase: 'Running', podIPs: [{ ip: addresses[host] }, { ip: addresses6[host] }] },
    });
  const putPolicy = (name: string, spec: NetworkPolicySpec) =>
    api.put('networking.k8s.io/networkpolicies', { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name, namespace: 'x', uid: name }, spec });
  /** Policies stand only for the length of `body`. */
  const under = async (policies: Record<string, NetworkPolicySpec>, body: () => Promise<void>) => {
    for (const [name, spec] of Object.entries(policies)) putPolicy(name, spec);
    await settled();
    await body();
    for (const name of Object.keys(policies)) api.remove('networking.k8s.io/networkpolicies', 'x', name);
    await settled();
  };
  const passes = async (from: HostName, to: 'podA' | 'podB' | 'remote', port = 8080, protocol: 'tcp' | 'udp' = 'tcp') => {
    const answer = await lab.ask(from, addresses[to], port, { protocol, timeoutMs: 400 });
    return answer.startsWith(to) ? true : answer === 'timeout' ? false : answer;
  };

  before(async () => {
    lab = await Lab.create();
    for (const [name, team] of [['x', 'x'], ['y', 'y']]) api.put('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name, uid: name, labels: { team } } });
    putPod('podA', 'x', { app: 'a' });
    putPod('podB', 'x', { app: 'b' });
    putPod('remote', 'y', { app: 'c' });
    const client = new Client(exchangeTransport(api.handler, { username: 'system:node', groups: [] }), { clock });
    const logger = createLogger(({ message, fields }) => process.stderr.write(`${message} ${String(fields['error'] ?? fields['amiss'])}\n`), 'warn');
    running = await startNetworkPolicy({ client, clock, random: seededRandom(1), logger, nodeName: 'node', signal: stopping.signal, run: lab.run });
    for (const pod of ['podA', 'podB', 'remote'] as const) for (const [protocol, port] of [['tcp', 8080], ['tcp', 8081], ['udp', 8080]] as const) await lab.listen(pod, protocol, port);
  });
  after(async () => {
    stopping.abort();
    await running?.stopped;
    await running?.cleanUp();
    await lab?.close();
  });

  test('without a policy everything passes, under a default deny nothing but the node’s own', async () => {
    assert.equal(await passes('podB', 'podA'), true);
    await under({ deny: { podSelector: {}, policyTypes: ['Ingress'] } }, async () => {
      assert.equal(await passes('podB', 'podA'), false);
      assert.equal(await passes('client', 'podA'), false);
      assert.equal(await passes('node', 'podA'), true);
      assert.equal(await passes('podA', 'remote'), true);
      assert.equal(await lab.ask('podB', addresses6.podA, 8080, { timeoutMs: 400 }), 'timeout');
    });
    assert.equal(await passes('podB', 'podA'), true);
    assert.equal(await lab.ask('podB', addresses6.podA, 8080), `podA ${addresses6.podB}`);
  });

  test('pods and namespaces are let in by their labels, as these change', async () => {
    const from = [{ podSelector: { matchLabels: { app: 'b' } } }, { namespaceSelector: { matchLabels: { team: 'y' } }, podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['c'] }] } }];
    await under({ some: { podSelector: { matchLabels: { app: 'a' } }, policyTypes: ['Ingress'], ingress: [{ from }] } }, async () => {
      assert.equal(await passes('podB', 'podA'), true);
      assert.equal(await passes('remote', 'podA'), true);
      assert.equal(await passes('client', 'podA'), false);
      assert.equal(await passes('client', 'podB'), true);
      putPod('podB', 'x', { app: 'other' });
      api.put('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'y', uid: 'y', labels: { team: 'z' } } });
      await settled();
      assert.equal(await passes('podB', 'podA'), false);
      assert.equal(await passes('remote', 'podA'), false);
      putPod('podB', 'x', { app: 'b' });
      api.put('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'y', uid: 'y', labels: { team: 'y' } } });
      await settled();
      assert.equal(await passes('podB', 'podA'), true);
      assert.equal(await passes('remote', 'podA'), true);
    });
  });

  test('ports: by number, by range, by name, by protocol', async () => {
    const podSelector = { matchLabels: { app: 'a' } };
    const ingress = (...ports: object[]): NetworkPolicySpec => ({ podSelector, policyTypes: ['Ingress'], ingress: [{ ports }] });
    const open = async () => [await passes('podB', 'podA', 8080), await passes('podB', 'podA', 8081), await passes('podB', 'podA', 8080, 'udp')];
    await under({ number: ingress({ port: 8081 }) }, async () => assert.deepEqual(await open(), [false, true, false]));
    await under({ range: ingress({ port: 8080, endPort: 8085, protocol: 'TCP' }) }, async () => assert.deepEqual(await open(), [true, true, false]));
    await under({ name: ingress({ port: 'web', protocol: 'TCP' }) }, async () => assert.deepEqual(await open(), [true, false, false]));
    await under({ protocol: ingress({ protocol: 'UDP' }) }, async () => assert.deepEqual(await open(), [false, false, true]));
    await under({ one: ingress({ port: 8081 }), other: ingress({ protocol: 'UDP' }) }, async () => assert.deepEqual(await open(), [false, true, true]));
  });

  test('blocks of addresses, without their exceptions', async () => {
    const podSelector = { matchLabels: { app: 'a' } };
    const blocks = (...except: string[]): NetworkPolicySpec => ({ podSelector, policyTypes: ['Ingress'], ingress: [{ from: [{ ipBlock: { cidr: '192.0.2.0/24', except } }] }] });
    await under({ block: blocks() }, async () => {
      assert.equal(await passes('client', 'podA'), true);
      assert.equal(await passes('podB', 'podA'), false);
    });
    await under({ block: blocks('192.0.2.8/29') }, async () => assert.equal(await passes('client', 'podA'), false));
    await under({ block: blocks('192.0.2.16/28') }, async () => assert.equal(await passes('client', 'podA'), true));
  });

  test('egress: by pod, by named port of the other, by block; what was begun may be answered', async () => {
    const podSelector = { matchLabels: { app: 'b' } };
    const egress = (...rules: object[]): NetworkPolicySpec => ({ podSelector, policyTypes: ['Egress'], egress: rules });
    await under({ none: egress() }, async () => {
      assert.equal(await passes('podB', 'podA'), false);
      assert.equal(await passes('podB', 'remote'), false);
      assert.equal(await passes('podA', 'podB'), true);
      assert.equal(await passes('remote', 'podB'), true);
    });
    await under({ pod: egress({ to: [{ podSelector: { matchLabels: { app: 'a' } } }] }) }, async () => {
      assert.equal(await passes('podB', 'podA'), true);
      assert.equal(await passes('podB', 'remote'), false);
    });
    await under({ name: egress({ ports: [{ port: 'web' }], to: [{ namespaceSelector: {} }] }) }, async () => {
      assert.equal(await passes('podB', 'remote'), true);
      assert.equal(await passes('podB', 'remote', 8081), false);
    });
    await under({ block: egress({ to: [{ ipBlock: { cidr: '10.244.1.0/24' } }] }) }, async () => {
      assert.equal(await passes('podB', 'remote'), true);
      assert.equal(await passes('podB', 'podA'), false);
    });
  });

  test('both ends must agree', async () => {
    const out: NetworkPolicySpec = { podSelector: { matchLabels: { app: 'b' } }, policyTypes: ['Egress'], egress: [{}] };
    const into: NetworkPolicySpec = { podSelector: { matchLabels: { app: 'a' } }, policyTypes: ['Ingress'], ingress: [{ from: [{ podSelector: { matchLabels: { app: 'none' } } }] }] };
    await under({ out }, async () => assert.equal(await passes('podB', 'podA'), true));
    await under({ out, into }, async () => assert.equal(await passes('podB', 'podA'), false));
  });
});
