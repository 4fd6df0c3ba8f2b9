import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createLogger } from '../../../base/logger.ts';
import { ManualClock, settle } from '../../../client/testing/manual-clock.ts';
import type { RuleBackend } from './backend.ts';
import { nftScript } from './nft-script.ts';
import { RuleSync } from './rule-sync.ts';
import { RuleTable } from './rule-table.ts';
import type { Change } from './rule-table.ts';

const element = (key: string, value = '') => ({ place: 'ip element services', key, value });
const chain = (key: string, value: string) => ({ place: 'ip chain', key, value });
const logger = createLogger(() => undefined);

describe('rule table', () => {
  test('says what has changed, and only that', () => {
    const table = new RuleTable();
    table.claim('a', [element('1', 'x'), element('2', 'y')]);
    assert.deepEqual(table.takeChanges().map(({ key, before, after }) => [key, before, after]), [['1', undefined, 'x'], ['2', undefined, 'y']]);
    table.claim('a', [element('1', 'x'), element('3', 'z')]);
    assert.deepEqual(table.takeChanges().map(({ key, before, after }) => [key, before, after]), [['3', undefined, 'z'], ['2', 'y', undefined]]);
    table.claim('a', [element('1', 'other')]);
    table.claim('a', [element('1', 'x'), element('3', 'z')]);
    assert.deepEqual(table.takeChanges(), []);
    assert.equal(table.isDirty, false);
  });

  test('what several want stays until the last of them has gone; the first decides how it is', () => {
    const table = new RuleTable();
    table.claim('a', [element('1', 'of a')]);
    table.claim('b', [element('1', 'of b')]);
    table.claim('c', [element('1', 'of c')]);
    assert.deepEqual(table.takeChanges().map(({ after }) => after), ['of a']);
    table.claim('b', []);
    table.claim('a', []);
    assert.deepEqual(table.takeChanges().map(({ before, after }) => [before, after]), [['of a', 'of c']]);
    table.claim('c', []);
    assert.deepEqual(table.takeChanges().map(({ before, after }) => [before, after]), [['of c', undefined]]);
    assert.deepEqual([...table.applied()], []);
  });

  test('whatever is claimed and given up, in whatever order, the changes lead to what is wanted', () => {
    const claim = fc.record({ owner: fc.constantFrom('a', 'b', 'c'), wants: fc.dictionary(fc.constantFrom('1', '2', '3', '4'), fc.constantFrom('x', 'y'), { maxKeys: 4 }), apply: fc.boolean(), forget: fc.boolean() });
    fc.assert(
      fc.property(fc.array(claim, { maxLength: 30 }), (claims) => {
        const table = new RuleTable();
        const wanted = new Map<string, Record<string, string>>();
        const kernel = new Map<string, string>();
        const applyChanges = () => {
          for (const { key, before, after } of table.takeChanges()) {
            assert.equal(kernel.get(key), before);
            if (after === undefined) kernel.delete(key);
            else kernel.set(key, after);
          }
        };
        for (const { owner, wants, apply, forget } of claims) {
          table.claim(owner, Object.entries(wants).map(([key, value]) => element(key, value)));
          wanted.set(owner, wants);
          if (forget) {
            table.forgetApplied();
            kernel.clear();
          }
          if (apply) applyChanges();
        }
        applyChanges();
        const all = [...wanted.values()].flatMap((wants) => Object.entries(wants));
        assert.deepEqual(new Set(kernel.keys()), new Set(all.map(([key]) => key)));
        for (const [key, value] of kernel) assert.ok(all.some(([its, wish]) => its === key && wish === value));
        assert.deepEqual(new Map([...table.applied()].map(({ key, value }) => [key, value])), kernel);
      }),
    );
  });

  test('forgets what was applied: then everything is a change', () => {
    const table = new RuleTable();
    table.claim('a', [element('1'), element('2')]);
    table.takeChanges();
    table.claim('a', [element('2')]);
    table.forgetApplied();
    assert.deepEqual(table.takeChanges(), [{ ...element('2'), before: undefined, after: '' }].map(({ value: _, ...rest }) => rest));
  });
});

