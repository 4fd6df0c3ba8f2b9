import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import type { Node } from '../../api/types/core-v1.ts';
import { silentLogger } from '../../base/logger.ts';
import { ManualClock } from '../../client/testing/manual-clock.ts';
import { HealthCheckPorts } from './health-check-ports.ts';
import { closed, listening, ProxyHealth } from './proxy-health.ts';

async function freePort(): Promise<number> {
  const server = createServer();
  await listening(server, 0);
  const { port } = server.address() as AddressInfo;
  await closed(server);
  return port;
}

describe('health check ports of Services', () => {
  test('say how many endpoints are here, and close with the Service', async () => {
    const port = await freePort();
    let endpoints = 2;
    const ports = new HealthCheckPorts({ logger: silentLogger, localReady: () => endpoints, proxyHealthy: () => true });
    const service = { metadata: { namespace: 'default', name: 'web' }, spec: { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: port } };
    const ask = async () => {
      const response = await fetch(`http://127.0.0.1:${port}/healthz`);
      return [response.status, response.headers.get('x-load-balancing-endpoint-weight'), await response.json()];
    };
    ports.update(service);
    assert.deepEqual(await ask(), [200, '2', { service: { namespace: 'default', name: 'web' }, localEndpoints: 2, serviceProxyHealthy: true }]);
    endpoints = 0;
    assert.equal((await ask())[0], 503);
    ports.update({ ...service, spec: { ...service.spec, externalTrafficPolicy: 'Cluster' } });
    await assert.rejects(ask());
    await ports.close();
  });
});

describe('health of a proxy', () => {
  test('is bad while a change waits too long, or the node is on its way out', async () => {
    const clock = new ManualClock();
    let node: Node | undefined = { metadata: { name: 'n' }, spec: {} };
    const health = new ProxyHealth(clock, () => node);
    assert.equal(health.report('/healthz').status, 200);
    health.queued();
    health.updated();
    health.queued();
    await clock.advance(59_000);
    assert.equal(health.report('/livez').status, 200);
    await clock.advance(2000);
    assert.equal(health.report('/livez').status, 503);
    health.updated();
    node = { metadata: { name: 'n' }, spec: { taints: [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }] } };
    assert.deepEqual([health.report('/healthz').status, health.report('/livez').status], [503, 200]);
    node = undefined;
    assert.equal(health.report('/healthz').status, 503);
  });
});
