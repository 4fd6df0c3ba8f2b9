/** What work queues are measured by, under client-go's names. */
import { exponentialBounds, type Counter, type Gauge, type Histogram } from '../base/metrics/instruments.ts';
import type { MetricRegistry } from '../base/metrics/registry.ts';

export interface WorkQueueMetrics {
  readonly depth: Gauge;
  readonly adds: Counter;
  readonly retries: Counter;
  /** How long keys waited, and how long their work took, in seconds. */
  readonly waited: Histogram;
  readonly worked: Histogram;
}

const bounds = exponentialBounds(1e-8, 10, 10);

/** Of the queue of this name; in controllers the controller's, unless it has several. */
export function workQueueMetrics(registry: MetricRegistry, name: string): WorkQueueMetrics {
  return {
    depth: registry.gauge('workqueue_depth', 'Keys that wait.', ['name']).with(name),
    adds: registry.counter('workqueue_adds_total', 'Keys added.', ['name']).with(name),
    retries: registry.counter('workqueue_retries_total', 'Keys that came back after a failure.', ['name']).with(name),
    waited: registry.histogram('workqueue_queue_duration_seconds', 'How long keys waited.', bounds, ['name']).with(name),
    worked: registry.histogram('workqueue_work_duration_seconds', 'How long the work on a key took.', bounds, ['name']).with(name),
  };
}
