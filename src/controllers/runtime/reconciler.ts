/**
 * The loop that most controllers are: changes seen by informers put keys into a
 * work queue, workers call `reconcile` with them. What reconcile throws comes
 * back with backoff; a conflict, or an object that has gone meanwhile, is no
 * failure, only news that has not arrived.
 */
import { isAborted, isConflict, isNotFound } from '../../client/failure.ts';
import type { Informer, InformerHandler } from '../../client/informer.ts';
import { keyOf } from '../../client/resource.ts';
import type { ApiObject } from '../../client/resource.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { WorkQueueOptions } from '../../client/work-queue.ts';
import { workQueueMetrics } from '../../client/work-queue-metrics.ts';
import type { Controller, ControllerContext } from './context.ts';

export interface ReconcilerOptions {
  readonly name: string;
  readonly workers?: number;
  readonly queue?: Partial<WorkQueueOptions>;
  reconcile(key: string, signal: AbortSignal): Promise<void>;
  /** Beside the queue, e.g. periodic work; ends with the signal. */
  beside?(signal: AbortSignal): Promise<void>;
}

export interface Reconciler extends Controller {
  readonly queue: WorkQueue;
}

const workersDefault = 10;

export function reconciler(context: ControllerContext, options: ReconcilerOptions): Reconciler {
  const logger = context.logger.child({ controller: options.name });
  const queue = new WorkQueue({ clock: context.clock, metrics: workQueueMetrics(context.metrics, options.name), ...options.queue });
  return {
    name: options.name,
    queue,
    async run(signal) {
      const beside = options.beside?.(signal);
      await queue.run(options.workers ?? workersDefault, (key) => options.reconcile(key, signal), signal, (key, error) => {
        if (isConflict(error) || isNotFound(error) || isAborted(error)) logger.debug('reconcile again', { key, error });
        else logger.warn('reconcile failed', { key, error });
      });
      await beside;
    },
  };
}

/** Puts the key of each object that changes into the queue. */
export function enqueueChanges<T extends ApiObject>(informer: Informer<T>, queue: WorkQueue): void {
  informer.addHandler(onChange<T>((object) => queue.add(keyOf(object))));
}

/** A handler that does not care what kind of change it is. */
export function onChange<T>(notify: (object: T) => void): InformerHandler<T> {
  return { onAdd: notify, onUpdate: (_, current) => notify(current), onDelete: notify };
}

/** Calls `work` every `periodMs`, never twice at once; what it throws is logged. Resolves when `signal` aborts and the last call has ended. */
export async function periodically(context: ControllerContext, name: string, periodMs: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await context.clock.sleep(periodMs, signal).catch(() => {});
    if (signal.aborted) return;
    try {
      await work();
    } catch (error) {
      if (!signal.aborted) context.logger.warn('periodic work failed', { controller: name, error });
    }
  }
}
