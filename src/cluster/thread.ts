/**
 * Runs a part of the cluster in a thread of its own: the part gets a port to
 * the API server and nothing else of this thread. `threads/` has the entries.
 */
import { MessageChannel, Worker } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import type { ExchangeHandler } from '../base/exchange.ts';
import type { LogLevel, LogRecord, Logger } from '../base/logger.ts';
import type { MetricSource } from '../base/metrics/page.ts';
import type { FamilySnapshot } from '../base/metrics/registry.ts';
import { servePort } from '../client/transports/serve-port.ts';
import { RemoteMetrics } from './metrics/remote-metrics.ts';

/** What a thread is started with, beside the port. Plain data. */
export type PartOptions = Readonly<Record<string, string | number | boolean>>;

export interface PartThread {
  /** Resolves when the part works; rejects where it could not start. */
  readonly ready: Promise<void>;
  /** Rejects when the part ends that nobody has stopped. */
  readonly failed: Promise<never>;
  /** What it has counted. */
  readonly metrics: MetricSource;
  /** Lets the part finish what it holds; ends it after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** To the thread. */
export type PartOrder = { readonly type: 'measure' } | { readonly type: 'stop' };

/** From the thread. */
export type PartReport =
  | { readonly type: 'ready' }
  | { readonly type: 'measured'; readonly families: readonly FamilySnapshot[] }
  | { readonly type: 'log'; readonly record: LogRecord }
  | { readonly type: 'stopped' };

export interface PartStart {
  readonly options: PartOptions;
  readonly logLevel: LogLevel;
}

export function startThread(handler: ExchangeHandler, clock: Clock, logger: Logger, start: PartStart): PartThread {
  const { port1, port2 } = new MessageChannel();
  const served = servePort(port1, handler);
  const name = String(start.options['parts']);
  const worker = new Worker(new URL('./threads/parts.ts', import.meta.url), { workerData: { ...start, port: port2 }, transferList: [port2], name });
  const order = (message: PartOrder) => worker.postMessage(message);
  let stopping = false;
  const metrics = new RemoteMetrics(clock, () => order({ type: 'measure' }));
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const failed = new Promise<never>((_, reject) => {
    worker.once('error', reject);
    worker.once('exit', (code) => {
      served.close();
      if (!stopping) reject(new Error(`it ended with exit code ${code}`));
    });
  });
  failed.catch((error: unknown) => logger.error('a part of the cluster has failed', { part: name, error }));
  const ready = new Promise<void>((resolve, reject) => {
    worker.on('message', (report: PartReport) => {
      if (report.type === 'ready') resolve();
      else if (report.type === 'measured') metrics.answered(report.families);
      else if (report.type === 'log') logger[report.record.level](report.record.message, report.record.fields);
    });
    failed.catch(reject);
    void exited.then(() => reject(new Error('the cluster was stopped')));
  });
  // Whoever waits for `ready` hears of a failure; nobody has to.
  ready.catch(() => {});
  return {
    ready,
    failed,
    metrics: () => metrics.snapshot(),
    async stop(graceMs) {
      stopping = true;
      order({ type: 'stop' });
      const cut = clock.after(graceMs, () => void worker.terminate());
      await exited;
      cut.cancel();
    },
  };
}
