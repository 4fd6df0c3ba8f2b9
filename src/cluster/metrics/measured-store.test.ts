import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInCatalogue } from '../../api/catalogue.ts';
import { MetricRegistry } from '../../base/metrics/registry.ts';
import { ManualClock } from '../../storage/conformance/manual-clock.ts';
import { storeConformance } from '../../storage/conformance/suite.ts';
import { openMemoryStore } from '../../storage/memory/memory-store.ts';
import { MeasuredStore } from './measured-store.ts';

test('reads and commits are timed by resource', async () => {
  const clock = new ManualClock();
  const registry = new MetricRegistry();
  const store = new MeasuredStore(await openMemoryStore({ clock }), builtInCatalogue().all(), registry, clock);
  const value = new Uint8Array(1);
  const key = '/registry/apps/deployments/ns/d';
  const created = await store.commit({ key, expected: 0, value });
  assert.ok(created.outcome === 'committed');
  await store.commit({ key, expected: created.revision, value });
  await store.get(key);
  await store.range({ from: '/registry/core/pods/', to: '/registry/core/pods0' });
  await store.commit({ key, expected: undefined, value: undefined });
  await assert.rejects(store.get('/elsewhere', { revision: 99 }));
  const [family] = registry.snapshot();
  assert.deepEqual(
    family?.series.map(({ labels, counts }) => [...labels, counts?.reduce((a, b) => a + b)]),
    [
      ['get', 'apps', 'deployments', 1],
      ['create', 'apps', 'deployments', 1],
      ['update', 'apps', 'deployments', 1],
      ['delete', 'apps', 'deployments', 1],
      ['list', '', 'pods', 1],
      ['get', '', '', 1],
    ],
  );
  await store.close();
});

storeConformance(
  'a measured store',
  async () => {
    const clock = new ManualClock();
    const store = new MeasuredStore(await openMemoryStore({ clock }), [], new MetricRegistry(), clock);
    return { store, advance: (ms) => Promise.resolve(clock.advance(ms)), dispose: () => store.close() };
  },
  { lasting: false },
);
