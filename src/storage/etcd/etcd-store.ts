/** The store for clusters that outlive a machine: an etcd v3 cluster over gRPC. */
import { status } from '@grpc/grpc-js';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import {
  CompactedError,
  FutureRevisionError,
  StoreClosedError,
  type Commit,
  type CommitResult,
  type KeyValue,
  type LeaseId,
  type RangeOptions,
  type RangeResult,
  type Revision,
  type Store,
  type WatchBatch,
  type WatchOptions,
} from '../contract.ts';
import { CommitUncertainError, LeaseNotFoundError, StoreOverloadedError } from '../errors.ts';
import { assertKey } from '../key.ts';
import { EtcdConnection, isMemberFailure, isServiceError, wasNotSent, type EtcdTls } from './connection.ts';
import { EventStream } from './event-stream.ts';
import { Feed, keyValueOf } from './feed.ts';
import { rpc, type RequestOp } from './rpc.ts';

export interface EtcdStoreOptions {
  /** `http(s)://host:port` of each member. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls;
  readonly auth?: { readonly username: string; readonly password: string };
  readonly clock: Clock;
  readonly logger: Logger;
  /** Put before every key; '' (the default) has etcd to itself. */
  readonly prefix?: string;
}

const rangePageItems = 2000;
const commitsUnderWayMax = 10_000;
const bytesUnderWayMax = 64 * 1024 * 1024;
/** Terms of etcd's Compare: EQUAL, and the revision of the last change. */
const equal = 0;
const modTarget = 2;

export async function openEtcdStore(options: EtcdStoreOptions): Promise<Store> {
  const connection = new EtcdConnection(options);
  try {
    const { version } = await connection.call(rpc.status, {}, true);
    const store = new EtcdStore(connection, options, version);
    await store.start();
    return store;
  } catch (error) {
    connection.close();
    throw error;
  }
}

class EtcdStore implements Store {
  readonly #connection: EtcdConnection;
  readonly #options: EtcdStoreOptions;
  readonly #prefix: string;
  readonly #version: string;
  /** Of commits under way: their event may come before their answer. */
  readonly #hints = new Map<string, { readonly value: Uint8Array; readonly hint: unknown }>();
  readonly #underWay = new Set<Promise<CommitResult>>();
  #bytesUnderWay = 0;
  #feed: Feed | undefined;
  #compacted: Revision = 0;
  #closed = false;

  constructor(connection: EtcdConnection, options: EtcdStoreOptions, version: string) {
    this.#connection = connection;
    this.#options = options;
    this.#prefix = options.prefix ?? '';
    this.#version = version;
  }

