/**
 * Follows pods by one watch, as a client sees them: when each was first seen,
 * had a node, ran, was ready and was gone, by this process's clock. Groups are
 * the pods of one namespace with the same label `name`.
 */
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { Pod } from '../../src/api/types/core-v1.ts';
import { Client } from '../../src/client/client.ts';
import type { ConnectionConfig } from '../../src/client/kubeconfig.ts';
import { Reflector, type ReflectorSink } from '../../src/client/reflector.ts';
import { pods as podResource } from '../../src/client/resources.ts';
import { http2Transport } from '../../src/client/transports/http2.ts';
import type { WatchEvent } from '../../src/client/watch-decoder.ts';

/** Times are of performance.now(), undefined until it was so. */
export interface SeenPod {
  readonly namespace: string;
  readonly name: string;
  readonly group: string;
  readonly seenAt: number;
  /** What the object itself says, milliseconds since the epoch, in whole seconds. */
  readonly createdMs: number;
  startedMs: number;
  node: string | undefined;
  scheduledAt: number | undefined;
  runningAt: number | undefined;
  readyAt: number | undefined;
  /** The wall clock then. */
  readyWallMs: number;
  goneAt: number | undefined;
}

export interface GroupCount {
  /** Not gone. */
  readonly alive: number;
  /** Of these, Running and Ready now. */
  readonly ready: number;
}

interface Group {
  alive: number;
  ready: number;
}

export interface PodSelection {
  readonly namespace?: string;
  readonly labelSelector?: string;
}

export class PodWatch implements ReflectorSink<Pod> {
  /** All pods ever seen, by namespace and name; of one name the last. */
  readonly pods = new Map<string, SeenPod>();
  readonly totals = { seen: 0, scheduled: 0, everReady: 0, alive: 0, ready: 0 };
  readonly #groups = new Map<string, Group>();
  readonly #readyNow = new Set<string>();
  /** By group; the empty name is of those who look at all pods. */
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #touched = new Set<string>();
  readonly #stopping = new AbortController();
  #onFirst: () => void = () => {};

  /** Resolves once it is in step with the server. */
  static async open(config: ConnectionConfig, selection: PodSelection): Promise<PodWatch> {
    const watch = new PodWatch();
    const clock = systemClock();
    const transport = http2Transport(config, { clock });
    const client = new Client(transport, { clock, userAgent: 'coxswain-bench' });
    const first = new Promise<void>((resolve) => (watch.#onFirst = resolve));
    const reflector = new Reflector(client, podResource, watch, { clock, random: systemRandom(), logger: silentLogger, ...selection });
    void reflector.run(watch.#stopping.signal).then(() => transport.close());
    await first;
    return watch;
  }

  close(): void {
    this.#stopping.abort();
  }

  group(key: string): GroupCount {
    return this.#groups.get(key) ?? { alive: 0, ready: 0 };
  }

  /** Resolves once `holds`, which is asked after every batch of events: of this group, where one is named. */
  until(holds: () => boolean, group = ''): Promise<void> {
    if (holds()) return Promise.resolve();
    let waiting = this.#waiting.get(group);
    if (!waiting) this.#waiting.set(group, (waiting = new Set()));
    return new Promise((resolve) => {
      const look = () => {
        if (!holds()) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
    });
  }

  /** Resolves once the group has so many pods, and all of them are Running and Ready. */
  untilSize(group: string, size: number): Promise<void> {
    return this.until(() => {
      const { alive, ready } = this.group(group);
      return alive === size && ready === size;
    }, group);
  }

  replace(objects: readonly Pod[]): void {
    const kept = new Set<string>();
    for (const pod of objects) {
      kept.add(keyOf(pod));
      this.#put(pod);
    }
    for (const [key, seen] of this.pods) if (seen.goneAt === undefined && !kept.has(key)) this.#delete(key);
    this.#onFirst();
    this.#tell();
  }

  apply(events: readonly WatchEvent<Pod>[]): void {
    for (const { type, object } of events) {
      this.#put(object);
      if (type === 'DELETED') this.#delete(keyOf(object));
    }
    this.#tell();
  }

  #put(pod: Pod): void {
    const key = keyOf(pod);
    const now = performance.now();
    let seen = this.pods.get(key);
    const group = `${pod.metadata.namespace ?? ''}/${pod.metadata.labels?.['name'] ?? ''}`;
    if (!seen || seen.goneAt !== undefined) {
      seen = newPod(pod, group, now);
      this.pods.set(key, seen);
      this.totals.seen++;
      this.totals.alive++;
      this.#groupOf(group).alive++;
    }
    if (pod.spec?.nodeName && seen.scheduledAt === undefined) {
      seen.node = pod.spec.nodeName;
      seen.scheduledAt = now;
      this.totals.scheduled++;
    }
    const isRunning = pod.status?.phase === 'Running';
    if (isRunning) seen.runningAt ??= now;
    const isReady = isRunning && (pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false);
    if (isReady && seen.readyAt === undefined) {
      seen.readyAt = now;
      seen.readyWallMs = Date.now();
      seen.startedMs = lastStart(pod);
      this.totals.everReady++;
    }
    this.#setReady(key, group, isReady);
  }

  #delete(key: string): void {
    const seen = this.pods.get(key);
    if (!seen || seen.goneAt !== undefined) return;
    this.#setReady(key, seen.group, false);
    seen.goneAt = performance.now();
    this.totals.alive--;
    this.#groupOf(seen.group).alive--;
  }

  #setReady(key: string, group: string, isReady: boolean): void {
    if (isReady === this.#readyNow.has(key)) return;
    if (isReady) this.#readyNow.add(key);
    else this.#readyNow.delete(key);
    const change = isReady ? 1 : -1;
    this.totals.ready += change;
    this.#groupOf(group).ready += change;
  }

  /** For a change to it. */
  #groupOf(key: string): Group {
    this.#touched.add(key);
    let group = this.#groups.get(key);
    if (!group) this.#groups.set(key, (group = { alive: 0, ready: 0 }));
    return group;
  }

  #tell(): void {
    for (const group of [...this.#touched, '']) for (const look of [...(this.#waiting.get(group) ?? [])]) look();
    this.#touched.clear();
  }
}

const keyOf = ({ metadata }: Pod) => `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;

function newPod({ metadata }: Pod, group: string, now: number): SeenPod {
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    group,
    seenAt: now,
    createdMs: Date.parse(metadata.creationTimestamp ?? ''),
    startedMs: 0,
    node: undefined,
    scheduledAt: undefined,
    runningAt: undefined,
    readyAt: undefined,
    readyWallMs: 0,
    goneAt: undefined,
  };
}

const lastStart = (pod: Pod) => Math.max(0, ...(pod.status?.containerStatuses ?? []).map(({ state }) => Date.parse(state?.running?.startedAt ?? '') || 0));
