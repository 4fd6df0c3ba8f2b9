/** How busy and how late the loop of this thread is. */
import { getHeapStatistics } from 'node:v8';
import type { Clock, Timer } from '../clock.ts';
import type { MetricRegistry } from './registry.ts';

const periodMs = 1000;
const lagBounds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

/** Samples until it is cancelled: how much later than asked a timer fires is how late everything else is. */
export function measureEventLoop(registry: MetricRegistry, clock: Clock, thread: string): Timer {
  const lag = registry.histogram('nodejs_eventloop_lag_seconds', 'How late timers fire, sampled once a second.', lagBounds, ['thread']).with(thread);
  const active = registry.counter('nodejs_eventloop_active_seconds_total', 'Time that the loop was not waiting.', ['thread']).with(thread);
  const heap = registry.gauge('nodejs_heap_size_used_bytes', 'Bytes of JavaScript objects.', ['thread']).with(thread);
  registry.beforeSnapshot(() => {
    active.value = performance.eventLoopUtilization().active / 1000;
    heap.set(getHeapStatistics().used_heap_size);
  });
  let due = clock.monotonic() + periodMs;
  return clock.every(periodMs, () => {
    const now = clock.monotonic();
    lag.observe(Math.max(0, now - due) / 1000);
    due = now + periodMs;
  });
}
