/** What every thread's entry does: log to the parent, say when it is ready and what it has counted, stop when told. */
import { flushCompileCache } from 'node:module';
import { constants, getPriority, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { assert } from '../../base/assert.ts';
import { systemClock } from '../../base/clock.ts';
import { createLogger, type Logger } from '../../base/logger.ts';
import { measureEventLoop } from '../../base/metrics/event-loop.ts';
import { MetricRegistry } from '../../base/metrics/registry.ts';
import { collectOnce } from '../after-start.ts';
import type { PartOptions, PartOrder, PartReport, PartStart } from '../thread.ts';

export interface PartContext {
  readonly port: MessagePort;
  readonly options: PartOptions;
  readonly logger: Logger;
  /** The thread's; the parent reads it when it is asked for the metrics page. */
  readonly metrics: MetricRegistry;
  /** Aborts when the part shall stop. */
  readonly signal: AbortSignal;
}

/** Above zero: behind the API's thread, which everyone waits for, where there are fewer cores than threads. */
const niceness = 10;

/** Runs `start`; what it returns is called, and waited for, at the end. */
export async function runPart(start: (context: PartContext) => Promise<() => Promise<void>>): Promise<void> {
  const parent = parentPort;
  assert(parent, 'a part runs in a thread');
  const { port, options, logLevel } = workerData as PartStart & { port: MessagePort };
  // Only Linux takes this for the thread's priority alone.
  if (process.platform === 'linux') setPriority(Math.min(getPriority() + niceness, constants.priority.PRIORITY_LOW));
  const report = (message: PartReport) => parent.postMessage(message);
  const logger = createLogger((record) => report({ type: 'log', record: { ...record, fields: cloneable(record.fields) } }), logLevel);
  const metrics = new MetricRegistry();
  const loop = measureEventLoop(metrics, systemClock(), String(options['parts']));
  const collection = collectOnce(systemClock());
  const told = Promise.withResolvers<void>();
  parent.on('message', (order: PartOrder) => {
    if (order.type === 'measure') report({ type: 'measured', families: metrics.snapshot() });
    else told.resolve();
  });
  const stopping = new AbortController();
  const stop = await start({ port, options, logger, metrics, signal: stopping.signal });
  void told.promise.then(() => {
    loop.cancel();
    collection.cancel();
    stopping.abort();
    stop()
      .catch((error: unknown) => logger.error('stopping failed', { error }))
      .finally(() => {
        port.close();
        parent.close();
      });
  });
  report({ type: 'ready' });
  flushCompileCache();
}

/** Functions and handles cannot cross; errors cross as text. */
function cloneable(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields))
    copy[name] = value instanceof Error ? (value.stack ?? value.message) : typeof value === 'object' && value !== null ? JSON.stringify(value) : typeof value === 'function' ? '' : value;
  return copy;
}
