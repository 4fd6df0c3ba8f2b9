/**
 * Asks other servers, in their order, and remembers what they said: each answer
 * for its time, the failure of all for a moment. The same question is under way
 * once, however many ask it.
 */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { RecentlyUsed } from '../../client/recently-used.ts';
import { answers } from './answer.ts';
import type { Answer } from './answer.ts';
import type { DnsMetrics } from './dns-metrics.ts';
import { encodeName } from './name.ts';
import { classInternet, headerBytes, rcodes, recordTypes, udpBytesMax } from './protocol.ts';
import type { Reply } from './reply.ts';
import { Upstream } from './upstream.ts';
import type { UpstreamAddress } from './upstream.ts';

export interface Question {
  /** Within the bounds of a name: read from a query, or encodable. */
  readonly name: string;
  readonly type: number;
  readonly dnssec: boolean;
  readonly checkingDisabled: boolean;
}

interface Server {
  readonly upstream: Upstream;
  /** After a failure it is asked only when no other is left. */
  restsUntilMs: number;
  /** It leads back to this server: never asked again. */
  loops: boolean;
}

/** `reply` is undefined where no server had one. */
interface Kept {
  readonly reply: Reply | undefined;
  readonly atMs: number;
  readonly untilMs: number;
}

const attemptTimeoutMs = 2000;
const attemptsMax = 3;
const restMs = 2000;
const underWayMax = 1000;
const keptMax = 5000;
const keptBytesMax = 4096;
const positiveTtlMax = 300;
const negativeTtlMax = 30;
/** Of failures, ours and theirs. */
const failureTtl = 2;

export class Forwarder {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #metrics: DnsMetrics;
  readonly #servers: readonly Server[];
  readonly #kept = new RecentlyUsed<Kept>(keptMax);
  readonly #underWay = new Map<string, Promise<Kept>>();

  constructor(addresses: readonly UpstreamAddress[], { clock, logger, metrics }: { readonly clock: Clock; readonly logger: Logger; readonly metrics: DnsMetrics }) {
    this.#clock = clock;
    this.#logger = logger;
    this.#metrics = metrics;
    this.#servers = addresses.map((address) => ({ upstream: new Upstream(address, clock), restsUntilMs: 0, loops: false }));
  }

  /** At once where the answer is known. */
  answer(question: Question): Answer | Promise<Answer> {
    const kept = this.#lookUp(question);
    return kept instanceof Promise ? kept.then((one) => this.#answerOf(one)) : this.#answerOf(kept);
  }

  /** For a chain of aliases that goes on elsewhere. */
  async reply(question: Question): Promise<{ readonly reply: Reply; readonly ageSeconds: number } | undefined> {
    const { reply, atMs } = await this.#lookUp(question);
    return reply && { reply, ageSeconds: this.#ageOf(atMs) };
  }

  /** Sends a question of its own for `nameOf(server)` to each server; see loop-guard.ts. */
  probe(nameOf: (onLoop: () => void) => string): void {
    for (const server of this.#servers) {
      const name = nameOf(() => {
        if (server.loops) return;
        server.loops = true;
        this.#logger.error('this server forwards to one that forwards back: it is not asked any more', { upstream: server.upstream.address.address });
      });
      server.upstream.ask(encodeQuestion({ name, type: recordTypes.HINFO, dnssec: false, checkingDisabled: false }), attemptTimeoutMs).catch(() => {});
    }
  }

  close(): void {
    for (const { upstream } of this.#servers) upstream.close();
  }

  #answerOf({ reply, atMs }: Kept): Answer {
    return reply ? reply.answer(this.#ageOf(atMs)) : answers.serverFailure;
  }

  #ageOf(atMs: number): number {
    return Math.floor((this.#clock.monotonic() - atMs) / 1000);
  }

  #lookUp(question: Question): Kept | Promise<Kept> {
    const key = `${question.type} ${question.dnssec ? 1 : 0}${question.checkingDisabled ? 1 : 0} ${question.name}`;
    const known = this.#kept.get(key);
    if (known && known.untilMs > this.#clock.monotonic()) {
      this.#metrics.cacheHit(known.reply?.rcode === rcodes.noError);
      return known;
    }
    this.#metrics.cacheMiss();
    let asked = this.#underWay.get(key);
    if (asked) return asked;
    const now = this.#clock.monotonic();
    if (this.#underWay.size >= underWayMax) return { reply: undefined, atMs: now, untilMs: now };
    asked = this.#askAll(question).then((reply) => this.#keep(key, reply));
    this.#underWay.set(key, asked);
    return asked;
  }

  #keep(key: string, reply: Reply | undefined): Kept {
    this.#underWay.delete(key);
    const atMs = this.#clock.monotonic();
    const kept = { reply, atMs, untilMs: atMs + 1000 * ttlOf(reply) };
    if (kept.untilMs > atMs && (reply?.bytes ?? 0) <= keptBytesMax) this.#kept.set(key, kept);
    return kept;
  }

  async #askAll(question: Question): Promise<Reply | undefined> {
    const message = encodeQuestion(question);
    let last: Reply | undefined;
    for (const server of this.#order().slice(0, attemptsMax)) {
      const startedMs = this.#clock.monotonic();
      const { address } = server.upstream.address;
      try {
        const reply = await server.upstream.ask(message, attemptTimeoutMs);
        this.#metrics.forwarded(address, reply.rcode, this.#clock.monotonic() - startedMs);
        server.restsUntilMs = 0;
        // Another server may know what this one fails to find out.
        if (reply.rcode !== rcodes.serverFailure && reply.rcode !== rcodes.refused) return reply;
        last = reply;
      } catch (error) {
        this.#metrics.forwardFailed(address);
        server.restsUntilMs = this.#clock.monotonic() + restMs;
        this.#logger.debug('a server did not answer', { upstream: address, error });
      }
    }
    return last;
  }

  /** As configured; those that have just failed last. */
  #order(): Server[] {
    const now = this.#clock.monotonic();
    const usable = this.#servers.filter(({ loops }) => !loops);
    return [...usable.filter(({ restsUntilMs }) => restsUntilMs <= now), ...usable.filter(({ restsUntilMs }) => restsUntilMs > now)];
  }
}

function ttlOf(reply: Reply | undefined): number {
  if (!reply || (reply.rcode !== rcodes.noError && reply.rcode !== rcodes.nameError)) return failureTtl;
  return Math.min(reply.ttlSeconds ?? 0, reply.rcode === rcodes.noError ? positiveTtlMax : negativeTtlMax);
}

/** A query with room for an id. */
function encodeQuestion({ name, type, dnssec, checkingDisabled }: Question): Buffer {
  const owner = encodeName(name) ?? Buffer.alloc(1);
  const message = Buffer.alloc(headerBytes + owner.length + 4 + 11);
  message.writeUInt16BE(0x0100 | (checkingDisabled ? 0x0010 : 0), 2);
  message.writeUInt16BE(1, 4);
  message.writeUInt16BE(1, 10);
  let at = headerBytes + owner.copy(message, headerBytes);
  at = message.writeUInt16BE(type, at);
  at = message.writeUInt16BE(classInternet, at);
  message.writeUInt16BE(recordTypes.OPT, at + 1);
  message.writeUInt16BE(udpBytesMax, at + 3);
  if (dnssec) message[at + 7] = 0x80;
  return message;
}
