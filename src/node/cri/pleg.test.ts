import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import type { RuntimePod } from '../kubelet/runtime.ts';
import { CriConnection } from './connection.ts';
import { CriRuntime } from './cri-runtime.ts';
import { Pleg, type PlegOptions } from './pleg.ts';
import { FakeCri } from './testing/fake-cri.ts';

const clock = systemClock();
/** Longer than any test. */
const never = 1e8;
let directory: string;
let cri: FakeCri;
let closing: (() => void)[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'coxswain-pleg-'));
  closing = [];
});
afterEach(() => {
  for (const close of closing) close();
  cri.stop();
  rmSync(directory, { recursive: true });
});

async function open(more: Partial<PlegOptions> = {}, fake: { readonly events?: boolean } = {}): Promise<{ pleg: Pleg; told: RuntimePod[] }> {
  const socket = join(directory, 'cri.sock');
  cri = new FakeCri(socket, fake);
  cri.addPod('a', ['one', 'two']);
  cri.addPod('b', ['one']);
  await cri.start();
  const connection = new CriConnection(socket, clock);
  const pleg = new Pleg({ connection, clock, logger: silentLogger, runtimeName: 'fake', relistMs: never, ...more });
  closing.push(() => pleg.close(), () => connection.close());
  const told: RuntimePod[] = [];
  pleg.subscribe((pod) => told.push(pod));
  await pleg.start();
  return { pleg, told };
}

const shown = ({ uid, sandbox, containers }: RuntimePod) => `${uid} ${sandbox?.ready} ${containers.map(({ name, state }) => `${name}:${state}`).join(' ')}`;

/** Until what a test waits for has come; the runner ends one that waits for ever. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}

test('what exists is told once; nothing is told, or asked for in detail, of what does not change', async () => {
  const { pleg, told } = await open();
  assert.deepEqual(told.map(shown).toSorted(), ['a true one:running two:running', 'b true one:running']);
  assert.deepEqual([cri.calls.get('containerStatus'), cri.calls.get('podSandboxStatus')], [3, 2]);
  await pleg.refresh();
  await pleg.refresh('a');
  assert.equal(told.length, 2);
  assert.deepEqual([cri.calls.get('containerStatus'), cri.calls.get('podSandboxStatus'), cri.calls.get('listContainers')], [3, 2, 3]);
});

test('a change is asked for alone; what is gone is told as nothing', async () => {
  const { pleg, told } = await open();
  told.length = 0;
  Object.assign(cri.containers.get('two-a') ?? {}, { state: 2, exitCode: 3 });
  await pleg.refresh();
  assert.deepEqual(told.map(shown), ['a true one:running two:exited']);
  assert.equal(told[0]?.containers[1]?.exitCode, 3);
  assert.equal(cri.calls.get('containerStatus'), 4);
  cri.sandboxes.delete('s-b');
  cri.containers.delete('one-b');
  await pleg.refresh('b');
  assert.deepEqual(told.slice(1).map(shown), ['b undefined ']);
  assert.equal(pleg.pod('b'), undefined);
  assert.equal(pleg.ownerOf('one-b'), undefined);
});

test('a burst is served by one more round, and by what was true when it was asked', async () => {
  const { pleg, told } = await open();
  const before = cri.calls.get('listContainers') ?? 0;
  const first = pleg.refresh('a');
  cri.addPod('c', ['one']);
  await Promise.all([first, ...Array.from({ length: 50 }, (_, n) => pleg.refresh(n % 2 ? 'a' : 'c'))]);
  assert.equal(cri.calls.get('listContainers'), before + 2);
  assert.equal(told.at(-1)?.uid, 'c');
});

test('an end that the runtime tells is known without relisting, also when it is told a moment too early', async () => {
  const { told } = await open({}, { events: true });
  await until(() => cri.listeners === 1);
  told.length = 0;
  cri.tellStopped('one-b');
  await until(() => (cri.calls.get('containerStatus') ?? 0) >= 5);
  Object.assign(cri.containers.get('one-b') ?? {}, { state: 2 });
  await until(() => told.length > 0);
  assert.deepEqual(told.map(shown), ['b true one:exited']);
});

test('a runtime that goes away and comes back: errors meanwhile, then what has changed', async () => {
  const { pleg, told } = await open({ relistMs: 20 });
  told.length = 0;
  cri.stop();
  await assert.rejects(pleg.refresh());
  cri.addPod('c', ['one']);
  await cri.start();
  await until(() => told.length > 0);
  assert.deepEqual(told.map(shown), ['c true one:running']);
});

test('what is wrong with a runtime is said as the node’s condition says it', async () => {
  await open();
  const runtime = await CriRuntime.connect({ socket: join(directory, 'cri.sock'), clock, logger: silentLogger, seccompDirectory: '', imageVolumesDirectory: join(directory, 'image-volumes'), relistMs: never });
  closing.push(() => runtime.close());
  assert.equal(runtime.version, 'fake://1');
  assert.deepEqual(await runtime.status(), { ready: true, networkReady: false, message: 'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:cni plugin not initialized' });
  cri.stop();
  const { ready, message } = await runtime.status();
  assert.equal(ready, false);
  assert.match(message, /^container runtime is down/);
});
