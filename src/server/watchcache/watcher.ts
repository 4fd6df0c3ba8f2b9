/**
 * One watch stream. It is always in one of these states:
 *
 *   waiting   the cache is not yet as fresh as was asked
 *   initial   the state at the start is being written, in slices
 *   catching  reads the history from `#position`; a full sink parks it here
 *   live      every event so far has been offered; frames of this turn are in `#pending`
 *   ended
 *
 * Invariant: between its start and its end it has seen each event of the
 * history once, in order: those before `#position` (catching) or all (live).
 * A slow reader costs its position and nothing else; if the history has moved
 * past that, the watch ends and the client starts again, as it must anyway.
 */
import type { ApiError } from '../../api/errors.ts';
import { resourceExpired } from '../../api/errors.ts';
import type { Revision } from '../../storage/contract.ts';
import type { CacheEntry } from './cache-entry.ts';
import type { FrameEncoding, FrameType, WatchSink } from './contract.ts';
import type { Deliverable, Delivery } from './delivery.ts';
import type { CacheEvent, History } from './history.ts';
import type { Selection } from './selection.ts';

/** What a watcher needs of the cache it watches. */
export interface WatchedCache {
  readonly revision: Revision;
  readonly history: History;
  readonly delivery: Delivery;
  readonly writeBytes: number;
  /** Called once, when the watch is over. */
  forget(watcher: Watcher, terminated: boolean): void;
}

export interface WatcherOptions {
  readonly selection: Selection;
  readonly encoding: FrameEncoding;
  readonly sink: WatchSink;
  readonly bookmarks: boolean;
}

export interface StartOptions {
  /** The state to send first; undefined for events only. */
  readonly initial: Iterator<readonly CacheEntry[]> | undefined;
  /** Ends the initial state with the bookmark that says so. */
  readonly endBookmark: boolean;
  /** The initial state's revision, or the one after which events are wanted. */
  readonly revision: Revision;
  /** The first event that is wanted. */
  readonly seq: number;
}

type State = 'waiting' | 'initial' | 'catching' | 'live' | 'ended';

/** How many events are examined in one slice of catching up. */
const examinedMax = 2000;

export class Watcher implements Deliverable {
  readonly selection: Selection;
  readonly bookmarks: boolean;
  queued = false;
  readonly #cache: WatchedCache;
  readonly #encoding: FrameEncoding;
  readonly #sink: WatchSink;
  #state: State = 'waiting';
  /** The sink is full. */
  #blocked = false;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  /** While not live: the next event to look at. */
  #position = 0;
  /** Events up to here are not wanted, even if they are still to come. */
  #after: Revision = 0;
  #initial: Iterator<readonly CacheEntry[]> | undefined;
  #run: readonly CacheEntry[] = [];
  #runAt = 0;
  #endBookmark = false;

  constructor(cache: WatchedCache, options: WatcherOptions) {
    this.#cache = cache;
    this.selection = options.selection;
    this.bookmarks = options.bookmarks;
    this.#encoding = options.encoding;
    this.#sink = options.sink;
    this.#sink.onDrain(() => this.#drained());
  }

  get ended(): boolean {
    return this.#state === 'ended';
  }

