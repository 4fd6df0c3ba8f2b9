/**
 * The watch cache alone: no store, no sockets. Prints what design.md's laws
 * limit: `node --expose-gc bench/watchcache.bench.ts [pods]`.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { selectableFieldsOf } from '../src/api/selectors/field-labels.ts';
import { parseFieldSelector } from '../src/api/selectors/field-selector.ts';
import { parseLabelSelector } from '../src/api/selectors/parse-label-selector.ts';
import type { KubeObject } from '../src/api/object.ts';
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import type {
  KeyValue,
  RangeOptions,
  RangeResult,
  Store,
  WatchBatch,
  WatchEvent,
} from '../src/storage/contract.ts';
import type { CachedResource } from '../src/server/watchcache/cached-resource.ts';
import type { WatchSink } from '../src/server/watchcache/contract.ts';
import { encodeForStorage } from '../src/server/watchcache/encoding.ts';
import { indexHintOf } from '../src/server/watchcache/index-hint.ts';
import type { ResourceCache } from '../src/server/watchcache/resource-cache.ts';
import { WatchCacheSet } from '../src/server/watchcache/watch-cache-set.ts';

const podCount = Number(process.argv[2] ?? 30_000);
const nodeCount = 5000;
const prefix = '/registry/core/pods/';
const resource: CachedResource = {
  storagePrefix: prefix,
  group: '',
  version: 'v1',
  resource: 'pods',
  kind: 'Pod',
  namespaced: true,
  selectable: selectableFieldsOf('', 'pods'),
  indexedFields: ['spec.nodeName'],
};

/** About 4.8 kB of JSON, as a pod of a small deployment with its managedFields. */
function podOf(index: number, phase = 'Running'): KubeObject {
  const owner = Math.floor(index / 30);
  const fields = Object.fromEntries(
    Array.from({ length: 66 }, (_, i) => [`f:field-${i}`, { 'f:name': {}, 'f:value': { '.': {} } }]),
  );
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      name: `web-${owner}-${String(index).padStart(6, '0')}`,
      namespace: `ns-${owner % 100}`,
      uid: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
      labels: {
        app: `web-${owner}`,
        'pod-template-hash': `hash${owner}`,
        tier: owner % 2 ? 'front' : 'back',
      },
      managedFields: [
        {
          manager: 'controller-manager',
          operation: 'Update',
          apiVersion: 'v1',
          fieldsType: 'FieldsV1',
          fieldsV1: { 'f:spec': fields },
        },
      ],
    },
    spec: {
      nodeName: `node-${index % nodeCount}`,
      restartPolicy: 'Always',
      schedulerName: 'default-scheduler',
      serviceAccountName: 'default',
      containers: Array.from({ length: 2 }, (_, i) => ({
        name: `c${i}`,
        image: 'registry.example/web:1',
        env: Array.from({ length: 10 }, (_, e) => ({ name: `VARIABLE_${e}`, value: `value-${e}` })),
      })),
    },
    status: {
      phase,
      podIPs: [{ ip: `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}` }],
      conditions: ['Ready', 'Initialized', 'PodScheduled', 'ContainersReady'].map((type) => ({
        type,
        status: 'True',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      })),
    },
  } as unknown as KubeObject;
}

const keyOf = (pod: KubeObject) => `${prefix}${pod.metadata.namespace}/${pod.metadata.name}`;

/** Makes pods as they are read and events as they are pushed; keeps nothing. */
class SyntheticStore implements Partial<Store> {
  readonly #indexes = Array.from({ length: podCount }, (_, index) => ({
    key: keyOf(podOf(index)),
    index,
  })).sort((a, b) => (a.key < b.key ? -1 : 1));
  #revision = podCount;
  /** Spent on making what is read: not the cache's time. */
  makingMs = 0;
  #wake: (batch: WatchBatch) => void = () => {};

  currentRevision = () => Promise.resolve(this.#revision);
  requestProgress = () => {};
  range = ({ from, to, limit = Infinity }: RangeOptions): Promise<RangeResult> => {
    const began = clock.monotonic();
    const start = this.#indexes.findIndex(({ key }) => key >= from);
    const chosen = start < 0 ? [] : this.#indexes.slice(start, start + limit).filter(({ key }) => key < to);
    const items: KeyValue[] = chosen.map(({ key, index }) => ({
      key,
      value: encodeForStorage(podOf(index)),
      createRevision: index + 1,
      modRevision: index + 1,
    }));
    this.makingMs += clock.monotonic() - began;
    return Promise.resolve({
      items,
      more: start >= 0 && start + chosen.length < this.#indexes.length,
      count: podCount,
      revision: this.#revision,
    });
  };
  async *watch(): AsyncGenerator<WatchBatch> {
    for (;;) yield await new Promise<WatchBatch>((resolve) => (this.#wake = resolve));
  }
  push(pods: readonly KubeObject[]): void {
    const events: WatchEvent[] = pods.map((pod) => {
      const revision = ++this.#revision;
      return {
        type: 'put',
        previous: undefined,
        current: {
          key: keyOf(pod),
          value: encodeForStorage(pod),
          createRevision: 1,
          modRevision: revision,
          hint: indexHintOf(resource, pod),
        },
      };
    });
    this.#wake({ events, revision: this.#revision });
  }
}

class CountingSink implements WatchSink {
  chunks = 0;
  writes = 0;
  bytes = 0;
  write(chunks: readonly Uint8Array[]): boolean {
    this.chunks += chunks.length;
    this.writes++;
    for (const chunk of chunks) this.bytes += chunk.length;
    return true;
  }
  onDrain(): void {}
  end(): void {}
}

const clock = systemClock();
const print = (text: string) => void process.stdout.write(`${text}\n`);
const report = (what: string, value: string, limit = '') =>
  print(`${what.padEnd(64)} ${value.padStart(16)}  ${limit}`);
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const garbage = globalThis.gc ?? (() => {});

const pauses = { minor: 0, major: 0 };
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const kind = (entry as unknown as { detail: { kind: number } }).detail.kind === 1 ? 'minor' : 'major';
    pauses[kind] = Math.max(pauses[kind], entry.duration);
  }
}).observe({ entryTypes: ['gc'] });

