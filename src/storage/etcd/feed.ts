/**
 * One event stream of the whole keyspace for the whole process, handed out by a
 * hub. Being whole is what makes progress exact: every revision of etcd has an
 * event in it, so a range with nothing new up to revision R is known to have
 * nothing new when R's own event comes by. (Answers to progress requests overtake
 * events in etcd before 3.4.25 and 3.5.8.)
 *
 * Where the store has a prefix of its own and the server's progress can be
 * trusted, the stream is of the prefix, and progress is asked for.
 *
 * A watch that starts in the past reads a stream of its own until that is level
 * with the feed.
 */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import {
  CompactedError,
  type KeyValue,
  type Revision,
  type WatchBatch,
  type WatchEvent,
  type WatchOptions,
} from '../contract.ts';
import { WatchHub } from '../watch/watch-hub.ts';
import type { EtcdConnection } from './connection.ts';
import { EventStream, type EventBatch } from './event-stream.ts';
import type { EtcdKeyValue } from './rpc.ts';

export interface FeedOptions {
  readonly connection: EtcdConnection;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly prefix: string;
  /** Of the prefix alone, with progress by request; else of everything. */
  readonly prefixOnly: boolean;
  /** The revision of the store now. */
  readonly revision: Revision;
  /** What the writer said about this value, if it was in this process. */
  takeHint(key: string, value: Uint8Array): unknown;
  /** A compaction has been noticed. */
  onCompacted(revision: Revision): void;
}

const progressPollMs = 50;
/** etcd's way to write "no bound". */
const unbounded = Buffer.from([0]);

export class Feed {
  readonly #options: FeedOptions;
  #hub: WatchHub;
  #stream: EventStream;
  /** The hub has everything up to here. */
  #revision: Revision;
  /** The last revision that had an event in the stream, or the one it started after. */
  #lastEvent: Revision;
  readonly #catchingUp = new Set<EventStream>();
  #progressTo: Revision = 0;
  #closed = false;
  #running: Promise<void>;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#revision = options.revision;
    this.#lastEvent = options.revision;
    this.#hub = new WatchHub(options.revision, options.clock);
    this.#stream = this.#open(options.revision + 1);
    this.#running = this.#run();
  }

  /** Every watch that is level gets a progress batch once the feed has reached `revision`. */
  requestProgress(revision: Revision): void {
    this.#progressTo = Math.max(this.#progressTo, revision);
    if (this.#revision >= revision) this.#hub.requestProgress();
    else if (this.#options.prefixOnly) this.#stream.requestProgress();
  }

  watch(options: WatchOptions): AsyncIterator<WatchBatch, undefined> {
    const ending = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, ending.signal]) : ending.signal;
    const batches = this.#watch(options, signal);
    return {
      next: () => batches.next(),
      return() {
        ending.abort();
        return batches.return(undefined);
      },
    };
  }

  async close(error: Error): Promise<void> {
    this.#closed = true;
    this.#stream.close();
    for (const stream of this.#catchingUp) stream.close();
    this.#hub.end(error);
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      try {
        for await (const batch of this.#stream) this.#take(batch);
      } catch (error) {
        if (!(error instanceof CompactedError)) throw error;
        // So long away that the next event is gone: every watch starts again, and so does the feed.
        this.#options.onCompacted(error.compactedRevision);
        this.#hub.end(error);
        this.#revision = error.compactedRevision - 1;
        this.#lastEvent = this.#revision;
        this.#hub = new WatchHub(this.#revision, this.#options.clock);
        this.#stream = this.#open(error.compactedRevision);
      }
    }
  }

  #take({ events, revision }: EventBatch): void {
    for (const { type, kv, prevKv } of events) {
      this.#lastEvent = Number(kv.modRevision);
      const key = this.#ownKey(kv.key);
      if (key === undefined) continue;
      const hint = type === 0 ? this.#options.takeHint(key, kv.value) : undefined;
      if (this.#hub.watched(key)) this.#hub.push(key, watchEvent(key, type, kv, prevKv, hint));
    }
    this.#revision = Math.max(this.#revision, revision);
    this.#hub.advance(this.#revision);
    if (this.#progressTo === 0 || this.#revision < this.#progressTo) return;
    this.#progressTo = 0;
    this.#hub.requestProgress();
  }

  async *#watch(options: WatchOptions, signal: AbortSignal): AsyncGenerator<WatchBatch, undefined> {
    let next = Math.max(1, options.startRevision);
    if (next <= this.#lastEvent) {
      const stream = this.#open(next);
      const stop = () => stream.close();
      signal.addEventListener('abort', stop, { once: true });
      this.#catchingUp.add(stream);
      const progress = this.#options.prefixOnly
        ? this.#options.clock.every(progressPollMs, () => stream.requestProgress())
        : undefined;
      try {
        for await (const batch of stream) {
          next = batch.revision + 1;
          const events = this.#within(options, batch);
          if (events.length > 0) yield { events, revision: batch.revision };
          if (next > this.#lastEvent || signal.aborted) break;
        }
      } catch (error) {
        if (error instanceof CompactedError) this.#options.onCompacted(error.compactedRevision);
        throw error;
      } finally {
        progress?.cancel();
        signal.removeEventListener('abort', stop);
        this.#catchingUp.delete(stream);
        stream.close();
      }
    }
    if (signal.aborted) return;
    const queue = this.#hub.subscribe(options.from, options.to, next);
    const end = () => queue.end();
    signal.addEventListener('abort', end, { once: true });
    try {
      for (let batch = await queue.take(); batch !== undefined; batch = await queue.take()) yield batch;
    } finally {
      signal.removeEventListener('abort', end);
      queue.end();
    }
  }

  #within({ from, to }: WatchOptions, batch: EventBatch): WatchEvent[] {
    const events: WatchEvent[] = [];
    for (const { type, kv, prevKv } of batch.events) {
      const key = this.#ownKey(kv.key);
      if (key !== undefined && key >= from && key < to)
        events.push(watchEvent(key, type, kv, prevKv, undefined));
    }
    return events;
  }

  #ownKey(raw: Buffer): string | undefined {
    const { prefix } = this.#options;
    const key = raw.toString();
    if (prefix === '') return key;
    return key.startsWith(prefix) ? key.slice(prefix.length) : undefined;
  }

  #open(startRevision: Revision): EventStream {
    const { connection, clock, logger, prefix, prefixOnly } = this.#options;
    const from = prefixOnly ? Buffer.from(prefix) : unbounded;
    const to = prefixOnly ? afterPrefix(prefix) : unbounded;
    return new EventStream({ connection, clock, logger, from, to, startRevision });
  }
}

function afterPrefix(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end.at(-1) as number) + 1;
  return end;
}

function watchEvent(
  key: string,
  type: number,
  kv: EtcdKeyValue,
  prevKv: EtcdKeyValue | null,
  hint: unknown,
): WatchEvent {
  const previous = prevKv === null ? undefined : keyValueOf(key, prevKv);
  return type === 0
    ? { type: 'put', current: keyValueOf(key, kv, hint), previous }
    : { type: 'delete', key, revision: Number(kv.modRevision), previous };
}

export function keyValueOf(key: string, kv: EtcdKeyValue, hint?: unknown): KeyValue {
  const base = {
    key,
    value: kv.value,
    createRevision: Number(kv.createRevision),
    modRevision: Number(kv.modRevision),
  };
  return hint === undefined ? base : { ...base, hint };
}
