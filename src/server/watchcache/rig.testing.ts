/** What the tests of this folder share: a store with pods in it, sinks that can be slow, and watches as objects. */
import type { KubeObject } from '../../api/object.ts';
import { parseFieldSelector } from '../../api/selectors/field-selector.ts';
import { parseLabelSelector } from '../../api/selectors/parse-label-selector.ts';
import { selectableFieldsOf } from '../../api/selectors/field-labels.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import type { CommitResult, Store } from '../../storage/contract.ts';
import { openMemoryStore } from '../../storage/memory/memory-store.ts';
import type { CachedResource } from './cached-resource.ts';
import type { WatchCacheLimits, WatchSink } from './contract.ts';
import { encodeForStorage } from './encoding.ts';
import { indexHintOf } from './index-hint.ts';
import type { WatchRequest } from './list-options.ts';
import type { ResourceCache, Watch } from './resource-cache.ts';
import { WatchCacheSet } from './watch-cache-set.ts';

export const podResource: CachedResource = {
  storagePrefix: '/registry/core/pods/',
  group: '',
  version: 'v1',
  resource: 'pods',
  kind: 'Pod',
  namespaced: true,
  selectable: selectableFieldsOf('', 'pods'),
  indexedFields: ['spec.nodeName'],
};

export interface PodSpec {
  readonly namespace: string;
  readonly name: string;
  readonly labels?: Record<string, string>;
  readonly nodeName?: string;
  readonly phase?: string;
  readonly note?: string;
}

export function podOf({ namespace, name, labels, nodeName, phase, note }: PodSpec): KubeObject {
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name, namespace, ...(labels ? { labels } : {}), ...(note ? { annotations: { note } } : {}) },
    spec: nodeName ? { nodeName } : {},
    status: { phase: phase ?? 'Pending' },
  };
}

export interface Rig {
  readonly store: Store;
  readonly set: WatchCacheSet;
  readonly pods: ResourceCache;
  put(pod: PodSpec): Promise<number>;
  remove(namespace: string, name: string): Promise<number>;
  /** Resolves once the caches have everything written so far. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

export async function openRig(
  limits: Partial<WatchCacheLimits> = {},
  options: { store?: Store; before?: readonly PodSpec[] } = {},
): Promise<Rig> {
  const clock = systemClock({ background: true });
  const store = options.store ?? (await openMemoryStore({ clock }));
  const set = new WatchCacheSet({
    store,
    clock,
    logger: silentLogger,
    limits: { arenaBytes: 4096, ...limits },
  });
  const pods = set.add(podResource);
  const keyOf = (namespace: string, name: string) => `${podResource.storagePrefix}${namespace}/${name}`;
  const revisionOf = (result: CommitResult) => {
    if (result.outcome !== 'committed') throw new Error('conflict');
    return result.revision;
  };
  const put = async (pod: PodSpec) => {
    const object = podOf(pod);
    const key = keyOf(pod.namespace, pod.name);
    return revisionOf(
      await store.commit({
        key,
        expected: undefined,
        value: encodeForStorage(object),
        hint: indexHintOf(podResource, object),
      }),
    );
  };
  for (const pod of options.before ?? []) await put(pod);
  await set.start();
  return {
    store,
    set,
    pods,
    put,
    remove: async (namespace, name) =>
      revisionOf(await store.commit({ key: keyOf(namespace, name), expected: undefined, value: undefined })),
    settled: async () => {
      const revision = await store.currentRevision();
      while (set.revision < revision) await turn();
      for (let i = 0; i < 5; i++) await turn();
    },
    close: async () => {
      await set.stop();
      await store.close();
    },
  };
}

export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Resolves once `holds`; rejects where that takes longer than anything here should. */
export async function until(holds: () => boolean, withinMs = 10_000): Promise<void> {
  const clock = systemClock();
  const deadline = clock.monotonic() + withinMs;
  while (!holds()) {
    if (clock.monotonic() > deadline) throw new Error('it did not come');
    await clock.sleep(5);
  }
}

export interface SeenEvent {
  readonly type: string;
  readonly object: KubeObject & { readonly code?: number; readonly message?: string };
  /** `namespace/name`. */
  readonly key: string;
  readonly revision: number;
}

/** A sink that takes everything, or nothing while it is `full`. */
export class TestSink implements WatchSink {
  readonly chunks: Uint8Array[] = [];
  writes = 0;
  ended = false;
  #full = false;
  #drain: () => void = () => {};

  set full(full: boolean) {
    this.#full = full;
    if (!full) this.#drain();
  }

  write(chunks: readonly Uint8Array[]): boolean {
    this.chunks.push(...chunks);
    this.writes++;
    return !this.#full;
  }
  onDrain(callback: () => void): void {
    this.#drain = callback;
  }
  end(): void {
    this.ended = true;
  }

  get events(): SeenEvent[] {
    const text = Buffer.concat(this.chunks).toString();
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const { type, object } = JSON.parse(line) as SeenEvent;
        const { namespace, name, resourceVersion } = object.metadata;
        return {
          type,
          object,
          key: `${namespace ?? ''}/${name ?? ''}`,
          revision: Number(resourceVersion ?? 0),
        };
      });
  }

  /** `ADDED ns/a@5`, without bookmarks. */
  get lines(): string[] {
    return this.events
      .filter(({ type }) => type !== 'BOOKMARK')
      .map(({ type, key, revision }) => `${type} ${key}@${revision}`);
  }
}

export function watchPods(
  rig: Pick<Rig, 'pods'>,
  options: Omit<Partial<WatchRequest>, 'labelSelector' | 'fieldSelector' | 'sink'> & {
    labels?: string;
    fields?: string;
    sink?: TestSink;
  } = {},
): { readonly sink: TestSink; readonly watch: Watch } {
  const { labels, fields, sink = new TestSink(), ...rest } = options;
  const watch = rig.pods.watch({
    ...rest,
    sink,
    ...(labels ? { labelSelector: parseLabelSelector(labels) } : {}),
    ...(fields ? { fieldSelector: parseFieldSelector(fields) } : {}),
  });
  return { sink, watch };
}
