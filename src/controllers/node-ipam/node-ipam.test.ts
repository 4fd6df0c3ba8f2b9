import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Node } from '../../api/types/core-v1.ts';
import { seededRandom } from '../../base/random.ts';
import { createLogger } from '../../base/logger.ts';
import { MetricRegistry } from '../../base/metrics/registry.ts';
import { Client } from '../../client/client.ts';
import { FakeApi } from '../../client/testing/fake-api.ts';
import { ManualClock, settle } from '../../client/testing/manual-clock.ts';
import { exchangeTransport } from '../../client/transports/exchange.ts';
import { startControllers } from '../manager.ts';
import { BlockAllocator } from './block-allocator.ts';

describe('blocks of a network', () => {
  test('are handed out from the lowest, and again once released', () => {
    const blocks = new BlockAllocator('10.0.0.0/22', 24);
    blocks.reserve('10.0.1.0/24');
    blocks.reserve('192.168.0.0/16');
    assert.deepEqual([blocks.take(), blocks.take(), blocks.take(), blocks.take()], ['10.0.0.0/24', '10.0.2.0/24', '10.0.3.0/24', undefined]);
    blocks.release('10.0.2.0/24');
    assert.equal(blocks.take(), '10.0.2.0/24');
  });

  test('that a larger network has a part of are taken', () => {
    const blocks = new BlockAllocator('10.0.0.0/22', 24);
    blocks.reserve('10.0.0.0/23');
    assert.equal(blocks.take(), '10.0.2.0/24');
    blocks.reserve('0.0.0.0/0');
    assert.equal(blocks.take(), undefined);
  });

  test('of IPv6', () => {
    const blocks = new BlockAllocator('fd00:1::/48', 64);
    assert.deepEqual([blocks.take(), blocks.take()], ['fd00:1::/64', 'fd00:1:0:1::/64']);
  });

  test('of what cannot be cut are refused', () => {
    assert.throws(() => new BlockAllocator('10.0.0.0/25', 24), /do not fit/);
    assert.throws(() => new BlockAllocator('nonsense', 24), /no network/);
  });
});

describe('the controller', () => {
  const start = async (cidrs: readonly string[], prepare: (api: FakeApi) => void) => {
    const api = new FakeApi();
    prepare(api);
    const clock = new ManualClock();
    const stopping = new AbortController();
    const manager = await startControllers({
      client: new Client(exchangeTransport(api.handler, { username: 'x', groups: [] }), { clock }),
      clock,
      random: seededRandom(1),
      logger: createLogger(() => {}, 'error'),
      metrics: new MetricRegistry(),
      signal: stopping.signal,
      enabled: (name) => name === 'node-ipam-controller',
      clusterNetworks: { cidrs },
    });
    await settle();
    const blocks = () => Object.fromEntries(api.list<Node>('nodes').map(({ metadata, spec }) => [metadata.name, spec?.podCIDRs]));
    const stop = async () => {
      stopping.abort();
      await manager.stopped;
    };
    return { api, clock, blocks, stop };
  };

  test('gives each node one block of each family, and leaves alone what nodes bring', async () => {
    const { blocks, stop } = await start(['10.0.0.0/16', 'fd00::/48'], (api) => {
      api.put('nodes', { metadata: { name: 'own' }, spec: { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24'] } });
      api.put('nodes', { metadata: { name: 'a' } });
      api.put('nodes', { metadata: { name: 'b' } });
    });
    assert.deepEqual(blocks(), { own: ['10.0.0.0/24'], a: ['10.0.1.0/24', 'fd00::/64'], b: ['10.0.2.0/24', 'fd00:0:0:1::/64'] });
    await stop();
  });

  test('gives the block of a node that is gone to the next', async () => {
    const { api, clock, blocks, stop } = await start(['10.0.0.0/24'], (api) => api.put('nodes', { metadata: { name: 'a' } }));
    api.put('nodes', { metadata: { name: 'b' } });
    await settle();
    assert.deepEqual(blocks(), { a: ['10.0.0.0/24'], b: undefined });
    api.remove('nodes', '', 'a');
    await clock.advance(60_000);
    assert.deepEqual(blocks(), { b: ['10.0.0.0/24'] });
    await stop();
  });
});
