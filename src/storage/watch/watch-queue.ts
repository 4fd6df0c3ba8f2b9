/**
 * What waits for one watcher. Bounded by count and by bytes: past that the
 * queue drops all it holds and its reader gets SlowReaderError, so that a reader
 * which has stopped reading costs nothing.
 */
import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import { SlowReaderError, type Revision, type WatchBatch, type WatchEvent } from '../contract.ts';

export const watchQueueEventsMax = 20_000;
export const watchQueueBytesMax = 32 * 1024 * 1024;
const batchEventsMax = 1000;

interface Reader {
  readonly resolve: (batch: WatchBatch | undefined) => void;
  readonly reject: (error: Error) => void;
}

export class WatchQueue {
  readonly startRevision: Revision;
  readonly #onEnd: (queue: WatchQueue) => void;
  #events: WatchEvent[] = [];
  #bytes = 0;
  /** When the oldest event was put in. */
  #oldestAt = 0;
  readonly #clock: Clock;
  /** Everything up to here has been put in. */
  #revision: Revision;
  #progressAsked = false;
  #reader: Reader | undefined;
  #ended = false;
  #error: Error | undefined;

  constructor(startRevision: Revision, revision: Revision, clock: Clock, onEnd: (queue: WatchQueue) => void) {
    this.#clock = clock;
    this.startRevision = startRevision;
    this.#revision = revision;
    this.#onEnd = onEnd;
  }

  push(event: WatchEvent): void {
    if (this.#ended || eventRevision(event) < this.startRevision) return;
    if (this.#events.length === 0) this.#oldestAt = this.#clock.monotonic();
    this.#events.push(event);
    this.#bytes += eventBytes(event);
    if (this.#events.length > watchQueueEventsMax || this.#bytes > watchQueueBytesMax) {
      this.end(new SlowReaderError('the watcher fell too far behind'));
    }
  }

  /** All events up to `revision` have been pushed: a waiting reader gets them. */
  advance(revision: Revision): void {
    this.#revision = revision;
    this.#serve();
  }

  requestProgress(): void {
    this.#progressAsked = true;
    this.#serve();
  }

  /** The next batch, or undefined once the queue was ended without an error. One reader at a time. */
  take(): Promise<WatchBatch | undefined> {
    assert(this.#reader === undefined, 'a watch has one reader');
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
      this.#serve();
    });
  }

  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#events = [];
    this.#bytes = 0;
    this.#onEnd(this);
    this.#serve();
  }

  #serve(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    if (this.#ended) {
      this.#reader = undefined;
      if (this.#error) reader.reject(this.#error);
      else reader.resolve(undefined);
    } else if (this.#events.length > 0 || this.#progressAsked) {
      this.#reader = undefined;
      reader.resolve(this.#nextBatch());
    }
  }

  #nextBatch(): WatchBatch {
    if (this.#events.length > batchEventsMax) {
      const revision = eventRevision(this.#events[batchEventsMax - 1] as WatchEvent);
      // A revision is never split: etcd ends a lease with one revision for all its keys.
      const next = this.#events.findIndex(
        (event, place) => place >= batchEventsMax && eventRevision(event) > revision,
      );
      if (next > 0) {
        const events = this.#events.splice(0, next);
        for (const event of events) this.#bytes -= eventBytes(event);
        return { events, revision, readableAt: this.#oldestAt };
      }
    }
    const events = this.#events;
    this.#events = [];
    this.#bytes = 0;
    this.#progressAsked = false;
    return { events, revision: this.#revision, readableAt: this.#oldestAt };
  }
}

export function eventRevision(event: WatchEvent): Revision {
  return event.type === 'put' ? event.current.modRevision : event.revision;
}

function eventBytes(event: WatchEvent): number {
  const current = event.type === 'put' ? event.current.value.byteLength : 0;
  return current + (event.previous?.value.byteLength ?? 0);
}
