/**
 * The pods that wait for a node, in three places: those to be tried next
 * (active, by priority), those that wait a while because they failed before
 * (backoff), and those for which nothing has changed since they failed
 * (unschedulable). A change of the cluster moves a pod on if one of the plugins
 * that rejected it says that it might help.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { ClusterEvent } from '../framework/cluster-event.ts';
import type { Framework } from '../framework/framework.ts';
import type { PodInfo } from '../snapshot/pod-info.ts';
import { Heap } from './heap.ts';

export interface QueuedPod {
  info: PodInfo;
  priority: number;
  /** When it was last put into the active queue, and the how-manieth that was; they decide among equals. */
  timestamp: number;
  order: number;
  /** When it could first be tried, in wall time; 0 while it could not. */
  triableSince: number;
  attempts: number;
  /** When the latest attempt began, in monotonic time. */
  attemptStarted: number;
  /** Failures in a row that no plugin is to blame for: they back off, and no event helps. */
  errors: number;
  backoffUntil: number;
  /** Plugins that rejected it. */
  rejectedBy: ReadonlySet<string>;
  /** When it was put aside. */
  asideSince: number;
  heapIndex: number;
}

export interface SchedulingQueueOptions {
  readonly clock: Clock;
  readonly framework: Framework;
  readonly backoffFirstMs?: number;
  readonly backoffMaxMs?: number;
  /** Called when a pod becomes ready to be tried. */
  onReady(): void;
}

const flushPeriodMs = 30_000;
const asideMaxMs = 300_000;

export class SchedulingQueue {
  readonly #options: SchedulingQueueOptions;
  readonly #active: Heap<QueuedPod>;
  readonly #backoff = new Heap<QueuedPod>((a, b) => a.backoffUntil < b.backoffUntil);
  readonly #aside = new Map<string, QueuedPod>();
  /** All three, by uid. */
  readonly #all = new Map<string, QueuedPod>();
  readonly #firstMs: number;
  readonly #maxMs: number;
  readonly #flushing: Timer;
  #serial = 0;
  #waking: { readonly timer: Timer; readonly at: number } | undefined;

  constructor(options: SchedulingQueueOptions) {
    this.#options = options;
    this.#firstMs = options.backoffFirstMs ?? 1000;
    this.#maxMs = options.backoffMaxMs ?? 10_000;
    const { queueSort } = options.framework.plugins;
    this.#active = new Heap((a, b) => queueSort.less(a, b));
    this.#flushing = options.clock.every(flushPeriodMs, () => this.#flushAside());
  }

