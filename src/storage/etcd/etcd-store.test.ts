import assert from 'node:assert/strict';
import { setTimeout as realTime } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { storeConformance } from '../conformance/suite.ts';
import { temporaryDirectory } from '../conformance/temporary-directory.ts';
import type { Store } from '../contract.ts';
import { CommitUncertainError } from '../errors.ts';
import { enableAuth, makePki, pem, withoutOpenssl } from './etcd-security.ts';
import { startEtcd, withoutEtcd, type EtcdCluster } from './etcd-process.ts';
import { openEtcdStore } from './etcd-store.ts';

const clock = systemClock();

for (const prefix of ['', '/house']) {
  describe(`etcd, one member, prefix "${prefix}"`, { skip: withoutEtcd }, () => {
    let cluster: EtcdCluster;
    before(async () => {
      cluster = await startEtcd();
    });
    after(() => cluster.stop());
    storeConformance(
      'etcd',
      async () => {
        const open = () =>
          openEtcdStore({ endpoints: cluster.endpoints, clock, logger: silentLogger, prefix });
        let store = await open();
        return {
          store,
          async reopen() {
            await store.close();
            store = await open();
            return store;
          },
          advance: (ms) => realTime(ms),
          dispose: () => store.close(),
        };
      },
      { lasting: true, manyKeys: prefix === '' ? 100_000 : 2_000 },
    );
  });
}

describe('etcd, three members', { skip: withoutEtcd }, () => {
  test(
    'members may die: watches go on without gap or duplicate, and no acknowledged write is lost',
    { timeout: 60_000 },
    async () => {
      const cluster = await startEtcd({ members: 3 });
      const store = await openEtcdStore({ endpoints: cluster.endpoints, clock, logger: silentLogger });
      try {
        const written = new Map<string, number>();
        const uncertain = new Set<string>();
        const seen: string[] = [];
        const abort = new AbortController();
        const watching = watchKeys(store, await store.currentRevision(), seen, abort.signal);
        let writing = true;
        const writers = Array.from({ length: 10 }, async (_, writer) => {
          for (let n = 0; writing; n++) {
            const key = `/k/${writer}-${n}`;
            try {
              const result = await store.commit({ key, expected: 0, value: Buffer.from(key) });
              if (result.outcome === 'committed') written.set(key, result.revision);
            } catch (error) {
              assert.ok(error instanceof CommitUncertainError, String(error));
              uncertain.add(key);
            }
          }
        });
        for (const member of cluster.members) {
          await realTime(300);
          await member.kill();
          await realTime(1500);
          await member.start();
          await realTime(500);
        }
        writing = false;
        await Promise.all(writers);
        await store.commit({ key: '/k/end', expected: 0, value: Buffer.from('end') });
        await watching;
        abort.abort();
        assert.ok(written.size > 100);
        const { items } = await store.range({ from: '/k/', to: '/k0' });
        const found = new Map(items.map((item) => [item.key, item.modRevision]));
        for (const [key, revision] of written) assert.equal(found.get(key), revision);
        assert.equal(new Set(seen).size, seen.length, 'an event came twice');
        assert.deepEqual(
          seen.filter((key) => key !== '/k/end').toSorted(),
          [...found.keys()].filter((key) => key !== '/k/end').toSorted(),
        );
        for (const key of found.keys()) assert.ok(written.has(key) || uncertain.has(key) || key === '/k/end');
      } finally {
        await store.close();
        await cluster.stop();
      }
    },
  );
});

describe('etcd, secured', { skip: withoutEtcd }, () => {
  test('TLS with a certificate for each side', { timeout: 30_000, skip: withoutOpenssl }, async () => {
    const directory = temporaryDirectory();
    const pki = makePki(directory.path);
    const cluster = await startEtcd({
      tlsFlags: [
        `--cert-file=${pki.server.certFile}`,
        `--key-file=${pki.server.keyFile}`,
        `--trusted-ca-file=${pki.caFile}`,
        '--client-cert-auth',
      ],
    });
    const tls = { ca: pem(pki.caFile), cert: pem(pki.client.certFile), key: pem(pki.client.keyFile) };
    try {
      const store = await openEtcdStore({ endpoints: cluster.endpoints, tls, clock, logger: silentLogger });
      await writeAndWatch(store);
      await store.close();
      await assert.rejects(
        openEtcdStore({ endpoints: cluster.endpoints, tls: { ca: tls.ca }, clock, logger: silentLogger }),
      );
    } finally {
      await cluster.stop();
      directory.remove();
    }
  });

  test('user name and password, also after the token has ended', { timeout: 30_000 }, async () => {
    const cluster = await startEtcd({ tlsFlags: [] });
    const endpoints = cluster.endpoints;
    const auth = { username: 'root', password: 'secret' };
    try {
      await enableAuth(endpoints[0] as string, auth);
      const store = await openEtcdStore({ endpoints, auth, clock, logger: silentLogger });
      await writeAndWatch(store);
      // Simple tokens do not outlive the process that gave them.
      await cluster.members[0]?.kill();
      await cluster.members[0]?.start();
      await writeAndWatch(store);
      await store.close();
      const wrong = { username: 'root', password: 'wrong' };
      await assert.rejects(
        openEtcdStore({ endpoints, auth: wrong, clock, logger: silentLogger }),
        /authentication failed/,
      );
    } finally {
      await cluster.stop();
    }
  });
});

async function writeAndWatch(store: Store): Promise<void> {
  const start = (await store.currentRevision()) + 1;
  const watching = store.watch({ from: '/a', to: '/b', startRevision: start })[Symbol.asyncIterator]();
  const next = watching.next();
  assert.equal(
    (await store.commit({ key: '/a', expected: undefined, value: Buffer.from('a') })).outcome,
    'committed',
  );
  let batch = await next;
  while (!batch.done && batch.value.events.length === 0) batch = await watching.next();
  assert.equal(batch.value?.events[0]?.type, 'put');
  await watching.return?.();
}

async function watchKeys(store: Store, from: number, seen: string[], signal: AbortSignal): Promise<void> {
  for await (const batch of store.watch({ from: '/k/', to: '/k0', startRevision: from + 1, signal })) {
    for (const event of batch.events) if (event.type === 'put') seen.push(event.current.key);
    if (seen.at(-1) === '/k/end') return;
  }
}
