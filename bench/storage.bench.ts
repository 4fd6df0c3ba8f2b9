/**
 * Durable writes a second: `node bench/storage.bench.ts [seconds a case]`.
 *
 * New keys with 3 kB values from 1, 10 and 100 callers, each waiting for its
 * acknowledgement, into every store; and into etcd through a bare gRPC client,
 * which is what the machine and etcd allow. Then 150,000 objects: how long
 * opening takes, and reading all of them in pages.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import type { Store } from '../src/storage/contract.ts';
import { startEtcd, withoutEtcd } from '../src/storage/etcd/etcd-process.ts';
import { openEtcdStore } from '../src/storage/etcd/etcd-store.ts';
import { rpc } from '../src/storage/etcd/rpc.ts';
import { openMemoryStore } from '../src/storage/memory/memory-store.ts';
import { openSqliteStore } from '../src/storage/sqlite/sqlite-store.ts';

const clock = systemClock();
const caseMs = 1000 * Number(process.argv[2] ?? 4);
const value = Buffer.alloc(3000, 'pod');
const objects = 150_000;

/** What is measured: `put` resolves once the write is durable. */
interface Target {
  put(key: string): Promise<unknown>;
  close(): Promise<void>;
}

const targets: Record<string, () => Promise<Target>> = {
  memory: async () => storeTarget(await openMemoryStore({ clock })),
  sqlite: async () => {
    const directory = mkdtempSync(join(tmpdir(), 'coxswain-bench-'));
    const store = await openSqliteStore({ directory, clock, logger: silentLogger });
    return storeTarget(store, () => rmSync(directory, { recursive: true }));
  },
  ...(withoutEtcd
    ? {}
    : {
        etcd: async () => {
          const cluster = await startEtcd();
          const store = await openEtcdStore({ endpoints: cluster.endpoints, clock, logger: silentLogger });
          return storeTarget(store, () => cluster.stop());
        },
        'etcd, bare gRPC': bareEtcd,
      }),
};

function storeTarget(store: Store, after: () => void | Promise<void> = () => {}): Target {
  return {
    put: (key) => store.commit({ key, expected: 0, value }),
    async close() {
      await store.close();
      await after();
    },
  };
}

async function bareEtcd(): Promise<Target> {
  const cluster = await startEtcd();
  const client = new Client(new URL(cluster.endpoints[0] as string).host, credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = rpc.txn;
  return {
    put: (key) =>
      new Promise<void>((resolve, reject) => {
        const raw = Buffer.from(key);
        const compare = [{ result: 0, target: 2, key: raw, modRevision: 0 }];
        const success = [{ requestPut: { key: raw, value, prevKv: false } }];
        client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          { compare, success, failure: [] },
          (error) => (error ? reject(error) : resolve()),
        );
      }),
    async close() {
      client.close();
      await cluster.stop();
    },
  };
}

async function writes(target: Target, callers: number): Promise<string> {
  const latencies: number[] = [];
  const start = clock.monotonic();
  const end = start + caseMs;
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      for (let n = 0; ; n++) {
        const asked = clock.monotonic();
        if (asked >= end) return;
        await target.put(`/registry/pods/namespace-${caller}/pod-${n}`);
        latencies.push(clock.monotonic() - asked);
      }
    }),
  );
  const seconds = (clock.monotonic() - start) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (part: number) => (latencies[Math.floor(latencies.length * part)] ?? 0).toFixed(2).padStart(8);
  return `${Math.round(latencies.length / seconds)
    .toString()
    .padStart(8)}${at(0.5)}${at(0.99)}`;
}

async function reopening(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'coxswain-bench-'));
  const open = () => openSqliteStore({ directory, clock, logger: silentLogger });
  const timed = async <Result>(title: string, work: () => Promise<Result>): Promise<Result> => {
    const start = clock.monotonic();
    const result = await work();
    print(
      `${title.padEnd(44)}${Math.round(clock.monotonic() - start)
        .toString()
        .padStart(8)} ms`,
    );
    return result;
  };
  const first = await open();
  let next = 0;
  await timed(`sqlite: write ${objects} objects, 500 callers`, async () => {
    const writer = async () => {
      while (next < objects) {
        const n = next++;
        await first.commit({
          key: `/registry/pods/namespace-${n % 50}/pod-${(n * 7919) % objects}`,
          expected: 0,
          value,
        });
      }
    };
    await Promise.all(Array.from({ length: 500 }, writer));
  });
  await first.close();
  const second = await timed(`sqlite: open with ${objects} objects`, open);
  await timed(`sqlite: read them all, 500 a page`, async () => {
    let from = '/registry/pods/';
    for (let more = true; more;) {
      const page = await second.range({ from, to: '/registry/pods0', limit: 500 });
      more = page.more;
      from = `${page.items.at(-1)?.key}\0`;
    }
  });
  await second.close();
  rmSync(directory, { recursive: true });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

print(
  `${'3 kB writes'.padEnd(18)}${'callers'.padStart(8)}${'ops/s'.padStart(8)}${'p50 ms'.padStart(8)}${'p99 ms'.padStart(8)}`,
);
for (const [name, open] of Object.entries(targets)) {
  for (const callers of [1, 10, 100]) {
    const target = await open();
    print(`${name.padEnd(18)}${callers.toString().padStart(8)}${await writes(target, callers)}`);
    await target.close();
  }
}
if (withoutEtcd) print(`etcd skipped: ${withoutEtcd}`);
await reopening();
