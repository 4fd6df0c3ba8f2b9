/**
 * Decides what becomes of an event: a new one, one more of the same, part of a
 * group of similar ones, or nothing because its object has had its share. The
 * numbers and the wording are client-go's.
 */
import type { Event } from '../api/types/core-v1.ts';
import type { Clock } from '../base/clock.ts';
import { TokenBucket } from './token-bucket.ts';

const similarMax = 10;
const similarIntervalMs = 600_000;
const spamBurst = 25;
const spamPerSecond = 1 / 300;
const rememberedMax = 4096;

/** A map that forgets what was least recently used. */
export class LeastRecentlyUsed<V> {
  readonly #entries = new Map<string, V>();

  get(key: string): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: string, value: V): void {
    this.#entries.set(key, value);
    if (this.#entries.size <= rememberedMax) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }
}

export class EventCorrelator {
  readonly #clock: Clock;
  readonly #buckets = new LeastRecentlyUsed<TokenBucket>();
  readonly #similar = new LeastRecentlyUsed<{ messages: Set<string>; lastAt: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Under which key the event counts as the same, and with which message; undefined: drop it. */
  correlate(event: Event): { key: string; message: string } | undefined {
    const subject = subjectOf(event);
    let bucket = this.#buckets.get(subject);
    if (!bucket) this.#buckets.set(subject, (bucket = new TokenBucket(this.#clock, spamPerSecond, spamBurst)));
    if (!bucket.tryTake()) return undefined;

    const group = [subject, event.type, event.reason, event.reportingComponent, event.reportingInstance].join('\n');
    const message = event.message ?? '';
    const now = this.#clock.now();
    let similar = this.#similar.get(group);
    if (!similar || now - similar.lastAt > similarIntervalMs) this.#similar.set(group, (similar = { messages: new Set(), lastAt: now }));
    similar.lastAt = now;
    // Past the limit every message is part of the group; the set must not grow with them.
    if (similar.messages.size >= similarMax && !similar.messages.has(message)) return { key: group, message: `(combined from similar events): ${message}` };
    similar.messages.add(message);
    if (similar.messages.size >= similarMax) return { key: group, message: `(combined from similar events): ${message}` };
    return { key: `${group}\n${message}`, message };
  }
}

function subjectOf({ source, involvedObject: object }: Event): string {
  return [source?.component, source?.host, object.kind, object.namespace, object.name, object.uid, object.apiVersion, object.fieldPath].join('\n');
}

