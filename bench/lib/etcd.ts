/** A real etcd on free ports, for comparison; undefined where the machine has none. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { openEtcdStore } from '../../src/storage/etcd/etcd-store.ts';

export interface EtcdProcess {
  readonly address: string;
  put(key: string, value: string): Promise<void>;
  stop(): Promise<void>;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

export async function startEtcd(): Promise<EtcdProcess | undefined> {
  if (spawnSync('etcd', ['--version']).error) return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'coxswain-bench-etcd-'));
  const [client, peer] = [await freePort(), await freePort()];
  const address = `http://127.0.0.1:${client}`;
  const peerAddress = `http://127.0.0.1:${peer}`;
  const child = spawn(
    'etcd',
    ['--data-dir', directory, '--listen-client-urls', address, '--advertise-client-urls', address, '--listen-peer-urls', peerAddress, '--initial-advertise-peer-urls', peerAddress, '--initial-cluster', `default=${peerAddress}`, '--log-level', 'error'],
    { stdio: 'ignore' },
  );
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const store = await openEtcdStore({ endpoints: [address], clock: systemClock(), logger: silentLogger });
  const encoder = new TextEncoder();
  return {
    address,
    async put(key, value) {
      await store.commit({ key, expected: undefined, value: encoder.encode(value) });
    },
    async stop() {
      await store.close();
      child.kill('SIGTERM');
      await exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
