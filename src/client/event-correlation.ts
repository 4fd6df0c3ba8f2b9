/**
 * Decides what becomes of an event: a new one, one more of the same, part of a
 * group of similar ones, or nothing because its object has had its share. The
 * numbers and the wording are client-go's.
 *
 * Thousands of recorders remember tens of thousands of objects: an object costs
 * one look-up by its uid, and what is remembered is the least there is to send.
 */
import type { ObjectReference } from '../api/types/core-v1.ts';
import type { Clock } from '../base/clock.ts';
import { RecentlyUsed } from './recently-used.ts';
import { TokenBucket } from './token-bucket.ts';

const similarMax = 10;
const similarIntervalMs = 600_000;
const spamBurst = 25;
const spamPerSecond = 1 / 300;
const subjectsMax = 4096;
/** Of one object, with one type and reason. */
const seriesMax = 32;

/** What has happened to one object, however often: one object of the API. */
export class EventSeries {
  readonly subject: ObjectReference;
  readonly type: string;
  readonly reason: string;
  message: string;
  count = 0;
  readonly firstMs: number;
  lastMs: number;
  /** Its name in the API, once it has one. */
  name = '';
  /** `again`: it has changed since it was taken to be sent. */
  state: 'idle' | 'queued' | 'sending' | 'again' = 'idle';
  /** The server has it. */
  created = false;

  constructor(subject: ObjectReference, type: string, reason: string, message: string, nowMs: number) {
    this.subject = subject;
    this.type = type;
    this.reason = reason;
    this.message = message;
    this.firstMs = nowMs;
    this.lastMs = nowMs;
  }
}

/** The series of one type and reason: with too many messages they become one. */
interface Group {
  readonly type: string;
  readonly reason: string;
  readonly series: EventSeries[];
  /** Begun anew where nothing like it has happened for long: older series do not count as similar. */
  since: number;
  lastAt: number;
  combined: EventSeries | undefined;
}

interface Subject {
  readonly bucket: TokenBucket;
  readonly groups: Group[];
}

export class EventCorrelator {
  readonly #clock: Clock;
  readonly #subjects = new RecentlyUsed<Subject>(subjectsMax);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The series that the event counts to, its count raised; undefined: drop it. */
  correlate(reference: ObjectReference, type: string, reason: string, message: string): EventSeries | undefined {
    const subject = this.#subjectOf(reference);
    if (!subject.bucket.tryTake()) return undefined;
    const now = this.#clock.now();
    const group = groupOf(subject, type, reason, now);
    const series = isCrowded(group, message) ? combinedOf(group, reference, message, now) : seriesOf(group, reference, message, now);
    series.count++;
    series.lastMs = now;
    return series;
  }

  #subjectOf(reference: ObjectReference): Subject {
    const key = reference.uid || `${reference.kind}/${reference.namespace}/${reference.name}`;
    let subject = this.#subjects.get(key);
    if (!subject) this.#subjects.set(key, (subject = { bucket: new TokenBucket(this.#clock, spamPerSecond, spamBurst), groups: [] }));
    return subject;
  }
}

function groupOf({ groups }: Subject, type: string, reason: string, now: number): Group {
  for (const group of groups) {
    if (group.reason !== reason || group.type !== type) continue;
    if (now - group.lastAt > similarIntervalMs) group.since = now;
    group.lastAt = now;
    return group;
  }
  const group: Group = { type, reason, series: [], since: now, lastAt: now, combined: undefined };
  groups.push(group);
  return group;
}

/** With this message, or without it, there are too many. */
function isCrowded({ series, since }: Group, message: string): boolean {
  if (series.length + 1 < similarMax) return false;
  const messages = new Set([message]);
  for (const one of series) if (one.lastMs >= since) messages.add(one.message);
  return messages.size >= similarMax;
}

function combinedOf(group: Group, reference: ObjectReference, message: string, now: number): EventSeries {
  group.combined ??= new EventSeries(reference, group.type, group.reason, '', now);
  group.combined.message = `(combined from similar events): ${message}`;
  return group.combined;
}

function seriesOf({ type, reason, series }: Group, reference: ObjectReference, message: string, now: number): EventSeries {
  for (const one of series) if (one.message === message && one.subject.fieldPath === reference.fieldPath) return one;
  const made = new EventSeries(reference, type, reason, message, now);
  if (series.length >= seriesMax) series.shift();
  series.push(made);
  return made;
}
