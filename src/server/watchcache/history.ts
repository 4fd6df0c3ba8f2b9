/**
 * The recent changes of one resource, oldest first. Watchers that start at a
 * revision or that fell behind read from here; what they need of an event is
 * made once and shared.
 *
 * Bounded by bytes, count and age. An event is addressed by its sequence
 * number, which never has gaps; revisions can repeat (one commit can end a
 * lease with many keys).
 */
import type { Revision } from '../../storage/contract.ts';
import { Arena, type ArenaSpace } from './arena.ts';
import { CacheEntry } from './cache-entry.ts';
import type { FrameEncoding, FrameType, WatchCacheLimits } from './contract.ts';
import type { DerivedEncodings } from './derived-encodings.ts';
import { withResourceVersion } from './encoding.ts';

/** One change. ADDED has no `previous`, DELETED no `current`. */
export class CacheEvent {
  readonly type: FrameType;
  readonly revision: Revision;
  readonly current: CacheEntry | undefined;
  readonly previous: CacheEntry | undefined;
  /** Monotonic milliseconds. */
  readonly at: number;
  /** Sequence number in its history. */
  seq = 0;
  frames: { readonly encoding: string; readonly type: FrameType; readonly bytes: Uint8Array }[] = [];
  #departed: CacheEntry | undefined;

  constructor(
    type: FrameType,
    revision: Revision,
    current: CacheEntry | undefined,
    previous: CacheEntry | undefined,
    at: number,
  ) {
    this.type = type;
    this.revision = revision;
    this.current = current;
    this.previous = previous;
    this.at = at;
  }

  get byteLength(): number {
    return 256 + (this.current?.length ?? 0) + (this.previous?.length ?? 0);
  }

  /** The object as it last was, at the event's revision: what those see from whose sight it went. */
  departed(encodings: DerivedEncodings): CacheEntry {
    if (!this.#departed) {
      const previous = this.previous as CacheEntry;
      const bytes = withResourceVersion(previous.bytes, this.revision);
      this.#departed = new CacheEntry(
        {
          key: previous.key,
          namespace: previous.namespace,
          modRevision: this.revision,
          createRevision: previous.createRevision,
          labels: previous.labels,
          fields: previous.fields,
        },
        encodings,
        new Arena(bytes),
        0,
        bytes.length,
      );
    }
    return this.#departed;
  }
}

export class History {
  readonly #limits: WatchCacheLimits;
  readonly #space: ArenaSpace;
  readonly #encodings: DerivedEncodings;
  #events: CacheEvent[] = [];
  /** Index of the oldest event in #events; those before it are gone. */
  #head = 0;
  #firstSeq = 0;
  #bytes = 0;
  /** Events that have frames, oldest first, and the bytes of these frames. */
  #framed: CacheEvent[] = [];
  #frameBytes = 0;
  /** All events after this revision are here: a watch may start from it or later. */
  startRevision: Revision;

  constructor(
    limits: WatchCacheLimits,
    space: ArenaSpace,
    encodings: DerivedEncodings,
    startRevision: Revision,
  ) {
    this.#limits = limits;
    this.#space = space;
    this.#encodings = encodings;
    this.startRevision = startRevision;
  }

  get firstSeq(): number {
    return this.#firstSeq;
  }
  /** The sequence number that the next event will have. */
  get nextSeq(): number {
    return this.#firstSeq + this.#events.length - this.#head;
  }
  get bytes(): number {
    return this.#bytes;
  }

  append(event: CacheEvent): void {
    event.seq = this.nextSeq;
    this.#events.push(event);
    this.#bytes += event.byteLength;
    if (event.current) this.#space.hold(event.current);
    if (event.previous) this.#space.hold(event.previous);
    this.trim(event.at);
  }

  at(seq: number): CacheEvent {
    return this.#events[this.#head + seq - this.#firstSeq] as CacheEvent;
  }

  /** The sequence number of the first event after `revision`. */
  seqAfter(revision: Revision): number {
    let low = this.#head;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#events[middle] as CacheEvent).revision > revision) high = middle;
      else low = middle + 1;
    }
    return this.#firstSeq + low - this.#head;
  }

  /** Forgets what is too old or too much. */
  trim(now: number): void {
    const { historyBytes, historyEvents, historyAgeMs, historyEventsKept } = this.#limits;
    for (;;) {
      const count = this.#events.length - this.#head;
      const oldest = this.#events[this.#head];
      if (!oldest || count === 0) break;
      const tooMuch = this.#bytes > historyBytes || count > historyEvents;
      const tooOld = count > historyEventsKept && now - oldest.at > historyAgeMs;
      if (!tooMuch && !tooOld) break;
      this.#forget(oldest);
    }
    if (this.#head > 1024 && this.#head * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
  }

  /** The event's frame for watchers of `encoding`: made once, kept while recent. */
  frame(event: CacheEvent, encoding: FrameEncoding, type: FrameType): Uint8Array {
    for (const known of event.frames)
      if (known.encoding === encoding.id && known.type === type) return known.bytes;
    const entry = type === 'DELETED' ? event.departed(this.#encodings) : (event.current as CacheEntry);
    const bytes = encoding.frame(type, entry);
    if (event.frames.length === 0) this.#framed.push(event);
    event.frames.push({ encoding: encoding.id, type, bytes });
    this.#frameBytes += bytes.length;
    while (this.#frameBytes > this.#limits.frameBytes && this.#framed.length > 1) this.#dropFrames();
    return bytes;
  }

  /** Ready-made frames are for the burst that wanted them; an idle resource keeps none. */
  dropAllFrames(): void {
    while (this.#framed.length > 0) this.#dropFrames();
  }

  #dropFrames(): void {
    const event = this.#framed.shift() as CacheEvent;
    for (const { bytes } of event.frames) this.#frameBytes -= bytes.length;
    event.frames = [];
  }

  #forget(event: CacheEvent): void {
    this.#events[this.#head++] = undefined as unknown as CacheEvent;
    this.#firstSeq++;
    this.#bytes -= event.byteLength;
    this.startRevision = Math.max(this.startRevision, event.revision);
    if (event.current) this.#space.release(event.current);
    if (event.previous) this.#space.release(event.previous);
  }
}
