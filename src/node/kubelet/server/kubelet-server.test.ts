/** Who may ask a node, and what it answers to what makes no sense. Streams: test/node-streams.test.ts. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../../../base/clock.ts';
import { MetricRegistry } from '../../../base/metrics/registry.ts';
import { Client } from '../../../client/client.ts';
import { selfSigned } from '../../../client/testing/self-signed.ts';
import type { ClientRequest } from '../../../client/transport.ts';
import { FakeApi } from '../../hollow/testing/fake-api.ts';
import type { Runtime } from '../runtime.ts';
import { KubeletServer } from './kubelet-server.ts';
import type { ServedNode } from './served-node.ts';

const clock = systemClock();

describe('the server of a node', () => {
  const serving = selfSigned();
  const api = new FakeApi();
  const asked: string[] = [];
  const logs = mkdtempSync(join(tmpdir(), 'coxswain-node-logs-'));
  mkdirSync(join(logs, 'pods'));
  writeFileSync(join(logs, 'pods', 'a b.log'), 'line\n');
  writeFileSync(join(logs, 'empty.log'), '');
  symlinkSync('/etc', join(logs, 'out'));
  const metrics = new MetricRegistry();
  metrics.gauge('kubelet_things', 'Things.').with().set(3);
  /** `good` is alice's token, others but `bad` are root's; alice may use the metrics of node-a. */
  api.intercept = ({ target, body }: ClientRequest) => {
    const { spec } = JSON.parse(Buffer.from(body ?? '{}').toString()) as { spec: { token?: string; user?: string; resourceAttributes?: { subresource: string; name: string } } };
    asked.push(target.split('/').at(-1) ?? '');
    const { subresource, name } = spec.resourceAttributes ?? {};
    const status = target.endsWith('/tokenreviews')
      ? { authenticated: spec.token !== 'bad', user: { username: spec.token === 'good' ? 'alice' : 'root', groups: ['staff'] } }
      : { allowed: spec.user === 'root' || spec.user === 'alice' && subresource === 'metrics' && name === 'node-a' };
    return { status: 201, headers: {}, body: Buffer.from(JSON.stringify({ status })) };
  };
  const server = new KubeletServer({ host: '127.0.0.1', certificate: serving.cert, privateKey: serving.key, clientAuthority: serving.cert, clock, pages: { metrics, configuration: { enableServer: true }, logsDirectory: logs } });
  const runtime = { usage: () => Promise.resolve([]), list: () => Promise.resolve([]) } as unknown as Runtime;
  const node = (name: string): ServedNode => ({ name, client: new Client(api, { clock }), runtime, pods: () => [], pod: () => undefined });
  let ports: readonly number[] = [];
  before(async () => {
    ports = await Promise.all(['node-a', 'node-b'].map((name) => server.serve(node(name))));
  });
  after(() => {
    server.close();
    rmSync(logs, { recursive: true });
  });

  const get = (port: number | undefined, path: string, token?: string): Promise<readonly [number | undefined, string]> =>
    new Promise((resolve, reject) => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      https.get({ host: '127.0.0.1', port, path, headers, rejectUnauthorized: false, agent: false }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve([response.statusCode, text]));
      }).on('error', reject);
    });

  test('nobody without credentials, and no unknown token', async () => {
    assert.deepEqual(await get(ports[0], '/healthz'), [401, 'Unauthorized']);
    assert.deepEqual(await get(ports[0], '/healthz', 'bad'), [401, 'Unauthorized']);
  });

  test('what the API allows on this node, asked once', async () => {
    assert.equal((await get(ports[0], '/metrics/resource', 'good'))[0], 200);
    const before = asked.length;
    assert.match((await get(ports[0], '/metrics/resource', 'good'))[1], /node_cpu_usage_seconds_total 0 \d+\n/);
    assert.equal(asked.length, before);
    assert.deepEqual(await get(ports[1], '/metrics/resource', 'good'), [403, 'Forbidden (user=alice, verb=get, resource=nodes, subresource(s)=[metrics])\n']);
    assert.deepEqual(await get(ports[0], '/pods', 'good'), [403, 'Forbidden (user=alice, verb=get, resource=nodes, subresource(s)=[pods proxy])\n']);
  });

  test('what it tells of itself', async () => {
    assert.deepEqual(await get(ports[0], '/configz', 'root'), [200, '{"kubeletconfig":{"enableServer":true}}']);
    assert.deepEqual(await get(ports[0], '/healthz/syncloop', 'root'), [200, 'ok']);
    assert.equal((await get(ports[0], '/healthz/nothing', 'root'))[0], 404);
    assert.match((await get(ports[0], '/metrics', 'root'))[1], /^# HELP kubelet_things Things\.\n# TYPE kubelet_things gauge\nkubelet_things 3\n$/);
    assert.deepEqual(await get(ports[0], '/metrics/probes', 'root'), [200, '']);
    assert.match((await get(ports[0], '/metrics/cadvisor', 'root'))[1], /^$|# TYPE container_cpu_usage_seconds_total counter/);
    assert.equal((await get(ports[0], '/checkpoint/ns/pod/container', 'root'))[0], 404);
    assert.match((await get(ports[0], '/runningpods/', 'root'))[1], /"items":\[\]/);
  });

  test('log files, and no way out of their directory', async () => {
    const ask = async (path: string) => {
      const [status, text] = await get(ports[0], path, 'root');
      return `${status} ${text}`;
    };
    assert.match(await ask('/logs/'), /^200 .*<pre>\n<a href="empty.log">empty.log<\/a>\n<a href="out">out<\/a>\n<a href="pods\/">pods\/<\/a>\n<\/pre>/s);
    assert.equal(await ask('/logs/pods/a%20b.log'), '200 line\n');
    assert.equal(await ask('/logs/empty.log'), '200 ');
    for (const path of ['/logs/out', '/logs/out/passwd', '/logs/..%2f..%2fetc/passwd', '/logs/%2e%2e/', '/logs/nothing', '/logs/x%00']) assert.equal((await ask(path)).slice(0, 3), '404', path);
    assert.equal((await ask('/logs/pods')).slice(0, 3), '301');
  });

  test('a path below an allowed one is no way around it', async () => {
    assert.equal((await get(ports[0], '/metrics/../pods', 'good'))[0], 403);
    assert.equal((await get(ports[0], '/metrics/nothing', 'good'))[0], 404);
    assert.equal((await get(ports[0], '/metrics%2f..%2fpods', 'good'))[0], 403);
  });
});
