/**
 * Whatever the order of writes, starts of watches and slow sinks: each watcher
 * sees each change of its selection once, in order, and ends with the state
 * that the store has. Compared with a model that is as simple as the promise.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseFieldSelector } from '../../api/selectors/field-selector.ts';
import { parseLabelSelector } from '../../api/selectors/parse-label-selector.ts';
import { systemClock } from '../../base/clock.ts';
import {
  CompactedError,
  SlowReaderError,
  type Store,
  type WatchBatch,
  type WatchOptions,
} from '../../storage/contract.ts';
import { openMemoryStore } from '../../storage/memory/memory-store.ts';
import {
  openRig,
  turn,
  watchPods,
  type PodSpec,
  type Rig,
  type SeenEvent,
  type TestSink,
} from './rig.testing.ts';

const namespaces = ['a', 'a-b', 'b'];
const names = ['p1', 'p2', 'p3', 'p4'];
const scopes = [
  {},
  { namespace: 'a' },
  { labels: 'app=x' },
  { labels: 'app!=x' },
  { labels: 'app in (x,y),!tier', namespace: 'a-b' },
  { fields: 'spec.nodeName=n1' },
  { fields: 'spec.nodeName=', labels: 'app' },
  { fields: 'status.phase!=Running' },
  { fields: 'metadata.name=p1', namespace: 'a' },
  { fields: 'metadata.name=p2' },
] as const;
type Scope = { readonly namespace?: string; readonly labels?: string; readonly fields?: string };

type Step =
  | { readonly do: 'put'; readonly pod: PodSpec }
  | { readonly do: 'remove'; readonly namespace: string; readonly name: string }
  | { readonly do: 'watch'; readonly scope: number; readonly from: 'now' | 'any' | 'list' }
  | { readonly do: 'full'; readonly watch: number; readonly full: boolean }
  | { readonly do: 'page'; readonly limit: number; readonly scope: number }
  | { readonly do: 'turn' };

const place = { namespace: fc.constantFrom(...namespaces), name: fc.constantFrom(...names) };
const put = fc.record({
  do: fc.constant('put' as const),
  pod: fc.record({
    ...place,
    labels: fc.constantFrom<Record<string, string>>({}, { app: 'x' }, { app: 'y' }, { app: 'x', tier: 't' }),
    nodeName: fc.constantFrom('', 'n1', 'n2'),
    phase: fc.constantFrom('Pending', 'Running'),
  }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: put, weight: 8 },
  { arbitrary: fc.record({ do: fc.constant('remove' as const), ...place }), weight: 3 },
  {
    arbitrary: fc.record({
      do: fc.constant('watch' as const),
      scope: fc.nat(scopes.length - 1),
      from: fc.constantFrom('now', 'any', 'list'),
    }),
    weight: 3,
  },
  {
    arbitrary: fc.record({ do: fc.constant('full' as const), watch: fc.nat(20), full: fc.boolean() }),
    weight: 2,
  },
  {
    arbitrary: fc.record({
      do: fc.constant('page' as const),
      limit: fc.integer({ min: 1, max: 4 }),
      scope: fc.nat(scopes.length - 1),
    }),
    weight: 1,
  },
  { arbitrary: fc.record({ do: fc.constant('turn' as const) }), weight: 3 },
) as fc.Arbitrary<Step>;

/** What the scope selects of the store's state at `revision`, read from the store itself. */
async function truth(store: Store, scope: Scope, revision?: number): Promise<Map<string, number>> {
  const range = await store.range({
    from: '/registry/core/pods/',
    to: '/registry/core/pods0',
    ...(revision ? { revision } : {}),
  });
  const labels = parseLabelSelector(scope.labels ?? '');
  const fields = parseFieldSelector(scope.fields ?? '');
  const state = new Map<string, number>();
  for (const { key, value, modRevision } of range.items) {
    const pod = JSON.parse(Buffer.from(value).toString());
    const [namespace, name] = key.slice('/registry/core/pods/'.length).split('/') as [string, string];
    if (scope.namespace && scope.namespace !== namespace) continue;
    const has = {
      'metadata.name': name,
      'metadata.namespace': namespace,
      'spec.nodeName': pod.spec.nodeName ?? '',
      'status.phase': pod.status.phase,
    };
    if (labels.matches(pod.metadata.labels) && fields.matches(has))
      state.set(`${namespace}/${name}`, modRevision);
  }
  return state;
}

/** Follows the events as a client does, and objects to any that cannot be. */
function follow(events: readonly SeenEvent[], known: Map<string, number>): Map<string, number> {
  const state = new Map(known);
  let last = 0;
  for (const { type, key, revision } of events) {
    if (type === 'BOOKMARK') {
      assert.ok(revision >= last, 'a bookmark behind an event');
      continue;
    }
    assert.notEqual(type, 'ERROR');
    if (type === 'ADDED') assert.ok(!state.has(key), `ADDED what is there: ${key}`);
    else assert.ok(state.has(key), `${type} what is not there: ${key}`);
    const before = state.get(key);
    if (before !== undefined) assert.ok(revision > before, 'an object goes back');
    if (type === 'DELETED') state.delete(key);
    else state.set(key, revision);
    last = Math.max(last, revision);
  }
  return state;
}