  start({ initial, endBookmark, revision, seq }: StartOptions): void {
    if (this.#state !== 'waiting') return;
    this.#initial = initial;
    this.#endBookmark = endBookmark;
    this.#after = revision;
    this.#position = seq;
    this.#state = initial ? 'initial' : 'catching';
    this.#cache.delivery.request(this);
  }

  /** Offers an event just appended to the history. */
  offer(event: CacheEvent): void {
    if (this.#state !== 'live') return;
    this.#take(event);
    if (this.#pendingBytes > this.#cache.writeBytes) {
      // No more in one turn; the rest comes from the history.
      this.#state = 'catching';
      this.#position = event.seq + 1;
    }
    if (this.#pending.length > 0) this.#cache.delivery.request(this);
  }

  /** Tells the client how far it is. Only a live watch has seen everything up to the cache's revision. */
  bookmark(): void {
    if (!this.bookmarks || this.#state !== 'live' || this.#cache.revision < this.#after) return;
    this.#push(this.#encoding.bookmark(this.#cache.revision, false));
    this.#cache.delivery.request(this);
  }

  /** Ends the stream with an ERROR event. */
  fail(error: ApiError): void {
    if (this.#state === 'ended') return;
    this.#sink.write([...this.#pending, this.#encoding.error(error.status)]);
    this.stop();
  }

  /** Ends the stream: what is pending is still written. */
  finish(): void {
    if (this.#state === 'live' && this.#pending.length > 0) this.#sink.write(this.#pending);
    this.stop();
  }

  /** The client is gone, or the time is up. */
  stop(terminated = false): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#pending = [];
    this.#run = [];
    this.#initial = undefined;
    this.#cache.forget(this, terminated);
    this.#sink.end();
  }

  /** The history may have moved past a watch that is not live: it cannot go on. */
  review(): void {
    const behind = this.#state === 'initial' || this.#state === 'catching';
    if (behind && this.#position < this.#cache.history.firstSeq) this.stop(true);
  }

  deliver(): boolean {
    if (this.#blocked || this.#state === 'ended' || this.#state === 'waiting') return false;
    if (this.#state === 'initial') this.#fillInitial();
    else if (this.#state === 'catching') this.#fillFromHistory();
    if (this.ended) return false;
    if (this.#pending.length > 0 && !this.#write()) {
      if (this.#state === 'live') {
        this.#state = 'catching';
        this.#position = this.#cache.history.nextSeq;
      }
      this.#blocked = true;
      return false;
    }
    return this.#state !== 'live';
  }

  #write(): boolean {
    const chunks = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    return this.#sink.write(chunks);
  }

  #drained(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    if (this.#state !== 'ended') this.#cache.delivery.request(this);
  }

  #push(frame: Uint8Array): void {
    this.#pending.push(frame);
    this.#pendingBytes += frame.length;
  }

  /** What an event is to this watcher: objects enter and leave its selection. */
  #take(event: CacheEvent): void {
    if (event.revision <= this.#after) return;
    const { selection } = this;
    const now = event.current !== undefined && selection.matches(event.current);
    const before = event.previous !== undefined && selection.matches(event.previous);
    if (!now && !before) return;
    const type: FrameType = now ? (before ? 'MODIFIED' : 'ADDED') : 'DELETED';
    this.#push(this.#cache.history.frame(event, this.#encoding, type));
  }

  #fillFromHistory(): void {
    const { history, writeBytes } = this.#cache;
    if (this.#position < history.firstSeq) {
      this.#expire();
      return;
    }
    const end = Math.min(history.nextSeq, this.#position + examinedMax);
    while (this.#position < end && this.#pendingBytes <= writeBytes) this.#take(history.at(this.#position++));
    if (this.#position === history.nextSeq) this.#state = 'live';
  }

  #fillInitial(): void {
    const { writeBytes, history } = this.#cache;
    if (this.#position < history.firstSeq) {
      this.#expire();
      return;
    }
    while (this.#pendingBytes <= writeBytes) {
      if (this.#runAt === this.#run.length) {
        const next = this.#initial?.next();
        if (!next || next.done) {
          this.#initial = undefined;
          this.#run = [];
          this.#state = 'catching';
          if (this.#endBookmark) this.#push(this.#encoding.bookmark(this.#after, true));
          return;
        }
        this.#run = next.value;
        this.#runAt = 0;
        // A run in which nothing matched still took its time.
        if (this.#run.length === 0) return;
      }
      const entry = this.#run[this.#runAt++] as CacheEntry;
      this.#push(this.#encoding.frame('ADDED', entry));
    }
  }

  #expire(): void {
    const { history } = this.#cache;
    this.#sink.write([
      this.#encoding.error(
        resourceExpired(`too old resource version: ${this.#after} (${history.startRevision})`).status,
      ),
    ]);
    this.stop(true);
  }
}