describe('nft script', () => {
  test('is in the order that references allow', () => {
    const changes: Change[] = [
      { ...element('a'), before: 'goto gone', after: undefined },
      { ...element('b'), before: 'goto gone', after: 'goto new' },
      { ...chain('gone', ''), before: 'drop', after: undefined },
      { ...chain('new', ''), before: undefined, after: 'type filter hook input priority 0; policy accept;\naccept\ndrop' },
      { ...chain('kept', ''), before: 'accept', after: 'drop' },
      { place: 'ip set', key: 'old', before: 'set type ipv4_addr;', after: undefined },
      { place: 'ip set', key: 'm', before: undefined, after: 'map type ipv4_addr : verdict;' },
    ].map(({ place, key, before, after }) => ({ place, key, before, after }));
    assert.deepEqual(nftScript('t', changes, [{ family: 'ip', chain: 'older' }]).trim().split('\n').map((line) => line.trim()), [
      'add chain ip t new { type filter hook input priority 0; policy accept; }',
      'add chain ip t kept',
      'add map ip t m { type ipv4_addr : verdict; }',
      'delete element ip t services { a, b }',
      'add rule ip t new accept',
      'add rule ip t new drop',
      'flush chain ip t kept',
      'add rule ip t kept drop',
      'add element ip t services { b : goto new }',
      'flush chain ip t gone',
      'delete set ip t old',
      'delete chain ip t older',
    ]);
    assert.match(nftScript('t', [], [], ['ip']), /^add table ip t\ndelete table ip t\nadd table ip t\n/);
  });
});

describe('rule sync', () => {
  async function rig() {
    const clock = new ManualClock();
    const table = new RuleTable();
    const applied: { readonly keys: string[]; readonly afresh: boolean }[] = [];
    let failing = 0;
    let amiss: string | undefined;
    let held: Promise<string | undefined> | undefined;
    const backend: RuleBackend = {
      async apply(changes, afresh) {
        if (failing-- > 0) throw new Error('no');
        applied.push({ keys: changes.map(({ key }) => key), afresh });
      },
      audit: async () => held ?? amiss,
      remove: async () => undefined,
    };
    const sync = new RuleSync({ table, backend, clock, logger });
    const stopping = new AbortController();
    table.claim('a', [element('1')]);
    const running = sync.run(stopping.signal);
    await clock.advance(100);
    return {
      clock, table, sync, applied,
      fail: (times: number) => (failing = times),
      find: (what: string | undefined) => (amiss = what),
      /** Audits last until they are released with what they have found. */
      hold() {
        const { promise, resolve } = Promise.withResolvers<string | undefined>();
        held = promise;
        return resolve;
      },
      async stop() {
        stopping.abort();
        await settle();
        await running;
      },
    };
  }

  test('applies all at first, then changes; what comes together goes together', async () => {
    const { clock, table, sync, applied, stop } = await rig();
    table.claim('b', [element('2')]);
    table.claim('c', [element('3')]);
    sync.request();
    sync.request();
    await clock.advance(100);
    assert.deepEqual(applied, [{ keys: ['1'], afresh: true }, { keys: ['2', '3'], afresh: false }]);
    await stop();
  });

  test('retries what failed, as a whole, and tells who waits only then', async () => {
    const { clock, table, sync, applied, fail, stop } = await rig();
    fail(2);
    let told = 0;
    table.claim('b', [element('2')]);
    sync.whenApplied(() => told++);
    await clock.advance(50);
    assert.equal(told, 0);
    await clock.advance(5000);
    assert.equal(told, 1);
    assert.deepEqual(applied.at(-1), { keys: ['1', '2'], afresh: true });
    await stop();
  });

  test('repairs what an audit finds', async () => {
    const { clock, applied, find, stop } = await rig();
    await clock.advance(60_000);
    assert.equal(applied.length, 1);
    find('a chain is gone');
    await clock.advance(31_000);
    assert.deepEqual(applied.at(-1), { keys: ['1'], afresh: true });
    await stop();
  });

  test('an audit keeps no change waiting, and says nothing where it was overtaken by one', async () => {
    const { clock, table, sync, applied, hold, stop } = await rig();
    const release = hold();
    await clock.advance(30_000);
    table.claim('b', [element('2')]);
    sync.request();
    await clock.advance(100);
    assert.deepEqual(applied.at(-1), { keys: ['2'], afresh: false });
    release('something is amiss');
    await clock.advance(1000);
    assert.equal(applied.length, 2);
    await stop();
  });
});
