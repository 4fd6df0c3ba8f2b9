import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { apiError, resourceExpired } from '../api/errors.ts';
import { silentLogger } from '../base/logger.ts';
import { seededRandom } from '../base/random.ts';
import type { Pod } from '../api/types/core-v1.ts';
import { Client } from './client.ts';
import { Informer } from './informer.ts';
import { pods } from './resources.ts';
import { FakeApi } from './testing/fake-api.ts';
import { ManualClock, settle } from './testing/manual-clock.ts';
import { exchangeTransport } from './transports/exchange.ts';

const pod = (name: string, nodeName = 'n1'): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { containers: [], nodeName },
});

function setUp() {
  const api = new FakeApi();
  const clock = new ManualClock();
  const client = new Client(exchangeTransport(api.handler, { username: 'test', groups: [] }), { clock });
  const informer = new Informer(client, pods, { clock, random: seededRandom(1), logger: silentLogger });
  const log: string[] = [];
  informer.addHandler({
    onAdd: (object) => log.push(`+${object.metadata.name}`),
    onUpdate: (_, object) => log.push(`~${object.metadata.name}`),
    onDelete: (object) => log.push(`-${object.metadata.name}`),
    onBatchEnd: () => log.push('.'),
  });
  const stop = new AbortController();
  return { api, clock, client, informer, log, stop };
}

describe('informer', () => {
  test('holds what is there, then follows', async () => {
    const { api, informer, log, stop } = setUp();
    api.put('pods', pod('a'));
    api.put('pods', pod('b'));
    assert.equal(informer.hasSynced, false);
    const running = informer.run(stop.signal);
    await informer.synced();
    assert.deepEqual(log, ['+a', '+b', '.']);
    api.put('pods', pod('c'));
    api.put('pods', pod('a', 'n2'));
    api.remove('pods', 'default', 'b');
    await settle();
    assert.deepEqual(log.slice(3), ['+c', '-a', '+a', '-b', '.'], 'a has another uid, so it is another pod; what came together is one batch');
    assert.equal(informer.size, 2);
    stop.abort();
    await running;
  });

  test('resumes after an orderly end and after a break without listing again', async () => {
    const { api, clock, informer, log, stop } = setUp();
    const running = informer.run(stop.signal);
    await informer.synced();
    const first = { ...pod('a'), metadata: { ...pod('a').metadata, uid: 'u' } };
    api.put('pods', first);
    await settle();
    for (const orderly of [true, false]) {
      api.endWatches(orderly);
      await clock.advance(2000);
      const last = api.requests.at(-1)!.target;
      assert.match(last, new RegExp(`resourceVersion=${informer.resourceVersion}\\b`));
      assert.doesNotMatch(last, /sendInitialEvents/);
    }
    api.put('pods', { ...first, spec: { containers: [], nodeName: 'n9' } });
    await settle();
    assert.equal(log.at(-2), '~a');
    stop.abort();
    await running;
  });

  test('lists again when its version has expired, and tells only what differs', async () => {
    const { api, clock, informer, log, stop } = setUp();
    api.put('pods', pod('a'));
    api.put('pods', pod('b'));
    const running = informer.run(stop.signal);
    await informer.synced();
    log.length = 0;
    let expired = false;
    api.fail = ({ target }) => {
      if (expired || !target.includes('watch=true') || target.includes('sendInitialEvents')) return undefined;
      expired = true;
      return resourceExpired('too old resource version');
    };
    api.endWatches(false);
    api.remove('pods', 'default', 'a');
    api.put('pods', pod('c'));
    await clock.advance(60_000);
    assert.ok(expired);
    assert.deepEqual(log.filter((entry) => entry !== '.').toSorted(), ['+c', '-a']);
    stop.abort();
    await running;
  });

  test('falls back to paged lists on a server without streaming lists', async () => {
    const { api, clock, informer, stop } = setUp();
    api.put('pods', pod('a'));
    api.fail = ({ target }) =>
      target.includes('sendInitialEvents') ? apiError(422, 'Invalid', 'sendInitialEvents is forbidden') : undefined;
    const running = informer.run(stop.signal);
    await clock.advance(1000);
    assert.ok(informer.hasSynced);
    api.put('pods', pod('b'));
    await settle();
    assert.deepEqual([...informer.keys()], ['default/a', 'default/b']);
    stop.abort();
    await running;
  });

  test('indexes follow their objects', async () => {
    const { api, informer, stop } = setUp();
    informer.addIndex('node', (object) => (object.spec.nodeName ? [object.spec.nodeName] : []));
    const running = informer.run(stop.signal);
    await informer.synced();
    const on = (nodeName: string) => ({ ...pod('a', nodeName), metadata: { ...pod('a').metadata, uid: 'u' } });
    api.put('pods', on('n1'));
    await settle();
    assert.equal(informer.byIndex('node', 'n1').length, 1);
    api.put('pods', on('n2'));
    await settle();
    assert.equal(informer.byIndex('node', 'n1').length, 0);
    assert.equal(informer.byIndex('node', 'n2')[0]?.spec.nodeName, 'n2');
    api.remove('pods', 'default', 'a');
    await settle();
    assert.equal(informer.byIndex('node', 'n2').length, 0);
    stop.abort();
    await running;
  });

  test('a handler that throws does not keep changes from the others', async () => {
    const { api, informer, stop } = setUp();
    const seen: string[] = [];
    informer.addHandler({
      onAdd: () => {
        throw new Error('bug');
      },
    });
    informer.addHandler({ onAdd: (object) => seen.push(object.metadata.name ?? '') });
    const running = informer.run(stop.signal);
    await informer.synced();
    api.put('pods', pod('a'));
    await settle();
    assert.deepEqual(seen, ['a']);
    stop.abort();
    await running;
  });
});