async function settle(set: WatchCacheSet, store: SyntheticStore): Promise<void> {
  const revision = await store.currentRevision();
  while (set.revision < revision) await turn();
  for (let i = 0; i < 3; i++) await turn();
}

/** The longest time between two turns of the loop while `work` runs. */
async function longestTurn(work: () => Promise<void>): Promise<number> {
  let longest = 0;
  let last = clock.monotonic();
  let watching = true;
  const look = () => {
    const now = clock.monotonic();
    longest = Math.max(longest, now - last);
    last = now;
    if (watching) setImmediate(look);
  };
  setImmediate(look);
  await work();
  watching = false;
  return longest;
}

async function measureReads(pods: ResourceCache): Promise<void> {
  const timed = async (what: string, limit: string, work: () => Promise<number>) => {
    await work();
    const start = clock.monotonic();
    const count = await work();
    report(what, `${(clock.monotonic() - start).toFixed(2)} ms`, `${count} objects; ${limit}`);
  };
  await timed('LIST all, entries only', '< 5 ms a slice', async () => (await pods.list({})).entries.length);
  await timed('LIST all, bytes of every entry', 'limit 300 ms with TLS', async () => {
    let bytes = 0;
    for (const entry of (await pods.list({})).entries) bytes += entry.bytes.length;
    return bytes > 0 ? pods.size : 0;
  });
  await timed(
    'LIST app=web-7 (label index)',
    '',
    async () => (await pods.list({ labelSelector: parseLabelSelector('app=web-7') })).entries.length,
  );
  await timed(
    'LIST tier!=front (no index)',
    '',
    async () => (await pods.list({ labelSelector: parseLabelSelector('tier!=front') })).entries.length,
  );
  await timed(
    'LIST spec.nodeName=node-7',
    '',
    async () =>
      (await pods.list({ fieldSelector: parseFieldSelector('spec.nodeName=node-7') })).entries.length,
  );
  await timed(
    'LIST of one namespace',
    '',
    async () => (await pods.list({ namespace: 'ns-7' })).entries.length,
  );
  const gets = 100_000;
  const start = clock.monotonic();
  let sum = 0;
  for (let i = 0; i < gets; i++) sum += pods.get('ns-7', 'web-7-000210')?.bytes.length ?? 0;
  report(
    'GET from the cache',
    `${(((clock.monotonic() - start) * 1e6) / gets).toFixed(0)} ns`,
    `${sum / gets} bytes; limit 66 us with HTTP`,
  );
}

async function measureFanOut(
  set: WatchCacheSet,
  store: SyntheticStore,
  pods: ResourceCache,
  watchers: number,
  selector: (index: number) => object,
  what: string,
): Promise<void> {
  const sinks = Array.from({ length: watchers }, () => new CountingSink());
  const resourceVersion = String(set.revision);
  const watches = sinks.map((sink, index) => pods.watch({ sink, resourceVersion, ...selector(index) }));
  await turn();
  await turn();
  const bursts = 20;
  const perBurst = 100;
  for (const sink of sinks) sink.chunks = sink.writes = 0;
  let spent = 0;
  let longest = 0;
  for (let burst = 0; burst < bursts; burst++) {
    const changed = Array.from({ length: perBurst }, (_, i) =>
      podOf((burst * perBurst + i) % podCount, `Phase${burst}`),
    );
    store.push(changed);
    const start = clock.monotonic();
    longest = Math.max(longest, await longestTurn(() => settle(set, store)));
    spent += clock.monotonic() - start;
  }
  const delivered = sinks.reduce((sum, sink) => sum + sink.chunks, 0);
  const writes = sinks.reduce((sum, sink) => sum + sink.writes, 0);
  report(
    `${perBurst} events to ${watchers} watchers ${what}`,
    `${(spent / bursts).toFixed(2)} ms`,
    `${delivered / bursts} frames in ${writes / bursts} writes a burst; limit 600 ms with TLS`,
  );
  report('  an event', `${((spent * 1000) / (bursts * perBurst)).toFixed(1)} us`);
  report('  a frame to a watcher', `${((spent * 1e6) / Math.max(1, delivered)).toFixed(0)} ns`);
  report('  longest turn of the loop', `${longest.toFixed(1)} ms`, 'limit about 5 ms');
  for (const watch of watches) watch.stop();
}

