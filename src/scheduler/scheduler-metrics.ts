/** What the scheduler is measured by, under upstream's names. */
import { exponentialBounds, type Counter, type Histogram } from '../base/metrics/instruments.ts';
import type { Family, MetricRegistry } from '../base/metrics/registry.ts';
import type { SchedulingQueue } from './queue/scheduling-queue.ts';

type Result = 'scheduled' | 'unschedulable' | 'error';

interface Attempts {
  readonly total: Counter;
  readonly duration: Histogram;
}

const cycleBounds = exponentialBounds(0.001, 2, 15);
const queueBounds = exponentialBounds(0.01, 2, 20);
/** Attempts beyond this are told apart no further. */
const attemptsMax = 15;

export class SchedulerMetrics {
  /** Of finding a node alone, without binding. */
  readonly algorithm: Histogram;
  readonly preemptions: Counter;
  readonly #attempts: Readonly<Record<Result, Attempts>>;
  readonly #triesPerPod: Histogram;
  readonly #slis: Family<Histogram>;
  /** By the number of attempts. */
  readonly #sli: Histogram[] = [];

  constructor(registry: MetricRegistry, profile: string, queue: SchedulingQueue) {
    const totals = registry.counter('scheduler_schedule_attempts_total', 'Attempts to schedule a pod, by how they ended.', ['profile', 'result']);
    const durations = registry.histogram('scheduler_scheduling_attempt_duration_seconds', 'Time of one attempt, binding included.', cycleBounds, ['profile', 'result']);
    const attempts = (result: Result) => ({ total: totals.with(profile, result), duration: durations.with(profile, result) });
    this.#attempts = { scheduled: attempts('scheduled'), unschedulable: attempts('unschedulable'), error: attempts('error') };
    this.algorithm = registry.histogram('scheduler_scheduling_algorithm_duration_seconds', 'Time to find a node for a pod, or to find that there is none.', cycleBounds).with();
    this.#triesPerPod = registry.histogram('scheduler_pod_scheduling_attempts', 'Attempts that a pod took until it was bound.', exponentialBounds(1, 2, 5)).with();
    this.#slis = registry.histogram('scheduler_pod_scheduling_sli_duration_seconds', 'Time from when a pod could first be tried until it was bound.', queueBounds, ['attempts']);
    this.preemptions = registry.counter('scheduler_preemption_attempts_total', 'Attempts to make room by preemption.').with();
    const pending = registry.gauge('scheduler_pending_pods', 'Pods that wait, by where.', ['queue']);
    registry.beforeSnapshot(() => {
      const { active, backoff, unschedulable } = queue.size;
      const { gated } = queue;
      for (const [name, size] of Object.entries({ active, backoff, unschedulable: unschedulable - gated, gated })) pending.with(name).set(size);
    });
  }

  attempted(result: Result, durationMs: number): void {
    const { total, duration } = this.#attempts[result];
    total.add();
    duration.observe(durationMs / 1000);
  }

  /** A pod is bound, so long after it could first be tried. */
  bound(attempts: number, sinceFirstMs: number): void {
    this.#triesPerPod.observe(attempts);
    const known = (this.#sli[Math.min(attempts, attemptsMax)] ??= this.#slis.with(attempts < attemptsMax ? String(attempts) : `${attemptsMax}+`));
    known.observe(sinceFirstMs / 1000);
  }
}
