/**
 * Records events about objects. `event` never waits and never fails: the event
 * is correlated (event-correlation.ts) and queued; what does not fit into the
 * queue, or comes after `close`, is dropped. The same event again raises the
 * count of the first by a patch.
 *
 * An event that waits is a small record: it becomes an object of the API, and
 * bytes, when it is sent. In a storm tens of thousands wait for long.
 */
import { ApiError } from '../api/errors.ts';
import type { Event, ObjectReference } from '../api/types/core-v1.ts';
import { formatTime } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { collectionPath, objectPath } from './client.ts';
import type { Client, SendOptions } from './client.ts';
import { EventCorrelator } from './event-correlation.ts';
import type { EventSeries } from './event-correlation.ts';
import { isAlreadyExists, isNotFound } from './failure.ts';
import type { ApiObject } from './resource.ts';
import { events } from './resources.ts';

export interface EventRecorderOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Who reports, e.g. `replicaset-controller`. */
  readonly component: string;
  readonly host?: string;
  readonly queueMax?: number;
  /** Events under way at the same time. */
  readonly sendersMax?: number;
}

/** An object, or a reference to one; `apiVersion` and `kind` must be set. */
export type EventSubject = ApiObject | ObjectReference;

const retriesMax = 5;
const retryFirstMs = 500;
const retryMaxMs = 10_000;

export class EventRecorder {
  readonly #client: Client;
  readonly #options: EventRecorderOptions;
  readonly #correlator: EventCorrelator;
  readonly #queueMax: number;
  readonly #sendersMax: number;
  readonly #stop = new AbortController();
  readonly #onCreate: SendOptions = { signal: this.#stop.signal, background: true };
  readonly #onPatch: SendOptions = { ...this.#onCreate, contentType: 'application/strategic-merge-patch+json' };
  /** In order; what lies before `#first` has been taken. */
  #queue: EventSeries[] = [];
  #first = 0;
  #senders = 0;
  #serial = 0;
  dropped = 0;

  constructor(client: Client, options: EventRecorderOptions) {
    this.#client = client;
    this.#options = options;
    this.#correlator = new EventCorrelator(options.clock);
    this.#queueMax = options.queueMax ?? 1000;
    this.#sendersMax = options.sendersMax ?? 8;
  }

  event(subject: EventSubject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    if (this.#stop.signal.aborted || this.queued >= this.#queueMax) {
      this.dropped++;
      return;
    }
    const series = this.#correlator.correlate(referenceTo(subject), type, reason, message);
    if (!series) {
      this.dropped++;
      return;
    }
    if (series.state === 'idle') this.#enqueue(series);
    else if (series.state === 'sending') series.state = 'again';
  }

  /** Events that wait. */
  get queued(): number {
    return this.#queue.length - this.#first;
  }

  /** Drops what has not been sent. */
  close(): void {
    this.#stop.abort();
    this.#queue = [];
    this.#first = 0;
  }

  #enqueue(series: EventSeries): void {
    series.state = 'queued';
    this.#queue.push(series);
    if (this.#senders < this.#sendersMax) void this.#sendAll();
  }

  #take(): EventSeries | undefined {
    const series = this.#queue[this.#first];
    if (!series) {
      this.#queue.length = 0;
      this.#first = 0;
      return undefined;
    }
    this.#first++;
    if (this.#first > 1000 && this.#first * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#first);
      this.#first = 0;
    }
    return series;
  }

  /** One sender: it goes when nothing waits any more. */
  async #sendAll(): Promise<void> {
    this.#senders++;
    for (let series = this.#take(); series; series = this.#take()) {
      series.state = 'sending';
      await this.#send(series);
      this.#onSent(series);
    }
    this.#senders--;
  }

  /** It may have happened again meanwhile. */
  #onSent(series: EventSeries): void {
    const again = series.state === 'again';
    series.state = 'idle';
    if (again && !this.#stop.signal.aborted) this.#enqueue(series);
  }

  /** A refusal stands; a server that cannot be reached may come back, and the sender waits for it. */
  async #send(series: EventSeries): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#stop;
    for (let failures = 0; ; failures++) {
      try {
        await this.#write(series);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError || failures >= retriesMax) {
          this.dropped++;
          logger.debug('event dropped', { reason: series.reason, error });
          return;
        }
      }
      await clock.sleep(Math.min(retryFirstMs * 2 ** failures, retryMaxMs), signal).catch(() => {});
      if (signal.aborted) return;
    }
  }

  /** The answers are not parsed: nobody wants to know. */
  async #write(series: EventSeries): Promise<void> {
    const { name, count, lastMs, message } = series;
    const namespace = series.subject.namespace || 'default';
    if (series.created) {
      try {
        await this.#client.send('PATCH', objectPath(events, { namespace, name }), { count, lastTimestamp: formatTime(lastMs), message }, this.#onPatch);
        return;
      } catch (error) {
        // It has expired meanwhile: begin anew.
        if (!isNotFound(error)) throw error;
      }
    }
    await this.#create(series, namespace);
    series.created = true;
  }

  async #create(series: EventSeries, namespace: string): Promise<void> {
    for (;;) {
      try {
        await this.#client.send('POST', collectionPath(events, namespace), this.#encode(series, namespace), this.#onCreate);
        return;
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
        // Another component has told of the same object in the same millisecond.
        series.name = this.#newName(series);
      }
    }
  }

  #encode(series: EventSeries, namespace: string): Event {
    const { component, host } = this.#options;
    const { subject, type, reason, message, count, firstMs, lastMs } = series;
    series.name ||= this.#newName(series);
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: series.name, namespace },
      involvedObject: subject,
      type,
      reason,
      message,
      count,
      firstTimestamp: formatTime(firstMs),
      lastTimestamp: formatTime(lastMs),
      source: host ? { component, host } : { component },
      reportingComponent: component,
      reportingInstance: host ?? '',
    };
  }

  /** Nanoseconds in hex, as upstream names them; the serial keeps the events of one millisecond apart. */
  #newName({ subject, firstMs }: EventSeries): string {
    const stamp = BigInt(Math.floor(firstMs)) * 1_000_000n + BigInt(this.#serial++ % 1_000_000);
    return `${subject.name}.${stamp.toString(16)}`;
  }
}

function referenceTo(subject: EventSubject): ObjectReference {
  if (!('metadata' in subject)) return subject;
  const { namespace, name, uid, resourceVersion } = subject.metadata;
  return { apiVersion: subject.apiVersion, kind: subject.kind, namespace, name, uid, resourceVersion };
}
