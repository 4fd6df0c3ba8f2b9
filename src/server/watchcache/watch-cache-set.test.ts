import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { customSelectableFields } from '../../api/selectors/field-labels.ts';
import type { CachedResource } from './cached-resource.ts';
import { encodeForStorage } from './encoding.ts';
import { openRig, until, TestSink, turn, watchPods } from './rig.testing.ts';

const widgets: CachedResource = {
  storagePrefix: '/registry/example.com/widgets/',
  group: 'example.com',
  version: 'v1',
  resource: 'widgets',
  kind: 'Widget',
  namespaced: false,
  selectable: customSelectableFields(['spec.color']),
  indexedFields: [],
};

const widget = (name: string, color: string) =>
  encodeForStorage({ kind: 'Widget', apiVersion: 'example.com/v1', metadata: { name }, spec: { color } });

describe('a set of caches', () => {
  test('what has happened before it began is its history', async () => {
    const before = await openRig();
    const first = await before.put({ namespace: 'a', name: 'p', phase: 'Pending' });
    await before.put({ namespace: 'a', name: 'p', phase: 'Running' });
    await before.put({ namespace: 'a', name: 'q' });
    await before.remove('a', 'q');
    await before.set.stop();
    const after = await openRig({}, { store: before.store });
    const sink = new TestSink();
    after.pods.watch({ sink, resourceVersion: String(first) });
    await after.settled();
    await until(() => sink.events.length === 3);
    assert.deepEqual(
      sink.events.map(({ type, key }) => `${type} ${key}`),
      ['MODIFIED a/p', 'ADDED a/q', 'DELETED a/q'],
    );
    assert.deepEqual((await after.pods.list({})).entries.map(({ key }) => key), ['a/p']);
    await after.close();
  });

  test('it remembers no further back than the store does, nor than it is told to', async () => {
    const before = await openRig();
    const revisions: number[] = [];
    for (let i = 0; i < 20; i++) revisions.push(await before.put({ namespace: 'a', name: 'p', note: String(i) }));
    await before.store.compact(revisions[5] as number);
    await before.set.stop();
    for (const [remembered, oldest] of [
      [1000, 5],
      [10, 9],
      [0, 19],
    ] as const) {
      const after = await openRig({ remembered }, { store: before.store });
      assert.equal(after.pods.history.startRevision, revisions[oldest]);
      assert.equal(after.set.revision, revisions.at(-1));
      await after.set.stop();
    }
    await before.store.close();
  });

  test('what it wanted to remember may be compacted while it begins', async () => {
    const before = await openRig();
    for (let i = 0; i < 5; i++) await before.put({ namespace: 'a', name: `p${i}` });
    await before.set.stop();
    const { store } = before;
    // Somebody else's compaction comes between the look whether the revision is there, and the reading of it.
    const compacting = new Proxy(store, {
      get: (target, name) => {
        if (name === 'get')
          return async (...args: Parameters<typeof store.get>) => {
            const found = await target.get(...args);
            await target.compact(await target.currentRevision());
            return found;
          };
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const after = await openRig({}, { store: compacting });
    assert.deepEqual((await after.pods.list({})).entries.map(({ key }) => key), ['a/p0', 'a/p1', 'a/p2', 'a/p3', 'a/p4']);
    await after.put({ namespace: 'a', name: 'p5' });
    await after.settled();
    assert.equal((await after.pods.list({})).entries.length, 6);
    await after.close();
  });

  test('a resource that comes later and goes again', async () => {
    const rig = await openRig();
    const put = (name: string, color: string) =>
      rig.store.commit({
        key: `${widgets.storagePrefix}${name}`,
        expected: undefined,
        value: widget(name, color),
      });
    await put('w1', 'red');
    // Written before, while and after the cache reads them: each is there once.
    const cache = rig.set.add(widgets);
    const writing = Promise.all([put('w2', 'blue'), put('w1', 'green')]);
    const sink = new TestSink();
    cache.watch({ sink, resourceVersion: '0' });
    await cache.ready;
    await writing;
    await put('w3', 'red');
    await rig.settled();
    assert.deepEqual(
      (await cache.list({})).entries.map(({ key, fields }) => [key, ...fields]),
      [
        ['w1', 'green'],
        ['w2', 'blue'],
        ['w3', 'red'],
      ],
    );
    const known = new Map<string, number>();
    for (const { type, key, revision } of sink.events) {
      assert.equal(type === 'ADDED', !known.has(key));
      known.set(key, revision);
    }
    assert.equal(known.size, 3);
    rig.set.remove(widgets.storagePrefix);
    assert.equal(sink.ended, true);
    assert.equal(rig.set.cache(widgets.storagePrefix), undefined);
    await rig.close();
  });

  test('bytes that are no object harm nobody else', async () => {
    const rig = await openRig();
    await rig.store.commit({
      key: '/registry/core/pods/a/bad',
      expected: undefined,
      value: new TextEncoder().encode('{"no'),
    });
    await rig.put({ namespace: 'a', name: 'good' });
    assert.deepEqual(
      (await rig.pods.list({})).entries.map(({ key }) => key),
      ['a/good'],
    );
    await rig.close();
  });

  test('an idle cache is as fresh as the busy ones', async () => {
    const rig = await openRig();
    const idle = rig.set.add(widgets);
    await idle.ready;
    const revision = await rig.put({ namespace: 'a', name: 'p' });
    assert.equal((await idle.list({})).revision, revision);
    await rig.close();
  });

  test('a list right after a write has it', async () => {
    const rig = await openRig();
    for (let i = 0; i < 50; i++) {
      const revision = await rig.put({ namespace: 'a', name: 'p', phase: `n${i}` });
      const [list, entry] = await Promise.all([rig.pods.list({}), rig.pods.getFresh('a', 'p')]);
      assert.equal(list.entries[0]?.modRevision, revision);
      assert.equal(entry?.modRevision, revision);
    }
    await rig.close();
  });

  test('bookmarks come by themselves', async () => {
    const rig = await openRig({ bookmarkPeriodMs: 120 });
    const { sink } = watchPods(rig, { allowWatchBookmarks: true, resourceVersion: String(rig.set.revision) });
    const silent = watchPods(rig, { resourceVersion: String(rig.set.revision) });
    await until(() => sink.events.length >= 2);
    assert.ok(sink.events.every(({ type }) => type === 'BOOKMARK'));
    assert.equal(silent.sink.events.length, 0);
    await rig.close();
  });

  test('arenas are emptied as objects change', async () => {
    const rig = await openRig({ historyEvents: 5, historyBytes: 5000 });
    for (let round = 0; round < 40; round++) {
      await Promise.all(
        Array.from({ length: 10 }, (_, i) =>
          rig.put({ namespace: 'a', name: `p${i}`, note: 'x'.repeat(200 + round) }),
        ),
      );
    }
    await rig.settled();
    for (let i = 0; i < 100; i++) await turn();
    const { liveBytes, arenaBytes } = rig.set.memory;
    assert.ok(arenaBytes <= 2 * liveBytes + 3 * 4096, `${arenaBytes} for ${liveBytes}`);
    for (const entry of (await rig.pods.list({})).entries) JSON.parse(Buffer.from(entry.bytes).toString());
    await rig.close();
  });

  test('the view of the cluster parses once a version', async () => {
    const rig = await openRig(
      {},
      {
        before: [
          { namespace: 'a', name: 'p' },
          { namespace: 'a-b', name: 'p' },
        ],
      },
    );
    const { view } = rig.set;
    const first = view.get('', 'pods', 'a', 'p');
    assert.equal(first?.metadata.name, 'p');
    assert.equal(view.get('', 'pods', 'a', 'p'), first);
    assert.equal(view.get('', 'pods', 'a', 'q'), undefined);
    assert.equal(view.get('', 'nodes', '', 'q'), undefined);
    assert.deepEqual([...view.list('', 'pods', 'a')], [first]);
    assert.equal([...view.list('', 'pods')].length, 2);
    const changes: unknown[] = [];
    const end = view.onChange('', 'pods', ({ namespace, name, deleted }) => changes.push({ namespace, name, deleted }));
    await rig.put({ namespace: 'a', name: 'p', phase: 'Running' });
    await rig.remove('a-b', 'p');
    await rig.settled();
    end();
    await rig.remove('a', 'p');
    await rig.settled();
    assert.deepEqual(changes, [
      { namespace: 'a', name: 'p', deleted: false },
      { namespace: 'a-b', name: 'p', deleted: true },
    ]);
    assert.equal(view.get('', 'pods', 'a', 'p'), undefined);
    await rig.close();
  });
});
