import { test } from 'node:test';
import assert from 'node:assert/strict';
import { silentLogger } from '../../../../base/logger.ts';
import { seededRandom } from '../../../../base/random.ts';
import type { TokenRequest } from '../../../../api/types/authentication-v1.ts';
import { ManualClock } from '../../../../client/testing/manual-clock.ts';
import { knowsNoSwap, memorySize, pageSize } from '../plugins/empty-dir.ts';
import { podWith } from '../testing/rig.ts';
import type { VolumeHost } from '../volume-plugin.ts';
import { filesOfKeys } from './file-source.ts';
import { nestedMountPoints } from './nested-mount-points.ts';
import { commonUser } from './pod-user.ts';
import { renewalTime, tokenSource } from './token-source.ts';

test('keys become files, all of them or those that are named', () => {
  const values = new Map([['a', Buffer.from('1')], ['b', Buffer.from('2')]]);
  const asked = { missing: 'no such key', optional: false, defaultMode: 0o600 };
  assert.deepEqual([...filesOfKeys(values, { ...asked, items: undefined }).keys()], ['a', 'b']);
  const named = filesOfKeys(values, { ...asked, items: [{ key: 'b', path: 'x/y', mode: 0o400 }, { key: 'a', path: 'z' }] });
  assert.deepEqual([...named].map(([path, { mode }]) => [path, mode]), [['x/y', 0o400], ['z', 0o600]]);
  const wrong = [{ key: 'c', path: 'c' }];
  assert.throws(() => filesOfKeys(values, { ...asked, items: wrong }), /^Error: no such key: c$/);
  assert.equal(filesOfKeys(values, { ...asked, optional: true, items: wrong }).size, 0);
});

test('a token is renewed in time, and kept while the API cannot give another', async () => {
  assert.equal(renewalTime(0, 1000, 0), 800);
  assert.equal(renewalTime(0, 7 * 86_400_000, 0), 86_400_000);

  const clock = new ManualClock();
  const asked: TokenRequest['spec'][] = [];
  let fails = false;
  const client = {
    createToken(_: unknown, spec: TokenRequest['spec']): Promise<TokenRequest> {
      if (fails) return Promise.reject(new Error('gone fishing'));
      asked.push(spec);
      const expirationTimestamp = new Date(clock.now() + 1_000_000).toISOString();
      return Promise.resolve({ metadata: {}, spec: { ...spec, expirationSeconds: 1000 }, status: { token: `token-${asked.length}`, expirationTimestamp } });
    },
  };
  const host = { client, clock, random: seededRandom(1), logger: silentLogger, signal: new AbortController().signal } as unknown as VolumeHost;
  const source = tokenSource(host, { path: 'token', audience: 'vault', expirationSeconds: 1000 }, { defaultMode: 0o644, guarded: { mode: 0o600, uid: 7 } });
  const pod = podWith([]);
  const read = async () => (await source.collect(pod)).get('token')!;

  const first = await read();
  assert.deepEqual([first.data.toString(), first.mode, first.uid], ['token-1', 0o600, 7]);
  assert.deepEqual(asked[0], { audiences: ['vault'], expirationSeconds: 1000, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'uid-1' } });
  assert.equal((await read()).data.toString(), 'token-1');
  await clock.advance(801_000);
  assert.ok((source.dueAt?.() ?? Infinity) <= clock.now());
  fails = true;
  assert.equal((await read()).data.toString(), 'token-1');
  fails = false;
  assert.equal((await read()).data.toString(), 'token-2');
  fails = true;
  await clock.advance(1_100_000);
  await assert.rejects(read(), /token expired and refresh failed: gone fishing/);
});

test('the user of a pod is the one that all its containers have', () => {
  const pod = (users: (number | undefined)[], runAsUser?: number) => podWith([], {}, { securityContext: { runAsUser }, containers: users.map((own, i) => ({ name: `c${i}`, securityContext: { runAsUser: own } })) });
  assert.equal(commonUser(pod([7, 7])), 7);
  assert.equal(commonUser(pod([undefined, 7], 7)), 7);
  assert.equal(commonUser(pod([7, 8])), undefined);
  assert.equal(commonUser(pod([7, undefined])), undefined);
});

test('where volumes are mounted inside of another', () => {
  const mounts = (paths: Readonly<Record<string, string>>) => podWith([], { volumeMounts: Object.entries(paths).map(([mountPath, name]) => ({ mountPath, name })) });
  assert.deepEqual(nestedMountPoints('v', mounts({ '/a': 'v', '/a/b/c': 'w', '/ab': 'w', '/a/d/': 'x' })).sort(), ['b/c', 'd']);
  assert.deepEqual(nestedMountPoints('v', mounts({ '/a': 'v', '/a/b': 'w', '/a/b/c': 'x' })), ['b']);
  assert.deepEqual(nestedMountPoints('w', mounts({ '/a': 'v', '/a/b': 'w' })), []);
});

test('how large memory may be, and of which pages', () => {
  const limited = (...limits: (string | undefined)[]) => podWith([], {}, { containers: limits.map((memory, i) => ({ name: `c${i}`, resources: memory === undefined ? {} : { limits: { memory } } })) });
  assert.equal(memorySize(limited('1Ki', '1Ki'), '1Mi', '1Gi'), 2048);
  assert.equal(memorySize(limited('1Ki', undefined), '1Mi', '1Gi'), 1 << 20);
  assert.equal(memorySize(limited(undefined), undefined, '1Gi'), 1 << 30);
  assert.equal(memorySize(limited(undefined), undefined, undefined), undefined);

  const huge = (...sizes: string[]) => podWith([], { resources: { requests: Object.fromEntries(sizes.map((size) => [`hugepages-${size}`, '1'])) } });
  assert.equal(pageSize(huge('2Mi'), 'HugePages'), '2M');
  assert.equal(pageSize(huge('2Mi', '1Gi'), 'HugePages-1Gi'), '1G');
  assert.throws(() => pageSize(huge('2Mi', '1Gi'), 'HugePages'), /multiple huge page sizes/);
  assert.throws(() => pageSize(huge('2Mi'), 'HugePages-1Gi'), /no resource request/);

  assert.deepEqual(['6.1.0', '6.4.0-x', '5.15', '7.0'].map(knowsNoSwap), [false, true, false, true]);
});
