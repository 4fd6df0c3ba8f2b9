/**
 * One watch: first the past, read from the log as fast as its reader takes it
 * and holding nothing meanwhile; once level with the newest revision, a queue in
 * the hub. The step from one to the other happens within one turn, so nothing
 * falls between.
 */
import { setImmediate } from 'node:timers/promises';
import {
  CompactedError,
  StoreClosedError,
  type KeyValue,
  type Revision,
  type WatchBatch,
  type WatchEvent,
  type WatchOptions,
} from '../contract.ts';
import type { Bytes } from './journal.ts';
import { alive, keyValue, type Version } from './key-index.ts';
import { emptyRevision, type RevisionLog } from './revision-log.ts';
import type { WatchQueue } from '../watch/watch-queue.ts';

/** What a watch needs of its store. */
export interface WatchSource {
  readonly log: RevisionLog;
  durable(): Revision;
  compacted(): Revision;
  closed(): boolean;
  subscribe(from: string, to: string, startRevision: Revision): WatchQueue;
  values(versions: readonly Version[]): Promise<Bytes[]>;
}

const pastEventsMax = 256;
/** A watch of a quiet range may pass over many events of others: this many without letting others run. */
const pastScanMax = 5000;

/** Ends without an error when the signal aborts or the reader returns, also in the middle of a `next`. */
export function watchStore(source: WatchSource, options: WatchOptions): AsyncIterator<WatchBatch, undefined> {
  const ending = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, ending.signal]) : ending.signal;
  const batches = run(source, options, signal);
  return {
    next: () => batches.next(),
    return() {
      ending.abort();
      return batches.return(undefined);
    },
  };
}

async function* run(
  source: WatchSource,
  options: WatchOptions,
  signal: AbortSignal,
): AsyncGenerator<WatchBatch, undefined> {
  const { from, to } = options;
  let next = Math.max(options.startRevision, emptyRevision + 1);
  if (options.startRevision < source.compacted()) throw new CompactedError(source.compacted());
  while (next <= source.durable()) {
    const batch = await readPast(source, options, next);
    if (signal.aborted) return;
    next = batch.revision + 1;
    if (batch.events.length > 0) yield batch;
    else await setImmediate();
  }
  if (source.closed()) throw new StoreClosedError('the store is closed');
  if (signal.aborted) return;
  const queue = source.subscribe(from, to, next);
  const end = () => queue.end();
  signal.addEventListener('abort', end, { once: true });
  try {
    for (let batch = await queue.take(); batch !== undefined; batch = await queue.take()) yield batch;
  } finally {
    signal.removeEventListener('abort', end);
    queue.end();
  }
}

/** The next batch of the past; without events where the scan met none. */
async function readPast(
  source: WatchSource,
  { from, to }: WatchOptions,
  start: Revision,
): Promise<WatchBatch> {
  if (source.closed()) throw new StoreClosedError('the store is closed');
  if (start < source.compacted()) throw new CompactedError(source.compacted());
  const end = Math.min(source.durable(), start + pastScanMax - 1);
  const versions: Version[] = [];
  const previous: (Version | undefined)[] = [];
  let revision = start - 1;
  while (revision < end && versions.length < pastEventsMax) {
    const version = source.log.at(++revision);
    const { key } = version.history;
    if (key < from || key >= to) continue;
    versions.push(version);
    previous.push(alive(version.previous));
  }
  const values = await source.values(
    [...versions, ...previous.filter((version) => version !== undefined)].filter(alive),
  );
  let place = 0;
  const take = (version: Version): KeyValue => {
    const value = values[place++];
    if (value === undefined) throw new CompactedError(source.compacted());
    return keyValue(version, value);
  };
  const currents = versions.map((version) => (alive(version) ? take(version) : undefined));
  const events = versions.map((version, nth): WatchEvent => {
    const before = previous[nth];
    const current = currents[nth];
    return current === undefined
      ? {
          type: 'delete',
          key: version.history.key,
          revision: version.revision,
          previous: before && take(before),
        }
      : { type: 'put', current, previous: before && take(before) };
  });
  return { events, revision };
}