async function measureInitial(pods: ResourceCache): Promise<void> {
  const sink = new CountingSink();
  const start = clock.monotonic();
  const watch = pods.watch({ sink, resourceVersion: '0', allowWatchBookmarks: true });
  const longest = await longestTurn(async () => {
    let seen = -1;
    // It is over when ten turns bring nothing more.
    while (sink.writes !== seen) {
      seen = sink.writes;
      for (let i = 0; i < 10; i++) await turn();
    }
  });
  report(
    'initial state to one watcher',
    `${(clock.monotonic() - start).toFixed(0)} ms`,
    `${(sink.bytes / 1e6).toFixed(0)} MB in ${sink.chunks} chunks, ${sink.writes} writes`,
  );
  report('  longest turn of the loop', `${longest.toFixed(1)} ms`, 'limit about 5 ms');
  watch.stop();
}

async function measureChurn(set: WatchCacheSet, store: SyntheticStore): Promise<void> {
  garbage();
  pauses.minor = pauses.major = 0;
  const start = clock.monotonic();
  let count = 0;
  let worst = 0;
  while (clock.monotonic() - start < 5000) {
    store.push(Array.from({ length: 50 }, () => podOf(count++ % podCount, `Churn${count}`)));
    worst = Math.max(worst, await longestTurn(() => settle(set, store)));
  }
  const seconds = (clock.monotonic() - start) / 1000;
  const { liveBytes, arenaBytes } = set.memory;
  report('churn of all pods, encoding included', `${(count / seconds).toFixed(0)}/s`);
  report('  longest turn', `${worst.toFixed(1)} ms`, 'limit about 5 ms');
  report(
    '  longest GC pause, minor / major',
    `${pauses.minor.toFixed(1)} / ${pauses.major.toFixed(1)} ms`,
    'limit 1 / 3 ms at 150k pods',
  );
  report(
    '  arenas: live / held',
    `${(liveBytes / 1e6).toFixed(0)} / ${(arenaBytes / 1e6).toFixed(0)} MB`,
    'history included',
  );
}

const store = new SyntheticStore();
garbage();
const emptyStart = clock.monotonic();
garbage();
const emptyMs = clock.monotonic() - emptyStart;
const before = process.memoryUsage();
const set = new WatchCacheSet({ store: store as unknown as Store, clock, logger: silentLogger });
const pods = set.add(resource);
const podBytes = encodeForStorage(podOf(0)).length;
const loadStart = clock.monotonic();
await set.start();
const loadMs = clock.monotonic() - loadStart;
garbage();
const after = process.memoryUsage();
const collectStart = clock.monotonic();
garbage();
const collectMs = clock.monotonic() - collectStart;
print(`${podCount} pods of ${podBytes} bytes, Node ${process.version}`);
report(
  'load without hints, a pod',
  `${(((loadMs - store.makingMs) * 1000) / podCount).toFixed(1)} us`,
  'JSON.parse alone: 19 us',
);
report('full GC: empty / with pods', `${emptyMs.toFixed(1)} / ${collectMs.toFixed(1)} ms`);
report(
  'memory a pod: heap / arena',
  `${((after.heapUsed - before.heapUsed) / podCount).toFixed(0)} / ${(set.memory.arenaBytes / podCount).toFixed(0)} B`,
  'limit 4.7 kB in all (0.7 GB for 150k)',
);
await measureReads(pods);
await measureFanOut(set, store, pods, 1000, () => ({}), 'of everything');
await measureFanOut(
  set,
  store,
  pods,
  nodeCount,
  (index) => ({ fieldSelector: parseFieldSelector(`spec.nodeName=node-${index}`) }),
  'by spec.nodeName',
);
await measureFanOut(
  set,
  store,
  pods,
  1000,
  (index) => ({ labelSelector: parseLabelSelector(`app=web-${index % 100}`) }),
  'by label',
);
await measureInitial(pods);
await measureChurn(set, store);
process.exit(0);
