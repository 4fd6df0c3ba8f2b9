import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseFieldSelector } from '../../api/selectors/field-selector.ts';
import { parseLabelSelector } from '../../api/selectors/parse-label-selector.ts';
import type { ApiError } from '../../api/errors.ts';
import { encodeContinueAt } from './continue-token.ts';
import type { ListRequest } from './list-options.ts';
import { openRig, until, podOf, turn, watchPods, type Rig } from './rig.testing.ts';

const refused = async (promise: Promise<unknown>, code: number, message: string | RegExp) => {
  const error = await promise.then(
    () => assert.fail('was not refused'),
    (reason: unknown) => reason as ApiError,
  );
  assert.equal(error.code, code, error.message);
  if (typeof message === 'string') assert.equal(error.message, message);
  else assert.match(error.message, message);
  return error;
};

async function listed(rig: Rig, request: ListRequest = {}) {
  const result = await rig.pods.list(request);
  return { ...result, keys: result.entries.map((entry) => entry.key) };
}

describe('reading', () => {
  test('get, list, indexes and order', async () => {
    const rig = await openRig({}, { before: [{ namespace: 'b', name: 'p2', labels: { app: 'x' } }] });
    await rig.put({ namespace: 'a', name: 'p1', labels: { app: 'y' }, nodeName: 'n1' });
    const last = await rig.put({
      namespace: 'b',
      name: 'p1',
      labels: { app: 'x' },
      nodeName: 'n1',
      phase: 'Running',
    });
    const all = await listed(rig);
    assert.deepEqual(all.keys, ['a/p1', 'b/p1', 'b/p2']);
    assert.equal(all.revision, last);
    const labelSelector = parseLabelSelector('app=x');
    assert.deepEqual((await listed(rig, { labelSelector })).keys, ['b/p1', 'b/p2']);
    assert.deepEqual((await listed(rig, { namespace: 'b' })).keys, ['b/p1', 'b/p2']);
    assert.deepEqual((await listed(rig, { fieldSelector: parseFieldSelector('spec.nodeName=n1') })).keys, [
      'a/p1',
      'b/p1',
    ]);
    assert.deepEqual(
      (await listed(rig, { fieldSelector: parseFieldSelector('status.phase!=Running') })).keys,
      ['a/p1', 'b/p2'],
    );
    assert.deepEqual((await listed(rig, { fieldSelector: parseFieldSelector('metadata.name=p1') })).keys, [
      'a/p1',
      'b/p1',
    ]);
    assert.deepEqual(
      (await listed(rig, { namespace: 'b', fieldSelector: parseFieldSelector('metadata.name=p1') })).keys,
      ['b/p1'],
    );
    assert.deepEqual(
      (await listed(rig, { fieldSelector: parseFieldSelector('metadata.namespace=a') })).keys,
      ['a/p1'],
    );
    const entry = await rig.pods.getFresh('b', 'p1');
    const object = JSON.parse(Buffer.from(entry!.bytes).toString());
    assert.deepEqual(object, {
      ...podOf({ namespace: 'b', name: 'p1', labels: { app: 'x' }, nodeName: 'n1', phase: 'Running' }),
      metadata: { resourceVersion: String(last), name: 'p1', namespace: 'b', labels: { app: 'x' } },
    });
    // A label index that a list has brought into being is kept up to date.
    await rig.put({ namespace: 'a', name: 'p1', labels: { app: 'x' } });
    await rig.remove('b', 'p2');
    assert.deepEqual((await listed(rig, { labelSelector })).keys, ['a/p1', 'b/p1']);
    assert.deepEqual((await listed(rig, { fieldSelector: parseFieldSelector('spec.nodeName=n1') })).keys, [
      'b/p1',
    ]);
    assert.equal(await rig.pods.getFresh('b', 'p2'), undefined);
    await rig.close();
  });

  test('resourceVersion and resourceVersionMatch', async () => {
    const rig = await openRig({ freshnessWaitMs: 150 });
    const first = await rig.put({ namespace: 'a', name: 'p1' });
    const second = await rig.put({ namespace: 'a', name: 'p2' });
    const third = await rig.put({ namespace: 'a', name: 'p3' });
    assert.equal(
      (await listed(rig, { resourceVersion: String(first), resourceVersionMatch: 'NotOlderThan' })).revision,
      third,
    );
    const exact = await listed(rig, { resourceVersion: String(second), resourceVersionMatch: 'Exact' });
    assert.deepEqual([exact.keys, exact.revision], [['a/p1', 'a/p2'], second]);
    const legacy = await listed(rig, { resourceVersion: String(first), limit: 10 });
    assert.deepEqual([legacy.keys, legacy.revision], [['a/p1'], first]);
    assert.equal((await listed(rig, { resourceVersion: '0', limit: 1 })).keys.length, 3);
    assert.equal((await listed(rig, { resourceVersion: String(first) })).keys.length, 3);
    const future = await refused(
      rig.pods.list({ resourceVersion: String(third + 100) }),
      504,
      new RegExp(`Too large resource version: ${third + 100}, current: ${third}$`),
    );
    assert.equal(future.status.details?.retryAfterSeconds, 1);
    await refused(rig.pods.getFresh('a', 'p1', '99999'), 504, /Too large resource version/);
    await refused(
      rig.pods.list({ resourceVersion: 'x' }),
      400,
      'invalid resource version: resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax',
    );
    await refused(
      rig.pods.getFresh('a', 'p1', 'x'),
      500,
      'resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax',
    );
    const invalid = (request: ListRequest, text: string) =>
      refused(rig.pods.list(request), 422, `ListOptions.meta.k8s.io "" is invalid: ${text}`);
    await invalid(
      { resourceVersionMatch: 'Exact' },
      'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
    );
    await invalid(
      { resourceVersion: '0', resourceVersionMatch: 'Exact' },
      'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    );
    await invalid(
      { resourceVersion: '1', resourceVersionMatch: 'Near' },
      'resourceVersionMatch: Unsupported value: "Near": supported values: "Exact", "NotOlderThan", ""',
    );
    await invalid(
      { sendInitialEvents: true },
      'sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list',
    );
    await rig.store.compact(third);
    await refused(
      rig.pods.list({ resourceVersion: String(first), resourceVersionMatch: 'Exact' }),
      410,
      'The resourceVersion for the provided list is too old.',
    );
    await rig.close();
  });

  test('pages of one state, whatever happens in between', async () => {
    const rig = await openRig();
    for (const name of ['p1', 'p2', 'p3', 'p4', 'p5'])
      await rig.put({ namespace: 'a', name, labels: { app: 'x' } });
    const first = await listed(rig, { limit: 2 });
    assert.deepEqual([first.keys, first.remainingItemCount], [['a/p1', 'a/p2'], 3]);
    assert.deepEqual(JSON.parse(Buffer.from(first.continueToken!, 'base64url').toString()), {
      v: 'meta.k8s.io/v1',
      rv: first.revision,
      start: 'a/p2\u0000',
    });
    await rig.remove('a', 'p3');
    await rig.put({ namespace: 'a', name: 'p2a' });
    await rig.settled();
    const second = await listed(rig, { limit: 2, continue: first.continueToken });
    assert.deepEqual(
      [second.keys, second.revision, second.remainingItemCount],
      [['a/p3', 'a/p4'], first.revision, 1],
    );
    const rest = await listed(rig, { limit: 2, continue: second.continueToken });
    assert.deepEqual(
      [rest.keys, rest.continueToken, rest.remainingItemCount],
      [['a/p5'], undefined, undefined],
    );
    const selected = await listed(rig, {
      limit: 1,
      namespace: 'a',
      labelSelector: parseLabelSelector('app=x'),
    });
    assert.equal(selected.remainingItemCount, undefined);
    assert.equal(JSON.parse(Buffer.from(selected.continueToken!, 'base64url').toString()).start, 'p1\u0000');
    assert.deepEqual(
      (
        await listed(rig, {
          namespace: 'a',
          labelSelector: parseLabelSelector('app=x'),
          continue: selected.continueToken,
        })
      ).keys,
      ['a/p2', 'a/p4', 'a/p5'],
    );
    await refused(
      rig.pods.list({ continue: '!' }),
      400,
      /^invalid continue token: continue key is not valid/,
    );
    await refused(
      rig.pods.list({ continue: 'zzz' }),
      400,
      "invalid continue token: continue key is not valid: invalid character 'Ï' looking for beginning of value",
    );
    await refused(
      rig.pods.list({ continue: 'e30' }),
      400,
      'invalid continue token: continue key is not valid: server does not recognize this encoded version ',
    );
    await refused(rig.pods.list({ continue: encodeContinueAt('../x', 5) }), 400, /invalid continue token/);
    await refused(
      rig.pods.list({ continue: first.continueToken, resourceVersion: '5' }),
      400,
      'specifying resource version is not allowed when using continue',
    );
    await rig.close();
  });

  test('a page whose snapshot is gone comes from the store, or is refused with a token that goes on', async () => {
    const rig = await openRig({ snapshots: 0 });
    for (const name of ['p1', 'p2', 'p3']) await rig.put({ namespace: 'a', name });
    const first = await listed(rig, { limit: 1 });
    await rig.put({ namespace: 'a', name: 'p2', phase: 'Running' });
    await rig.settled();
    const second = await listed(rig, { limit: 1, continue: first.continueToken });
    assert.deepEqual(
      [second.keys, second.revision, second.remainingItemCount],
      [['a/p2'], first.revision, 1],
    );
    assert.match(Buffer.from(second.entries[0]!.bytes).toString(), /Pending/);
    await rig.store.compact(await rig.store.currentRevision());
    const expired = await refused(
      rig.pods.list({ limit: 1, continue: second.continueToken }),
      410,
      /Continuing with the provided token results in an inconsistent list/,
    );
    const resumed = await listed(rig, { limit: 5, continue: expired.status.metadata.continue });
    assert.deepEqual(resumed.keys, ['a/p3']);
    await rig.close();
  });
});

describe('watching', () => {
  test('from now, from 0, from a revision', async () => {
    const rig = await openRig();
    const first = await rig.put({ namespace: 'a', name: 'p1' });
    await rig.put({ namespace: 'a', name: 'p2' });
    const fresh = watchPods(rig);
    const any = watchPods(rig, { resourceVersion: '0', allowWatchBookmarks: true });
    const since = watchPods(rig, { resourceVersion: String(first) });
    await rig.settled();
    await rig.put({ namespace: 'a', name: 'p1', phase: 'Running' });
    await rig.remove('a', 'p2');
    await rig.settled();
    assert.deepEqual(
      fresh.sink.lines,
      ['ADDED a/p1@1', 'ADDED a/p2@2', 'MODIFIED a/p1@3', 'DELETED a/p2@4'].map((line) =>
        shifted(line, first - 1),
      ),
    );
    assert.deepEqual(any.sink.lines, fresh.sink.lines);
    assert.deepEqual(since.sink.lines, fresh.sink.lines.slice(1));
    assert.equal(
      any.sink.events.find(({ type }) => type === 'BOOKMARK')?.object.metadata.annotations?.[
        'k8s.io/initial-events-end'
      ],
      'true',
    );
    any.watch.bookmark();
    await rig.settled();
    assert.equal(any.sink.events.at(-1)?.type, 'BOOKMARK');
    assert.equal(any.sink.events.at(-1)?.revision, rig.set.revision);
    any.watch.stop();
    assert.equal(any.sink.ended, true);
    assert.equal(rig.pods.watcherCount, 2);
    await rig.close();
  });

  test('sendInitialEvents', async () => {
    const rig = await openRig({ freshnessWaitMs: 150 });
    const revision = await rig.put({ namespace: 'a', name: 'p1' });
    const base = { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan', allowWatchBookmarks: true };
    const { sink } = watchPods(rig, base);
    const none = watchPods(rig, { ...base, sendInitialEvents: false });
    const future = watchPods(rig, { ...base, resourceVersion: '99999' });
    await rig.settled();
    await rig.put({ namespace: 'a', name: 'p2' });
    await rig.settled();
    assert.deepEqual(
      sink.events.map(({ type, revision }) => `${type}@${revision}`),
      [`ADDED@${revision}`, `BOOKMARK@${revision}`, `ADDED@${revision + 1}`],
    );
    assert.deepEqual(none.sink.lines, [`ADDED a/p2@${revision + 1}`]);
    await until(() => future.sink.ended);
    assert.equal(future.sink.events[0]?.object.code, 504);
    assert.equal(future.sink.ended, true);
    const message = (options: Parameters<typeof watchPods>[1], text: string) =>
      assert.throws(
        () => watchPods(rig, options),
        (error: ApiError) => (
          assert.equal(error.code, 422),
          assert.equal(error.message, `ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: ${text}`),
          true
        ),
      );
    message(
      { sendInitialEvents: true },
      'Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    );
    message(
      { resourceVersionMatch: 'NotOlderThan' },
      'Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
    );
    await rig.close();
  });

  test('objects enter and leave a selection', async () => {
    const rig = await openRig();
    const start = await rig.store.currentRevision();
    const byLabel = watchPods(rig, { labels: 'app=x' });
    const byNode = watchPods(rig, { fields: 'spec.nodeName=n1' });
    const byName = watchPods(rig, { namespace: 'a', fields: 'metadata.name=p' });
    const notRunning = watchPods(rig, { namespace: 'a', fields: 'status.phase!=Running' });
    await rig.settled();
    await rig.put({ namespace: 'a', name: 'p', labels: { app: 'x' } });
    await rig.put({ namespace: 'a', name: 'p', labels: { app: 'x' }, nodeName: 'n1' });
    await rig.put({ namespace: 'a', name: 'p', labels: { app: 'y' }, nodeName: 'n1', phase: 'Running' });
    await rig.put({ namespace: 'a', name: 'q' });
    await rig.remove('a', 'p');
    await rig.settled();
    const at = (n: number) => start + n;
    assert.deepEqual(byLabel.sink.lines, [
      `ADDED a/p@${at(1)}`,
      `MODIFIED a/p@${at(2)}`,
      `DELETED a/p@${at(3)}`,
    ]);
    // Who loses sight of an object gets it as it last was in sight.
    assert.deepEqual(byLabel.sink.events[2]?.object.metadata.labels, { app: 'x' });
    assert.deepEqual(byNode.sink.lines, [
      `ADDED a/p@${at(2)}`,
      `MODIFIED a/p@${at(3)}`,
      `DELETED a/p@${at(5)}`,
    ]);
    assert.deepEqual(byName.sink.lines, [
      `ADDED a/p@${at(1)}`,
      `MODIFIED a/p@${at(2)}`,
      `MODIFIED a/p@${at(3)}`,
      `DELETED a/p@${at(5)}`,
    ]);
    assert.deepEqual(notRunning.sink.lines, [
      `ADDED a/p@${at(1)}`,
      `MODIFIED a/p@${at(2)}`,
      `DELETED a/p@${at(3)}`,
      `ADDED a/q@${at(4)}`,
    ]);
    await rig.close();
  });

  test('watchers of one encoding share bytes, and each is written to once a turn', async () => {
    const rig = await openRig();
    const watches = Array.from({ length: 20 }, (_, i) => watchPods(rig, i % 2 ? { labels: 'app=x' } : {}));
    await rig.settled();
    await Promise.all([1, 2, 3].map((n) => rig.put({ namespace: 'a', name: `p${n}`, labels: { app: 'x' } })));
    await rig.settled();
    const [first] = watches;
    for (const { sink } of watches) {
      assert.equal(sink.chunks.length, 3);
      sink.chunks.forEach((chunk, i) => assert.equal(chunk, first!.sink.chunks[i]));
      assert.ok(sink.writes <= 2, `${sink.writes} writes`);
    }
    await rig.close();
  });

  test('too old: an ERROR event with 410', async () => {
    const rig = await openRig({ historyEvents: 2 });
    const first = await rig.put({ namespace: 'a', name: 'p0' });
    for (let i = 1; i < 6; i++) await rig.put({ namespace: 'a', name: `p${i}` });
    await rig.settled();
    const { sink } = watchPods(rig, { resourceVersion: String(first) });
    await rig.settled();
    assert.equal(sink.ended, true);
    assert.equal(sink.events[0]?.type, 'ERROR');
    assert.equal(sink.events[0]?.object.code, 410);
    assert.equal(sink.events[0]?.object.message, `too old resource version: ${first} (${first + 3})`);
    await rig.close();
  });

  test('a slow watcher is parked, goes on from the history, or is ended; others do not notice', async () => {
    const rig = await openRig({ historyEvents: 10, writeBytes: 1000 });
    const slow = watchPods(rig);
    const stuck = watchPods(rig);
    const quick = watchPods(rig);
    await rig.settled();
    slow.sink.full = true;
    stuck.sink.full = true;
    for (let i = 0; i < 6; i++) {
      await rig.put({ namespace: 'a', name: `p${i}` });
      await rig.settled();
    }
    assert.ok(slow.sink.lines.length < 6);
    slow.sink.full = false;
    await rig.settled();
    assert.deepEqual(slow.sink.lines, quick.sink.lines);
    for (let i = 0; i < 20; i++) {
      await rig.put({ namespace: 'a', name: `r${i}` });
      await rig.settled();
    }
    stuck.sink.full = false;
    await rig.settled();
    assert.equal(stuck.sink.ended, true);
    assert.equal(stuck.sink.events.at(-1)?.object.code, 410);
    assert.equal(quick.sink.lines.length, 26);
    await rig.close();
  });

  test('a burst beyond what one write may hold loses nothing', async () => {
    const rig = await openRig({ writeBytes: 300 });
    const { sink } = watchPods(rig);
    await rig.settled();
    const revisions = await Promise.all(
      Array.from({ length: 100 }, (_, i) => rig.put({ namespace: 'a', name: `p${i}` })),
    );
    await rig.settled();
    for (let i = 0; i < 50; i++) await turn();
    assert.deepEqual(
      sink.events.map(({ revision }) => revision),
      revisions.sort((a, b) => a - b),
    );
    await rig.close();
  });
});

function shifted(line: string, by: number): string {
  const [head, revision] = line.split('@');
  return `${head}@${Number(revision) + by}`;
}
