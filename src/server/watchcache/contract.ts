/**
 * What the watch cache asks of those around it: sinks that take frames,
 * encodings that make them, and a way to let the loop turn.
 */
import type { Status } from '../../api/types/meta-v1.ts';
import type { Revision } from '../../storage/contract.ts';
import type { CacheEntry } from './cache-entry.ts';

export type FrameType = 'ADDED' | 'MODIFIED' | 'DELETED';

/**
 * How watch events become bytes on a stream. Watchers whose encodings have the
 * same `id` (within one resource) are sent the very same frames.
 */
export interface FrameEncoding {
  readonly id: string;
  frame(type: FrameType, entry: CacheEntry): Uint8Array;
  bookmark(revision: Revision, initialEventsEnd: boolean): Uint8Array;
  error(status: Status): Uint8Array;
}

/** Where a watcher's frames go. base/exchange.ts's Responder is one. */
export interface WatchSink {
  /** All frames of one turn. False: full, wait for `onDrain`. */
  write(chunks: readonly Uint8Array[]): boolean;
  onDrain(callback: () => void): void;
  end(): void;
}

/** Lets the event loop turn; base/turns.ts does. */
export interface Turns {
  /** Calls back once, after what is running now and the I/O that is ready. */
  afterTurn(callback: () => void): void;
  /** Calls back once, when more has gathered or nothing else is to do. */
  whenGathered(callback: () => void): void;
}

export function nextTurn(turns: Turns): Promise<void> {
  return new Promise((resolve) => turns.afterTurn(resolve));
}

export interface WatchCacheLimits {
  /** Size of one arena of object bytes. */
  readonly arenaBytes: number;
  /** Per resource: events beyond so many bytes of objects are forgotten, oldest first. */
  readonly historyBytes: number;
  readonly historyEvents: number;
  /** Events older than this are forgotten once there are more than `historyEventsKept`. */
  readonly historyAgeMs: number;
  readonly historyEventsKept: number;
  /** How many revisions a server that starts takes into its history, over all resources. */
  readonly remembered: number;
  /** Other encodings of objects (protobuf, Table rows), over all resources. */
  readonly derivedBytes: number;
  /** Ready-made frames of recent events, per resource. */
  readonly frameBytes: number;
  /** What is written to one sink at once. */
  readonly writeBytes: number;
  /** Snapshots kept for continued lists, per resource. */
  readonly snapshots: number;
  readonly snapshotAgeMs: number;
  /** How long a read waits for the cache to reach a revision. */
  readonly freshnessWaitMs: number;
  /** One uninterrupted piece of work; applying events and writing to watchers can both fall into one turn. */
  readonly sliceMs: number;
  readonly bookmarkPeriodMs: number;
}

export const defaultLimits: WatchCacheLimits = {
  arenaBytes: 2 << 20,
  historyBytes: 64 << 20,
  historyEvents: 50_000,
  historyAgeMs: 75_000,
  historyEventsKept: 100,
  remembered: 10_000,
  derivedBytes: 64 << 20,
  frameBytes: 8 << 20,
  writeBytes: 256 << 10,
  snapshots: 32,
  snapshotAgeMs: 75_000,
  freshnessWaitMs: 3000,
  sliceMs: 4,
  bookmarkPeriodMs: 60_000,
};