  get size(): { readonly active: number; readonly backoff: number; readonly unschedulable: number } {
    return { active: this.#active.size, backoff: this.#backoff.size, unschedulable: this.#aside.size };
  }

  /** Those of the unschedulable that a gate keeps from being tried. */
  get gated(): number {
    let count = 0;
    for (const { attempts } of this.#aside.values()) if (attempts === 0) count++;
    return count;
  }

  has(uid: string): boolean {
    return this.#all.has(uid);
  }

  get(uid: string): QueuedPod | undefined {
    return this.#all.get(uid);
  }

  /** A pod that was not known. */
  add(info: PodInfo): void {
    const now = this.#options.clock.now();
    const queued: QueuedPod = {
      info,
      priority: info.shape.priority,
      timestamp: now,
      order: 0,
      triableSince: 0,
      attempts: 0,
      attemptStarted: 0,
      errors: 0,
      backoffUntil: 0,
      rejectedBy: new Set(),
      asideSince: now,
      heapIndex: -1,
    };
    this.#all.set(info.uid, queued);
    this.#activate(queued);
  }

  /** The pod's object has changed; `matters` says whether in a way that may make it schedulable. */
  update(info: PodInfo, matters: boolean): void {
    const queued = this.#all.get(info.uid);
    if (!queued) return;
    const wasActive = this.#active.has(queued);
    if (wasActive) this.#active.remove(queued);
    queued.info = info;
    queued.priority = info.shape.priority;
    if (wasActive) this.#active.push(queued);
    else if (matters && this.#aside.has(info.uid)) this.#moveOn(queued);
  }

  delete(uid: string): QueuedPod | undefined {
    const queued = this.#all.get(uid);
    if (!queued) return undefined;
    this.#all.delete(uid);
    this.#take(queued);
    return queued;
  }

  /**
   * The next pod to try. When none is active, one that backs off after a
   * rejection is not made to wait: there is nothing better to do.
   */
  pop(): QueuedPod | undefined {
    const queued = this.#active.pop() ?? this.#popBackoff();
    if (!queued) return undefined;
    this.#all.delete(queued.info.uid);
    queued.attempts++;
    queued.attemptStarted = this.#options.clock.monotonic();
    return queued;
  }

  /** Back after a failed try. A pod that plugins rejected waits until something changes; one that none rejected is tried again. */
  putBack(queued: QueuedPod, rejectedBy: ReadonlySet<string>): void {
    const now = this.#options.clock.now();
    const isError = rejectedBy.size === 0;
    this.#all.set(queued.info.uid, queued);
    queued.errors = isError ? queued.errors + 1 : 0;
    const failures = isError ? queued.errors : queued.attempts;
    queued.backoffUntil = now + Math.min(this.#firstMs * 2 ** Math.min(failures - 1, 20), this.#maxMs);
    queued.rejectedBy = rejectedBy;
    if (isError) {
      this.#backoff.push(queued);
      this.#armWake();
      return;
    }
    queued.asideSince = now;
    this.#aside.set(queued.info.uid, queued);
  }

  /** Moves on the pods that the event may help. */
  onEvent(event: ClusterEvent): void {
    if (this.#aside.size === 0) return;
    for (const queued of this.#aside.values().toArray()) if (this.#mayHelp(event, queued)) this.#moveOn(queued);
  }

  close(): void {
    this.#flushing.cancel();
    this.#waking?.timer.cancel();
  }

  #mayHelp(event: ClusterEvent, { info, rejectedBy }: QueuedPod): boolean {
    for (const name of rejectedBy) {
      for (const plugin of this.#options.framework.named(name)) {
        const hint = plugin.requeueOn?.[event.kind];
        if (hint === true || hint?.(info.pod, info, event)) return true;
      }
    }
    return false;
  }

  #moveOn(queued: QueuedPod): void {
    this.#aside.delete(queued.info.uid);
    if (queued.backoffUntil > this.#options.clock.now()) {
      this.#backoff.push(queued);
      this.#armWake();
      // It may be tried at once if there is nothing else to do.
      if (this.#active.size === 0) this.#options.onReady();
    } else this.#activate(queued);
  }

  #activate(queued: QueuedPod): void {
    const status = this.#options.framework.runPreEnqueue(queued.info.pod);
    if (status) {
      queued.rejectedBy = new Set([status.plugin]);
      queued.asideSince = this.#options.clock.now();
      this.#aside.set(queued.info.uid, queued);
      return;
    }
    queued.timestamp = this.#options.clock.now();
    queued.triableSince ||= queued.timestamp;
    queued.order = this.#serial++;
    this.#active.push(queued);
    this.#options.onReady();
  }

  #take(queued: QueuedPod): void {
    this.#aside.delete(queued.info.uid);
    if (this.#active.has(queued)) this.#active.remove(queued);
    else if (this.#backoff.has(queued)) this.#backoff.remove(queued);
  }

  #popBackoff(): QueuedPod | undefined {
    for (const queued of this.#backoff.values()) {
      if (queued.errors > 0 || this.#options.framework.runPreEnqueue(queued.info.pod)) continue;
      this.#backoff.remove(queued);
      return queued;
    }
    return undefined;
  }

  #armWake(): void {
    const first = this.#backoff.peek();
    if (!first || (this.#waking && this.#waking.at <= first.backoffUntil)) return;
    this.#waking?.timer.cancel();
    const { clock } = this.#options;
    const timer = clock.after(Math.max(1, first.backoffUntil - clock.now()), () => {
      this.#waking = undefined;
      for (let due = this.#backoff.peek(); due && due.backoffUntil <= clock.now(); due = this.#backoff.peek()) {
        this.#backoff.remove(due);
        this.#activate(due);
      }
      this.#armWake();
    });
    this.#waking = { timer, at: first.backoffUntil };
  }

  /** Nothing may be forgotten for ever because an event was misjudged. */
  #flushAside(): void {
    const now = this.#options.clock.now();
    for (const queued of this.#aside.values().toArray()) if (now - queued.asideSince >= asideMaxMs) this.#moveOn(queued);
  }
}

/** What of an unbound pod's change can make it schedulable. */
export function updateMatters(before: Pod, after: Pod): boolean {
  return before.metadata.generation !== after.metadata.generation || JSON.stringify(before.metadata.labels) !== JSON.stringify(after.metadata.labels) || JSON.stringify(before.spec) !== JSON.stringify(after.spec);
}
