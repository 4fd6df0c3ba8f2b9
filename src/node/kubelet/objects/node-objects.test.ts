import { test } from 'node:test';
import assert from 'node:assert/strict';
import { silentLogger } from '../../../base/logger.ts';
import { seededRandom } from '../../../base/random.ts';
import type { ConfigMap } from '../../../api/types/core-v1.ts';
import { Client } from '../../../client/client.ts';
import type { ClientRequest, ClientResponse, ClientStream, Transport } from '../../../client/transport.ts';
import { ManualClock } from '../../../client/testing/manual-clock.ts';
import { NodeObjects } from './node-objects.ts';

interface OpenWatch {
  readonly target: string;
  push(...events: readonly object[]): void;
}

/** Serves one ConfigMap and keeps its watches open. */
class OneObjectApi implements Transport {
  object: ConfigMap | undefined;
  gets = 0;
  readonly watches: OpenWatch[] = [];

  request(_: ClientRequest): Promise<ClientResponse> {
    this.gets++;
    const body = this.object ?? { apiVersion: 'v1', kind: 'Status', status: 'Failure', code: 404, reason: 'NotFound', message: '' };
    return Promise.resolve({ status: this.object ? 200 : 404, headers: {}, body: Buffer.from(JSON.stringify(body)) });
  }

  stream(request: ClientRequest): Promise<ClientStream> {
    const { watches } = this;
    const chunks: Uint8Array[] = [];
    let wake = () => {};
    const watch: OpenWatch = {
      target: request.target,
      push: (...events) => {
        chunks.push(Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join('')));
        wake();
      },
    };
    watches.push(watch);
    request.signal?.addEventListener('abort', () => {
      watches.splice(watches.indexOf(watch), 1);
      wake();
    });
    async function* body() {
      while (!request.signal?.aborted) {
        yield* chunks.splice(0);
        await new Promise<void>((resolve) => (wake = resolve));
      }
    }
    return Promise.resolve({ status: 200, headers: {}, chunks: body() });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function configMap(resourceVersion: string, data: Record<string, string>): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'ns', name: 'settings', resourceVersion }, data };
}

const listed = { type: 'BOOKMARK', object: { kind: 'ConfigMap', metadata: { resourceVersion: '9', annotations: { 'k8s.io/initial-events-end': 'true' } } } };
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('an object is followed from its first read until its last user is gone', async (t) => {
  const api = new OneObjectApi();
  const stop = new AbortController();
  t.after(() => stop.abort());
  const clock = new ManualClock();
  const objects = new NodeObjects({ client: new Client(api, { clock }), clock, random: seededRandom(1), logger: silentLogger, signal: stop.signal });
  const heard: string[] = [];
  objects.subscribe((podUid) => heard.push(podUid));

  assert.equal(await objects.configMap('ns', 'settings', 'one'), undefined);
  api.object = configMap('5', { colour: 'red' });
  assert.equal((await objects.configMap('ns', 'settings', 'two'))?.data?.['colour'], 'red');
  assert.equal(api.watches.length, 1);
  assert.match(api.watches[0]?.target ?? '', /^\/api\/v1\/namespaces\/ns\/configmaps\?.*metadata\.name%3Dsettings/);

  api.watches[0]?.push({ type: 'ADDED', object: api.object }, listed);
  await turn();
  assert.deepEqual(heard, [], 'what was read already is no news');
  const { gets } = api;
  api.watches[0]?.push({ type: 'MODIFIED', object: configMap('10', { colour: 'blue' }) });
  await turn();
  assert.deepEqual(heard.splice(0), ['one', 'two']);
  assert.equal((await objects.configMap('ns', 'settings', 'one'))?.data?.['colour'], 'blue');
  assert.equal(api.gets, gets, 'what is followed is not asked for');

  objects.release('one');
  assert.equal(api.watches.length, 1);
  api.watches[0]?.push({ type: 'DELETED', object: configMap('11', {}) });
  await turn();
  assert.deepEqual(heard.splice(0), ['two']);
  objects.release('two');
  assert.equal(api.watches.length, 0);
});
