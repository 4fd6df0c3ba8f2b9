/**
 * A clock that keeps any number of timers on one timer of another clock: a heap
 * by deadline. Thousands of nodes with a handful of timers each cost the event
 * loop one timer. Timers due in the same millisecond fire in one turn, in the
 * order they were set.
 */
import type { Clock, Timer } from '../../base/clock.ts';

class Entry implements Timer {
  deadline: number;
  readonly order: number;
  callback: (() => void) | undefined;
  constructor(deadline: number, order: number, callback: () => void) {
    this.deadline = deadline;
    this.order = order;
    this.callback = callback;
  }
  /** Stays in the heap until its time: cancelling costs nothing. */
  cancel(): void {
    this.callback = undefined;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);
}

export interface SharedClock extends Clock {
  /** Forgets all timers and takes no more: nothing fires any longer, and nothing keeps the process alive. */
  close(): void;
}

export function sharedClock(clock: Clock): SharedClock {
  const heap: Entry[] = [];
  let serial = 0;
  let closed = false;
  let armed: { readonly timer: Timer; readonly deadline: number } | undefined;

  const arm = () => {
    const first = heap[0];
    if (!first || closed) return;
    if (armed && armed.deadline <= first.deadline) return;
    armed?.timer.cancel();
    const timer = clock.after(Math.max(0, first.deadline - clock.monotonic()), () => {
      armed = undefined;
      fire();
    });
    armed = { timer, deadline: first.deadline };
  };
  const fire = () => {
    const now = clock.monotonic();
    for (let first = heap[0]; first && first.deadline <= now && !closed; first = heap[0]) {
      pop(heap);
      const { callback } = first;
      first.callback = undefined;
      callback?.();
    }
    arm();
  };
  const after = (delayMs: number, callback: () => void): Timer => {
    const entry = new Entry(Math.ceil(clock.monotonic() + Math.max(0, delayMs)), serial++, callback);
    if (closed) return entry;
    push(heap, entry);
    arm();
    return entry;
  };
  const every = (periodMs: number, callback: () => void): Timer => {
    let current: Timer;
    const again = () => {
      current = after(periodMs, again);
      callback();
    };
    current = after(periodMs, again);
    return { cancel: () => current.cancel() };
  };
  const sleep = (delayMs: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = () => {
        timer.cancel();
        reject(signal?.reason as Error);
      };
      const timer = after(delayMs, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  const close = () => {
    closed = true;
    armed?.timer.cancel();
    heap.length = 0;
  };
  return { now: () => clock.now(), monotonic: () => clock.monotonic(), after, every, sleep, close };
}

function push(heap: Entry[], entry: Entry): void {
  let at = heap.length;
  heap.push(entry);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as Entry;
    if (!before(entry, above)) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = entry;
}

function pop(heap: Entry[]): void {
  const last = heap.pop() as Entry;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1] as Entry, heap[child] as Entry)) child++;
    const below = heap[child] as Entry;
    if (!before(below, last)) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = last;
}
