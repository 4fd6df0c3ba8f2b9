/**
 * One watch of etcd, kept up across broken connections and lost members: it goes
 * on after the last revision that it has handed over, so nothing is missed and
 * nothing comes twice. A revision always comes whole, however etcd cuts it.
 */
import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { CompactedError, type Revision } from '../contract.ts';
import type { EtcdConnection } from './connection.ts';
import type { EtcdEvent, WatchRequest, WatchResponse } from './rpc.ts';

export interface EventStreamOptions {
  readonly connection: EtcdConnection;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly from: Buffer;
  readonly to: Buffer;
  readonly startRevision: Revision;
}

export interface EventBatch {
  /** None in an answer to `requestProgress`. */
  readonly events: readonly EtcdEvent[];
  readonly revision: Revision;
}

const reconnectDelayMs = 100;

export class EventStream implements AsyncIterable<EventBatch> {
  readonly #options: EventStreamOptions;
  #stream: ClientDuplexStream<WatchRequest, WatchResponse> | undefined;
  #closed = false;
  #next: Revision;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#next = options.startRevision;
  }

  /** Asks for an empty batch at the revision that the member has reached. */
  requestProgress(): void {
    this.#stream?.write({ progressRequest: {} });
  }

  close(): void {
    this.#closed = true;
    this.#stream?.cancel();
  }

  /** Ends quietly after `close`; throws CompactedError where the next revision is no longer there. */
  async *[Symbol.asyncIterator](): AsyncGenerator<EventBatch, undefined> {
    const { connection, clock, logger } = this.#options;
    while (!this.#closed) {
      try {
        const stream = await connection.watch();
        this.#stream = stream;
        if (this.#closed) stream.cancel();
        stream.write(this.#createRequest());
        yield* this.#batches(stream);
      } catch (error) {
        if (error instanceof CompactedError) throw error;
        if (this.#closed) return;
        logger.debug('etcd watch broke', { error });
      } finally {
        this.#stream?.cancel();
        this.#stream = undefined;
      }
      if (!this.#closed) await clock.sleep(reconnectDelayMs);
    }
  }

  async *#batches(stream: AsyncIterable<WatchResponse>): AsyncGenerator<EventBatch> {
    let parts: EtcdEvent[] = [];
    for await (const response of stream) {
      if (Number(response.compactRevision) > 0) throw new CompactedError(Number(response.compactRevision));
      if (response.canceled) throw new Error(`watch canceled: ${response.cancelReason}`);
      if (response.created) continue;
      parts = parts.length === 0 ? [...response.events] : parts.concat(response.events);
      if (response.fragment) continue;
      const events = parts;
      parts = [];
      const last = events.at(-1);
      const revision = last === undefined ? Number(response.header.revision) : Number(last.kv.modRevision);
      this.#next = Math.max(this.#next, revision + 1);
      yield { events, revision };
    }
  }

  #createRequest(): WatchRequest {
    const { from, to } = this.#options;
    return {
      createRequest: { key: from, rangeEnd: to, startRevision: this.#next, prevKv: true, fragment: true },
    };
  }
}
