/** Who may ask a node, and what it answers to what makes no sense. Streams: test/node-streams.test.ts. */
import assert from 'node:assert/strict';
import https from 'node:https';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../../../base/clock.ts';
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
  /** `good` is alice's token; alice may use the metrics of node-a. */
  api.intercept = ({ target, body }: ClientRequest) => {
    const { spec } = JSON.parse(Buffer.from(body ?? '{}').toString()) as { spec: { token?: string; user?: string; resourceAttributes?: { subresource: string; name: string } } };
    asked.push(target.split('/').at(-1) ?? '');
    const { subresource, name } = spec.resourceAttributes ?? {};
    const status = target.endsWith('/tokenreviews')
      ? { authenticated: spec.token === 'good', user: { username: 'alice', groups: ['staff'] } }
      : { allowed: spec.user === 'alice' && subresource === 'metrics' && name === 'node-a' };
    return { status: 201, headers: {}, body: Buffer.from(JSON.stringify({ status })) };
  };
  const server = new KubeletServer({ host: '127.0.0.1', certificate: serving.cert, privateKey: serving.key, clientAuthority: serving.cert, clock });
  const runtime = { usage: () => Promise.resolve([]) } as unknown as Runtime;
  const node = (name: string): ServedNode => ({ name, client: new Client(api, { clock }), runtime, pods: () => [], pod: () => undefined });
  let ports: readonly number[] = [];
  before(async () => {
    ports = await Promise.all(['node-a', 'node-b'].map((name) => server.serve(node(name))));
  });
  after(() => server.close());

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

  test('a path below an allowed one is no way around it', async () => {
    assert.equal((await get(ports[0], '/metrics/../pods', 'good'))[0], 403);
    assert.equal((await get(ports[0], '/metrics/nothing', 'good'))[0], 404);
    assert.equal((await get(ports[0], '/metrics%2f..%2fpods', 'good'))[0], 403);
  });
});
