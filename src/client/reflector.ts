/**
 * Keeps a sink equal to a collection on the server. It begins with a streaming
 * list (a watch that sends what exists, then a bookmark), or a paged list where
 * the server does not know that; then it follows the watch for ever, resuming
 * at the last resource version when the connection breaks, and beginning anew
 * when the server no longer keeps that version.
 *
 * The sink is first given everything (`replace`), then batches of changes; all
 * of it without managedFields.
 */
import { ApiError } from '../api/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { Client } from './client.ts';
import { isExpired } from './failure.ts';
import type { ApiObject, Resource } from './resource.ts';
import { withoutManagedFields, type WatchEvent, type WatchStream } from './watch-decoder.ts';

export interface ReflectorSink<T> {
  /** Everything there is at `resourceVersion`. */
  replace(objects: readonly T[], resourceVersion: string): void;
  /** Changes in order, none of them bookmarks. */
  apply(events: readonly WatchEvent<T>[]): void;
}

export interface ReflectorOptions<T> {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly metadataOnly?: boolean;
  /** Applied to each object as it arrives, before anything keeps it. May change the object and return it. */
  readonly transform?: (object: T) => T;
}

const initialEventsEnd = 'k8s.io/initial-events-end';
const pageSize = 500;
const backoffMinMs = 200;
const backoffMaxMs = 30_000;
/** The server is asked to end a watch after this long, and up to twice it, so that watches spread out. */
const watchTimeoutSeconds = 300;

export class Reflector<T extends ApiObject> {
  readonly #client: Client;
  readonly #resource: Resource<T>;
  readonly #sink: ReflectorSink<T>;
  readonly #options: ReflectorOptions<T>;
  /** Where the next watch begins; undefined: list first. */
  #resourceVersion: string | undefined;
  #streamingLists = true;
  #failures = 0;

  constructor(client: Client, resource: Resource<T>, sink: ReflectorSink<T>, options: ReflectorOptions<T>) {
    this.#client = client;
    this.#resource = resource;
    this.#sink = sink;
    this.#options = options;
  }

  /** The last version the sink has heard of. */
  get resourceVersion(): string | undefined {
    return this.#resourceVersion;
  }

  /** Resolves when `signal` aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const startedAt = this.#options.clock.monotonic();
      try {
        await this.#round(signal);
        // A server that ends every watch at once must not be asked in a tight loop.
        this.#failures = this.#options.clock.monotonic() - startedAt < 1000 ? this.#failures + 1 : 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#onFailure(error);
      }
      if (this.#failures > 0) await this.#backOff(signal);
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    if (this.#resourceVersion === undefined) {
      if (this.#streamingLists) {
        await this.#streamList(signal);
        return;
      }
      await this.#pagedList(signal);
    }
    await this.#follow(await this.#watch({ resourceVersion: this.#resourceVersion ?? '' }, signal));
  }

  #onFailure(error: unknown): void {
    const { logger } = this.#options;
    this.#failures++;
    const resource = this.#resource.resource;
    if (isExpired(error)) {
      this.#resourceVersion = undefined;
      logger.info('resource version expired: listing again', { resource });
      return;
    }
    // An older server refuses the parameters of a streaming list.
    if (this.#streamingLists && this.#resourceVersion === undefined && error instanceof ApiError && (error.code === 400 || error.code === 422)) {
      this.#streamingLists = false;
      this.#failures = 0;
      return;
    }
    logger.warn('list or watch failed', { resource, error });
  }

  async #backOff(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    const delayMs = Math.min(backoffMinMs * 2 ** Math.min(this.#failures - 1, 20), backoffMaxMs) * (0.5 + random.fraction());
    await clock.sleep(delayMs, signal).catch(() => {});
  }

  async #streamList(signal: AbortSignal): Promise<void> {
    const stream = await this.#watch({ sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }, signal);
    const initial = new Map<string, T>();
    let listing = true;
    await this.#follow(stream, (event) => {
      if (!listing) return true;
      const { metadata } = event.object;
      if (event.type === 'BOOKMARK') {
        if (metadata.annotations?.[initialEventsEnd] !== 'true') return false;
        listing = false;
        this.#sink.replace([...initial.values()], metadata.resourceVersion ?? '');
        initial.clear();
        return true;
      }
      const key = `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
      if (event.type === 'DELETED') initial.delete(key);
      else initial.set(key, this.#transform(event.object));
      return false;
    });
  }

  async #pagedList(signal: AbortSignal): Promise<void> {
    const options = this.#selection(signal);
    const objects: T[] = [];
    let page = await this.#client.list(this.#resource, { ...options, limit: pageSize });
    for (;;) {
      for (const object of page.items) objects.push(this.#transform(withoutManagedFields(object)));
      if (page.continue === undefined) break;
      page = await this.#client.list(this.#resource, { ...options, limit: pageSize, continue: page.continue });
    }
    this.#sink.replace(objects, page.resourceVersion);
    this.#resourceVersion = page.resourceVersion;
  }

  #watch(start: { resourceVersion: string } | { sendInitialEvents: true; resourceVersionMatch: 'NotOlderThan' }, signal: AbortSignal): Promise<WatchStream<T>> {
    return this.#client.watch(this.#resource, {
      ...this.#selection(signal),
      ...start,
      allowWatchBookmarks: true,
      timeoutSeconds: watchTimeoutSeconds + this.#options.random.below(watchTimeoutSeconds),
    });
  }

  /**
   * Feeds the sink until the watch ends. Events that `accept` refuses belong to
   * the initial list: they are neither applied nor a version to resume at.
   */
  async #follow(stream: WatchStream<T>, accept: (event: WatchEvent<T>) => boolean = () => true): Promise<void> {
    for await (const events of stream) {
      const changes: WatchEvent<T>[] = [];
      let resourceVersion: string | undefined;
      for (const event of events) {
        if (!accept(event)) continue;
        resourceVersion = event.object.metadata.resourceVersion;
        if (event.type !== 'BOOKMARK') changes.push({ type: event.type, object: this.#transform(event.object) });
      }
      if (changes.length > 0) this.#sink.apply(changes);
      if (resourceVersion !== undefined) {
        this.#resourceVersion = resourceVersion;
        this.#failures = 0;
      }
    }
  }

  #selection(signal: AbortSignal) {
    const { namespace, labelSelector, fieldSelector, metadataOnly } = this.#options;
    return { namespace, labelSelector, fieldSelector, metadataOnly: metadataOnly ?? false, signal };
  }

  #transform(object: T): T {
    return this.#options.transform ? this.#options.transform(object) : object;
  }
}
