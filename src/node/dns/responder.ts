/** From the bytes of a query to the bytes of its answer, for either protocol. Nothing a stranger sends makes it throw. */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { answers, encodeUnreadable } from './answer.ts';
import type { Answer } from './answer.ts';
import type { DnsMetrics, Protocol } from './dns-metrics.ts';
import { parseQuery, udpLimit } from './query.ts';
import type { Query } from './query.ts';
import type { Resolver } from './resolver.ts';

const tcpBytesMax = 65_535;

export class DnsResponder {
  readonly #resolver: Resolver;
  readonly #metrics: DnsMetrics;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(resolver: Resolver, { metrics, clock, logger }: { readonly metrics: DnsMetrics; readonly clock: Clock; readonly logger: Logger }) {
    this.#resolver = resolver;
    this.#metrics = metrics;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Calls `respond` once, before it returns where the answer is known; not at all for what deserves no answer. */
  receive(message: Buffer, protocol: Protocol, respond: (response: Buffer | undefined) => void): void {
    const startedMs = this.#clock.monotonic();
    const query = parseQuery(message);
    if ('rcode' in query) {
      respond(query.rcode === undefined ? undefined : encodeUnreadable(message, query.rcode));
      return;
    }
    this.#metrics.request(protocol, query.type);
    const answer = this.#resolve(query);
    if (!(answer instanceof Promise)) this.#respond(query, protocol, answer, startedMs, respond);
    else
      answer.then(
        (late) => this.#respond(query, protocol, late, startedMs, respond),
        (error: unknown) => this.#respond(query, protocol, this.#failed(query, error), startedMs, respond),
      );
  }

  #resolve(query: Query): Answer | Promise<Answer> {
    try {
      return this.#resolver.resolve(query);
    } catch (error) {
      return this.#failed(query, error);
    }
  }

  #respond(query: Query, protocol: Protocol, answer: Answer, startedMs: number, respond: (response: Buffer) => void): void {
    const limit = protocol === 'udp' ? udpLimit(query) : tcpBytesMax;
    respond(answer.encode(query, limit));
    this.#metrics.response(protocol, answer.rcode, this.#clock.monotonic() - startedMs);
  }

  #failed(query: Query, error: unknown): Answer {
    this.#metrics.failed();
    this.#logger.error('a query failed', { name: query.name, type: query.type, error });
    return answers.serverFailure;
  }
}
