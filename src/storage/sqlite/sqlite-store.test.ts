import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as realTime } from 'node:timers/promises';
import { describe, test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { ManualClock } from '../conformance/manual-clock.ts';
import { storeConformance } from '../conformance/suite.ts';
import { temporaryDirectory } from '../conformance/temporary-directory.ts';
import { DirectoryInUseError, StoreOverloadedError } from '../errors.ts';
import { openSqliteStore } from './sqlite-store.ts';

storeConformance(
  'sqlite',
  async () => {
    const clock = new ManualClock();
    const directory = temporaryDirectory();
    const open = () =>
      openSqliteStore({ directory: join(directory.path, 'data'), clock, logger: silentLogger });
    let store = await open();
    return {
      store,
      async reopen() {
        await store.close();
        store = await open();
        return store;
      },
      advance: (ms) => Promise.resolve(clock.advance(ms)),
      async dispose() {
        await store.close();
        directory.remove();
      },
    };
  },
  { lasting: true },
);

describe('sqlite store', () => {
  const withStore =
    (run: (open: () => ReturnType<typeof openSqliteStore>, path: string) => Promise<void>) => async () => {
      const directory = temporaryDirectory();
      const path = join(directory.path, 'data');
      try {
        await run(
          () => openSqliteStore({ directory: path, clock: systemClock(), logger: silentLogger }),
          path,
        );
      } finally {
        directory.remove();
      }
    };

  test(
    'its files are private, and belong to one process at a time',
    withStore(async (open, path) => {
      const store = await open();
      await store.commit({ key: '/a', expected: 0, value: Buffer.from('a') });
      assert.equal(statSync(path).mode & 0o777, 0o700);
      for (const name of ['data.db', 'data.db-wal'])
        assert.equal(statSync(join(path, name)).mode & 0o777, 0o600);
      await assert.rejects(open(), (error) => {
        assert.ok(error instanceof DirectoryInUseError);
        assert.match(error.message, /^data directory .* is in use by another process$/);
        return true;
      });
      await store.close();
      await (await open()).close();
    }),
  );

  test(
    'too many commits at once are refused, and the rest are kept',
    withStore(async (open) => {
      const store = await open();
      const value = Buffer.alloc(100);
      const results = await Promise.allSettled(
        Array.from({ length: 11_000 }, (_, n) => store.commit({ key: `/k${n}`, expected: 0, value })),
      );
      const refused = results.filter((result) => result.status === 'rejected');
      assert.equal(refused.length, 1000);
      for (const { reason } of refused) assert.ok(reason instanceof StoreOverloadedError);
      assert.equal((await store.range({ from: '/', to: '0' })).count, 10_000);
      await store.close();
    }),
  );

  test(
    'values that have left memory are read back, for reads, watches and previous values',
    withStore(async (open) => {
      const store = await open();
      const text = (n: number) => `${n}-${'x'.repeat(99_000)}`;
      for (let n = 0; n < 400; n++)
        await store.commit({ key: `/k${n % 200}`, expected: undefined, value: Buffer.from(text(n)) });
      assert.equal(Buffer.from((await store.get('/k0', { revision: 2 }))?.value ?? []).toString(), text(0));
      const result = await store.commit({ key: '/k0', expected: undefined, value: Buffer.from('new') });
      assert.equal(
        result.outcome === 'committed' && Buffer.from(result.previous?.value ?? []).toString(),
        text(200),
      );
      let n = 0;
      for await (const { events } of store.watch({ from: '/', to: '0', startRevision: 2 })) {
        for (const event of events) {
          assert.ok(event.type === 'put');
          if (n < 400) assert.equal(Buffer.from(event.current.value).toString(), text(n));
          if (n >= 200 && n < 400)
            assert.equal(Buffer.from(event.previous?.value ?? []).toString(), text(n - 200));
          n++;
        }
        if (n === 401) break;
      }
      await store.close();
    }),
  );

  test(
    'the file shrinks again after a compaction',
    withStore(async (open, path) => {
      const store = await open();
      const value = Buffer.alloc(20_000, 'x');
      await Promise.all(
        Array.from({ length: 2000 }, (_, n) => store.commit({ key: `/k${n}`, expected: 0, value })),
      );
      await Promise.all(
        Array.from({ length: 2000 }, (_, n) =>
          store.commit({ key: `/k${n}`, expected: undefined, value: undefined }),
        ),
      );
      await store.compact(await store.currentRevision());
      // Pages are given back step by step, whenever the writer has nothing else to do.
      for (let tries = 0; (await store.sizeBytes()) >= 8_000_000 && tries < 500; tries++) await realTime(20);
      await store.close();
      const { size } = statSync(join(path, 'data.db'));
      assert.ok(size < 8_000_000, String(size));
    }),
  );
});
