import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Lease } from '../api/types/coordination-v1.ts';
import { internalError } from '../api/errors.ts';
import { silentLogger } from '../base/logger.ts';
import { seededRandom } from '../base/random.ts';
import { Client } from './client.ts';
import { runAsLeader } from './leader-election.ts';
import { FakeApi } from './testing/fake-api.ts';
import { ManualClock } from './testing/manual-clock.ts';
import { exchangeTransport } from './transports/exchange.ts';

describe('leader election', () => {
  const setUp = () => {
    const api = new FakeApi();
    const clock = new ManualClock();
    const client = new Client(exchangeTransport(api.handler, { username: 'test', groups: [] }), { clock });
    const leading: string[] = [];
    const campaign = (identity: string, signal: AbortSignal) =>
      runAsLeader(
        { client, clock, random: seededRandom(7), logger: silentLogger, lease: { namespace: 'kube-system', name: 'scheduler' }, identity },
        signal,
        async (active) => {
          leading.push(identity);
          await new Promise((resolve) => active.addEventListener('abort', resolve));
          leading.splice(leading.indexOf(identity), 1);
        },
      );
    return { api, clock, leading, campaign };
  };

  test('one leads at a time; a leader that steps down is followed at once', async () => {
    const { api, clock, leading, campaign } = setUp();
    const first = new AbortController();
    const second = new AbortController();
    const a = campaign('a', first.signal);
    await clock.advance(100);
    const b = campaign('b', second.signal);
    await clock.advance(60_000);
    assert.deepEqual(leading, ['a']);
    first.abort();
    await a;
    await clock.advance(5_000);
    assert.deepEqual(leading, ['b']);
    const lease = api.list<Lease>('coordination.k8s.io/leases')[0];
    assert.equal(lease?.spec?.holderIdentity, 'b');
    second.abort();
    await b;
  });

  test('a leader that cannot renew stops before another may begin', async () => {
    const { api, clock, leading, campaign } = setUp();
    const stop = new AbortController();
    const a = campaign('a', stop.signal);
    await clock.advance(100);
    assert.deepEqual(leading, ['a']);
    api.fail = () => internalError('down');
    await clock.advance(14_000);
    assert.deepEqual(leading, []);
    stop.abort();
    await a;
  });
});