  async start(): Promise<void> {
    const { clock, logger } = this.#options;
    const connection = this.#connection;
    this.#feed = new Feed({
      connection,
      clock,
      logger,
      prefix: this.#prefix,
      prefixOnly: this.#prefix !== '' && isProgressReliable(this.#version),
      revision: await this.currentRevision(),
      takeHint: (key, value) => this.#takeHint(key, value),
      onCompacted: (revision) => {
        this.#compacted = Math.max(this.#compacted, revision);
      },
    });
    await this.#learnCompacted();
  }

  async currentRevision(): Promise<Revision> {
    const { header } = await this.#call(() =>
      this.#connection.call(rpc.range, { key: this.#key(' '), countOnly: true }, true),
    );
    return Number(header.revision);
  }

  async get(
    key: string,
    options: { readonly revision?: Revision; readonly signal?: AbortSignal } = {},
  ): Promise<KeyValue | undefined> {
    const request = { key: this.#key(key), revision: options.revision ?? 0 };
    const { kvs } = await this.#call(() => this.#connection.call(rpc.range, request, true));
    options.signal?.throwIfAborted();
    return kvs[0] === undefined ? undefined : keyValueOf(key, kvs[0]);
  }

  /** In pages at the revision of the first, so that no answer grows without bound. */
  async range({ from, to, revision, limit, signal }: RangeOptions): Promise<RangeResult> {
    const wanted = limit === undefined || limit === 0 ? Infinity : limit;
    const items: KeyValue[] = [];
    if (from >= to) return { items, more: false, count: 0, revision: await this.currentRevision() };
    let count: number | undefined;
    let current: Revision = 0;
    let at = revision ?? 0;
    let start = from;
    for (;;) {
      const page = Math.min(rangePageItems, wanted - items.length);
      const request = { key: this.#key(start), rangeEnd: this.#key(to), limit: page, revision: at };
      const answer = await this.#call(() => this.#connection.call(rpc.range, request, true));
      signal?.throwIfAborted();
      for (const kv of answer.kvs) items.push(keyValueOf(this.#keyOf(kv.key), kv));
      count ??= Number(answer.count);
      current ||= Number(answer.header.revision);
      at ||= current;
      const last = items.at(-1);
      if (!answer.more || items.length >= wanted || last === undefined) break;
      start = `${last.key}\0`;
    }
    return { items, more: count > items.length, count, revision: current };
  }

  async commit(commit: Commit): Promise<CommitResult> {
    assertKey(commit.key);
    if (this.#closed) throw new StoreClosedError('the store is closed');
    const bytes = commit.value?.byteLength ?? 0;
    if (this.#underWay.size >= commitsUnderWayMax || this.#bytesUnderWay + bytes > bytesUnderWayMax) {
      throw new StoreOverloadedError('too many commits wait for etcd');
    }
    const result = this.#commit(commit);
    this.#underWay.add(result);
    this.#bytesUnderWay += bytes;
    try {
      return await result;
    } finally {
      this.#underWay.delete(result);
      this.#bytesUnderWay -= bytes;
    }
  }

  watch(options: WatchOptions): AsyncIterable<WatchBatch> {
    return {
      [Symbol.asyncIterator]: () => {
        if (this.#closed || this.#feed === undefined) throw new StoreClosedError('the store is closed');
        return this.#feed.watch(options);
      },
    };
  }

  requestProgress(): void {
    this.currentRevision().then(
      (revision) => this.#feed?.requestProgress(revision),
      (error: unknown) => this.#options.logger.debug('progress request failed', { error }),
    );
  }

  async compact(revision: Revision): Promise<void> {
    if (revision === this.#compacted) return;
    await this.#call(() => this.#connection.call(rpc.compact, { revision, physical: false }, true));
    this.#compacted = Math.max(this.#compacted, revision);
  }

  compactedRevision(): Revision {
    return this.#compacted;
  }

  async grantLease(ttlSeconds: number): Promise<LeaseId> {
    const request = { TTL: Math.ceil(ttlSeconds) };
    const { ID } = await this.#call(() => this.#connection.call(rpc.leaseGrant, request, true));
    return ID;
  }

  async renewLease(lease: LeaseId): Promise<boolean> {
    const { TTL } = await this.#call(() => this.#connection.keepAlive(lease));
    return Number(TTL) > 0;
  }

  async revokeLease(lease: LeaseId): Promise<void> {
    await this.#call(() => this.#connection.call(rpc.leaseRevoke, { ID: lease }, true), lease);
  }

  async sizeBytes(): Promise<number> {
    const { dbSize } = await this.#call(() => this.#connection.call(rpc.status, {}, true));
    return Number(dbSize);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.allSettled(this.#underWay);
    const closing = this.#feed?.close(new StoreClosedError('the store is closed'));
    this.#connection.close();
    await closing;
  }

  async #commit({ key, expected, value, lease, hint }: Commit): Promise<CommitResult> {
    const raw = this.#key(key);
    const change: RequestOp =
      value === undefined
        ? { requestDeleteRange: { key: raw, prevKv: true } }
        : { requestPut: { key: raw, value, prevKv: true, ...(lease === undefined ? {} : { lease }) } };
    const request = {
      compare:
        expected === undefined ? [] : [{ result: equal, target: modTarget, key: raw, modRevision: expected }],
      success: [change],
      failure: [{ requestRange: { key: raw } }],
    };
    const hinted = hint === undefined || value === undefined ? undefined : { value, hint };
    if (hinted) this.#hints.set(key, hinted);
    try {
      const { header, succeeded, responses } = await this.#connection.call(rpc.txn, request, false);
      const response = responses[0];
      if (!succeeded) {
        this.#dropHint(key, hinted);
        const current = response?.responseRange?.kvs[0];
        return { outcome: 'conflict', current: current && keyValueOf(key, current), settled: Promise.resolve() };
      }
      const replaced = response?.responsePut?.prevKv ?? response?.responseDeleteRange?.prevKvs[0];
      return {
        outcome: 'committed',
        revision: Number(header.revision),
        previous: replaced ? keyValueOf(key, replaced) : undefined,
      };
    } catch (error) {
      this.#dropHint(key, hinted);
      throw commitError(error, lease);
    }
  }

  #takeHint(key: string, value: Uint8Array): unknown {
    const hinted = this.#hints.get(key);
    if (hinted === undefined || Buffer.compare(hinted.value, value) !== 0) return undefined;
    this.#hints.delete(key);
    return hinted.hint;
  }

  #dropHint(key: string, hinted: { readonly value: Uint8Array; readonly hint: unknown } | undefined): void {
    if (hinted !== undefined && this.#hints.get(key) === hinted) this.#hints.delete(key);
  }

  /** Runs one call and says its errors in the contract's words. */
  async #call<Response>(send: () => Promise<Response>, lease?: LeaseId): Promise<Response> {
    if (this.#closed) throw new StoreClosedError('the store is closed');
    try {
      return await send();
    } catch (error) {
      if (!isServiceError(error)) throw error;
      if (error.code === status.NOT_FOUND && lease !== undefined) throw new LeaseNotFoundError(lease);
      if (error.code === status.OUT_OF_RANGE && error.details.includes('compacted')) {
        await this.#learnCompacted();
        throw new CompactedError(this.#compacted);
      }
      if (error.code === status.OUT_OF_RANGE && error.details.includes('future')) {
        throw new FutureRevisionError(await this.currentRevision());
      }
      throw error;
    }
  }

  /** etcd names the compacted revision only to a watch that asks for an older one. */
  async #learnCompacted(): Promise<void> {
    const range = { from: this.#key(' '), to: this.#key('!') };
    try {
      await this.#connection.call(rpc.range, { key: range.from, revision: 1 }, true);
    } catch (error) {
      if (!isServiceError(error) || error.code !== status.OUT_OF_RANGE) throw error;
      const { clock, logger } = this.#options;
      const probe = new EventStream({
        connection: this.#connection,
        clock,
        logger,
        ...range,
        startRevision: 1,
      });
      try {
        for await (const _ of probe) break;
      } catch (compacted) {
        if (!(compacted instanceof CompactedError)) throw compacted;
        this.#compacted = Math.max(this.#compacted, compacted.compactedRevision);
      }
    }
  }

  #key(key: string): Buffer {
    return Buffer.from(this.#prefix + key);
  }

  #keyOf(raw: Buffer): string {
    return raw.toString('utf8', Buffer.byteLength(this.#prefix));
  }
}

/** From 3.4.25 and 3.5.8 on, an answer to a progress request does not overtake events. */
function isProgressReliable(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  if (major !== 3) return major > 3;
  return minor > 5 || (minor === 5 && patch >= 8) || (minor === 4 && patch >= 25);
}

function commitError(error: unknown, lease: LeaseId | undefined): unknown {
  if (!isServiceError(error)) return error;
  if (error.code === status.NOT_FOUND && lease !== undefined) return new LeaseNotFoundError(lease);
  if (error.code === status.RESOURCE_EXHAUSTED && error.details.includes('too many requests'))
    return new StoreOverloadedError(error.details);
  if (isMemberFailure(error) && !wasNotSent(error))
    return new CommitUncertainError(error.details, { cause: error });
  return error;
}
