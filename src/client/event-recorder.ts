/**
 * Records events about objects. `event` never waits and never fails: the event
 * is correlated (event-correlation.ts) and queued; what does not fit into the
 * queue, or comes after `close`, is dropped. The same event again raises the
 * count of the first by a patch.
 */
import { ApiError } from '../api/errors.ts';
import type { Event, ObjectReference } from '../api/types/core-v1.ts';
import { formatTime } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Client } from './client.ts';
import { EventCorrelator, LeastRecentlyUsed } from './event-correlation.ts';
import { isNotFound } from './failure.ts';
import type { ApiObject } from './resource.ts';
import { events } from './resources.ts';
import { WorkQueue } from './work-queue.ts';

export interface EventRecorderOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Who reports, e.g. `replicaset-controller`. */
  readonly component: string;
  readonly host?: string;
  readonly queueMax?: number;
}

/** An object, or a reference to one; `apiVersion` and `kind` must be set. */
export type EventSubject = ApiObject | ObjectReference;

/** What has been seen of one kind of event about one object. */
interface Recorded {
  event: Event;
  /** The server has it. */
  created: boolean;
}

const sendersMax = 8;
const retriesMax = 5;

export class EventRecorder {
  readonly #client: Client;
  readonly #options: EventRecorderOptions;
  readonly #correlator: EventCorrelator;
  readonly #recorded = new LeastRecentlyUsed<Recorded>();
  readonly #unsent = new Map<string, Recorded>();
  readonly #queue: WorkQueue;
  readonly #queueMax: number;
  readonly #stop = new AbortController();
  #serial = 0;
  dropped = 0;

  constructor(client: Client, options: EventRecorderOptions) {
    this.#client = client;
    this.#options = options;
    this.#correlator = new EventCorrelator(options.clock);
    this.#queueMax = options.queueMax ?? 1000;
    this.#queue = new WorkQueue({ clock: options.clock, baseDelayMs: 500, maxDelayMs: 10_000 });
    void this.#queue.run(sendersMax, (key, signal) => this.#send(key, signal), this.#stop.signal);
  }

  event(subject: EventSubject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const { clock } = this.#options;
    if (this.#stop.signal.aborted || this.#queue.length >= this.#queueMax) {
      this.dropped++;
      return;
    }
    const fresh = this.#newEvent(referenceTo(subject), type, reason, message);
    const correlated = this.#correlator.correlate(fresh);
    if (!correlated) {
      this.dropped++;
      return;
    }
    const known = this.#recorded.get(correlated.key);
    const recorded: Recorded = known ?? { event: fresh, created: false };
    if (known) {
      known.event = { ...known.event, count: (known.event.count ?? 1) + 1, lastTimestamp: formatTime(clock.now()) };
    } else {
      this.#recorded.set(correlated.key, recorded);
    }
    recorded.event.message = correlated.message;
    this.#unsent.set(correlated.key, recorded);
    this.#queue.add(correlated.key);
  }

  /** Drops what has not been sent. */
  close(): void {
    this.#stop.abort();
    this.#unsent.clear();
  }

  async #send(key: string, signal: AbortSignal): Promise<void> {
    const recorded = this.#unsent.get(key);
    if (!recorded) return;
    this.#unsent.delete(key);
    try {
      await this.#write(recorded, signal);
    } catch (error) {
      if (signal.aborted) return;
      // A refusal stands; a server that cannot be reached may come back.
      if (error instanceof ApiError || this.#queue.retries(key) >= retriesMax) {
        this.dropped++;
        this.#options.logger.debug('event dropped', { reason: recorded.event.reason, error });
        return;
      }
      this.#unsent.set(key, recorded);
      throw error;
    }
  }

  async #write(recorded: Recorded, signal: AbortSignal): Promise<void> {
    if (recorded.created) {
      const { count, lastTimestamp, message, metadata } = recorded.event;
      try {
        await this.#client.patch(events, metadata, { count, lastTimestamp, message }, { type: 'strategic', signal, background: true });
        return;
      } catch (error) {
        // It has expired meanwhile: begin anew.
        if (!isNotFound(error)) throw error;
      }
    }
    await this.#client.create(events, recorded.event, { signal, background: true });
    recorded.created = true;
  }

  #newEvent(involvedObject: ObjectReference, type: string, reason: string, message: string): Event {
    const { clock, component, host } = this.#options;
    const now = clock.now();
    // Nanoseconds in hex, as upstream names them; the serial keeps the events of one millisecond apart.
    const stamp = BigInt(Math.floor(now)) * 1_000_000n + BigInt(this.#serial++ % 1_000_000);
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${involvedObject.name}.${stamp.toString(16)}`, namespace: involvedObject.namespace || 'default' },
      involvedObject,
      type,
      reason,
      message,
      count: 1,
      firstTimestamp: formatTime(now),
      lastTimestamp: formatTime(now),
      source: host ? { component, host } : { component },
      reportingComponent: component,
      reportingInstance: host ?? '',
    };
  }
}

function referenceTo(subject: EventSubject): ObjectReference {
  if (!('metadata' in subject)) return subject;
  const { namespace, name, uid, resourceVersion } = subject.metadata;
  return { apiVersion: subject.apiVersion, kind: subject.kind, namespace, name, uid, resourceVersion };
}
