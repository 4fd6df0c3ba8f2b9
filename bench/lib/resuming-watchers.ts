/**
 * Watchers in hundreds that do as informers do when the server goes: connect
 * again after a moment, take the watch up where it ended, and list only where
 * the server no longer knows that place.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Api } from './api.ts';
import { H2Connection } from './h2-connection.ts';
import { countEvents, versionOf } from './watchers.ts';

const streamsPerConnection = 20;
const retryMs = { least: 200, most: 1000 };

interface Place {
  readonly number: number;
  /** Where its watch goes on. */
  version: string;
}

export class ResumingWatchers {
  /** Moments of performance.now() at which each watch was last taken up. */
  readonly resumedAt: Float64Array;
  /** Watches that had to list, since their place was gone. */
  relists = 0;
  events = 0;
  /** Watches that are open now. */
  open = 0;
  readonly #api: Api;
  readonly #collection: string;
  readonly #random: () => number;
  readonly #connections = new Set<H2Connection>();
  #isClosed = false;

  private constructor(api: Api, collection: string, count: number, random: () => number) {
    this.resumedAt = new Float64Array(count);
    this.#api = api;
    this.#collection = collection;
    this.#random = random;
  }

  /** Resolves once all are open. */
  static async start(api: Api, collection: string, count: number, random: () => number): Promise<ResumingWatchers> {
    const watchers = new ResumingWatchers(api, collection, count, random);
    const version = await versionOf(api, collection);
    for (let first = 0; first < count; first += streamsPerConnection)
      void watchers.#connect(Array.from({ length: Math.min(streamsPerConnection, count - first) }, (_, index) => ({ number: first + index, version })));
    while (watchers.open < count) await wait(10);
    return watchers;
  }

  close(): void {
    this.#isClosed = true;
    for (const connection of this.#connections) connection.close();
  }

  /** One connection and its watches, for as long as it lasts; then the same again. */
  async #connect(places: readonly Place[]): Promise<void> {
    while (!this.#isClosed) {
      const connection = await H2Connection.open(this.#api.config).catch(() => undefined);
      if (connection) {
        this.#connections.add(connection);
        await Promise.all(places.map((place) => this.#watch(connection, place)));
        this.#connections.delete(connection);
        connection.close();
      }
      await wait(retryMs.least + this.#random() * (retryMs.most - retryMs.least));
    }
  }

  /** Resolves when the connection is gone. */
  async #watch(connection: H2Connection, place: Place): Promise<void> {
    while (!connection.failure && !this.#isClosed) {
      const isGone = await this.#watchOnce(connection, place);
      if (isGone) {
        this.relists++;
        place.version = await versionOf(this.#api, this.#collection).catch(() => place.version);
      } else if (!connection.failure) await wait(retryMs.least);
    }
  }

  /** True where the server says that the place is gone. */
  #watchOnce(connection: H2Connection, place: Place): Promise<boolean> {
    const head = this.#api.head('GET', `${this.#collection}?watch=true&allowWatchBookmarks=true&resourceVersion=${place.version}`);
    let isOpen = false;
    let isGone = false;
    return new Promise((resolve) => {
      const ended = () => {
        if (isOpen) this.open--;
        resolve(isGone);
      };
      connection.send(head, undefined, {
        onStatus: (status) => {
          if (status === 410) isGone = true;
          if (status !== 200) return;
          isOpen = true;
          this.open++;
          this.resumedAt[place.number] = performance.now();
        },
        onData: (chunk) => {
          if (!isOpen) return;
          const text = chunk.toString('latin1');
          if (text.startsWith('{"type":"ERROR"')) {
            isGone ||= text.includes('"code":410');
            return;
          }
          this.events += countEvents(chunk);
          const version = lastVersion(text);
          if (version !== undefined) place.version = version;
        },
        onEnd: ended,
        onError: ended,
      });
    });
  }
}

/** Objects come in the order of their versions, so the last one that is named is where to go on. */
export function lastVersion(text: string): string | undefined {
  const at = text.lastIndexOf('"resourceVersion":"');
  return at < 0 ? undefined : /^\d+/.exec(text.slice(at + 19))?.[0];
}