interface Followed {
  readonly scope: Scope;
  readonly sink: TestSink;
  readonly known: Map<string, number>;
}

async function perform(
  rig: Rig,
  steps: readonly Step[],
  atEnd: (rig: Rig) => Promise<void> = async () => {},
): Promise<void> {
  const followed: Followed[] = [];
  const pages: Promise<void>[] = [];
  for (const one of steps) {
    if (one.do === 'put') void rig.put(one.pod);
    else if (one.do === 'remove') void rig.remove(one.namespace, one.name);
    else if (one.do === 'turn') await turn();
    else if (one.do === 'full') {
      const chosen = followed[one.watch];
      if (chosen) chosen.sink.full = one.full;
    } else if (one.do === 'page') pages.push(readPages(rig, scopes[one.scope] as Scope, one.limit));
    else followed.push(await beginWatch(rig, scopes[one.scope] as Scope, one.from));
  }
  await Promise.all(pages);
  await atEnd(rig);
  for (const { sink } of followed) sink.full = false;
  await rig.settled();
  for (let i = 0; i < 20; i++) await turn();
  for (const { scope, sink, known } of followed) {
    assert.equal(sink.ended, false);
    assert.deepEqual(sorted(follow(sink.events, known)), sorted(await truth(rig.store, scope)));
  }
}

async function beginWatch(rig: Rig, scope: Scope, from: 'now' | 'any' | 'list'): Promise<Followed> {
  const options = { ...scope, allowWatchBookmarks: true };
  if (from !== 'list')
    return {
      scope,
      known: new Map(),
      sink: watchPods(rig, { ...options, resourceVersion: from === 'any' ? '0' : '' }).sink,
    };
  const { labels, fields, namespace } = scope;
  const list = await rig.pods.list({
    namespace,
    ...(labels ? { labelSelector: parseLabelSelector(labels) } : {}),
    ...(fields ? { fieldSelector: parseFieldSelector(fields) } : {}),
  });
  const known = new Map(list.entries.map((entry) => [entry.key, entry.modRevision]));
  assert.deepEqual(sorted(known), sorted(await truth(rig.store, scope, list.revision)));
  return { scope, known, sink: watchPods(rig, { ...options, resourceVersion: String(list.revision) }).sink };
}

/** All pages together are the state at the first one's revision. */
async function readPages(rig: Rig, scope: Scope, limit: number): Promise<void> {
  const { labels, fields, namespace } = scope;
  const request = {
    namespace,
    limit,
    ...(labels ? { labelSelector: parseLabelSelector(labels) } : {}),
    ...(fields ? { fieldSelector: parseFieldSelector(fields) } : {}),
  };
  const found = new Map<string, number>();
  let page = await rig.pods.list(request);
  const { revision } = page;
  for (;;) {
    for (const entry of page.entries) found.set(entry.key, entry.modRevision);
    assert.equal(page.revision, revision);
    if (!page.continueToken) break;
    await turn();
    page = await rig.pods.list({ ...request, continue: page.continueToken });
  }
  assert.deepEqual(sorted(found), sorted(await truth(rig.store, scope, revision)));
}

const sorted = (state: Map<string, number>) => [...state].sort(([a], [b]) => (a < b ? -1 : 1));

/** A store whose watch breaks off when told to. */
function fragile(store: Store): { readonly store: Store; breakOff(error: Error): void } {
  let broken: Error | undefined;
  const watch = async function* (options: WatchOptions): AsyncGenerator<WatchBatch> {
    for await (const batch of store.watch(options)) {
      if (broken) {
        const error = broken;
        broken = undefined;
        throw error;
      }
      yield batch;
    }
  };
  const proxy = new Proxy(store, {
    get(target, property) {
      if (property === 'watch') return watch;
      const value = Reflect.get(target, property) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { store: proxy, breakOff: (error) => void (broken = error) };
}

describe('no gap and no duplicate', () => {
  test('under random writes, watches, pages and slow sinks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80 }), async (steps) => {
        const rig = await openRig({ writeBytes: 800 });
        await perform(rig, steps);
        await rig.close();
      }),
      { numRuns: 120 },
    );
  });

  test('when the watch of the store breaks off, and when its history is gone', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 40 }),
        fc.array(put, { minLength: 1, maxLength: 10 }),
        fc.boolean(),
        async (steps, more, compacted) => {
          const inner = await openMemoryStore({ clock: systemClock({ background: true }) });
          const { store, breakOff } = fragile(inner);
          const rig = await openRig({}, { store });
          const watches = steps.filter((one) => one.do !== 'page');
          await perform(rig, watches, async () => {
            await rig.settled();
            breakOff(compacted ? new CompactedError(1) : new SlowReaderError('slow'));
            for (const one of more) await rig.put(one.pod);
            await rig.remove('a', 'p1');
            await rig.put({ namespace: 'a', name: 'p1', labels: { app: 'x' } });
            if (compacted) await inner.compact(await inner.currentRevision());
          });
          await rig.close();
        },
      ),
      { numRuns: 15 },
    );
  });
});
