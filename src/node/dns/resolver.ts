/** From a query to its answer: the cluster's zone, a stub domain's servers, or everybody else's. */
import { RecordAnswer, answers } from './answer.ts';
import type { Answer } from './answer.ts';
import type { Forwarder } from './forwarder.ts';
import type { LoopGuard } from './loop-guard.ts';
import { isWithin } from './name.ts';
import { classInternet, rcodes, recordTypes, flags } from './protocol.ts';
import type { Query } from './query.ts';
import { encodedSetOf } from './records.ts';
import type { Alias, Zone } from './zone.ts';

export interface Route {
  /** Empty: all names. */
  readonly domain: string;
  readonly forwarder: Forwarder;
}

export class Resolver {
  readonly #zone: Zone;
  /** The most specific first. */
  readonly #routes: readonly Route[];
  readonly #loops: LoopGuard;

  constructor(zone: Zone, routes: readonly Route[], loops: LoopGuard) {
    this.#zone = zone;
    this.#routes = routes.toSorted((a, b) => b.domain.length - a.domain.length);
    this.#loops = loops;
  }

  resolve(query: Query): Answer | Promise<Answer> {
    if (query.edns && query.edns.version > 0) return answers.badVersion;
    if (query.class !== classInternet || query.type === recordTypes.AXFR || query.type === recordTypes.IXFR) return answers.refused;
    const local = this.#zone.answer(query.name, query.type);
    if (!local) return this.#elsewhere(query);
    return 'target' in local ? this.#chase(local, query) : local;
  }

  #elsewhere(query: Query): Answer | Promise<Answer> {
    if (query.type === recordTypes.HINFO && this.#loops.recognise(query.name)) return answers.refused;
    const route = this.#routeOf(query.name);
    return route ? route.forwarder.answer(questionOf(query, query.name)) : answers.refused;
  }

  #routeOf(name: string): Route | undefined {
    return this.#routes.find(({ domain }) => isWithin(name, domain));
  }

  /** Clients do not follow aliases: what an ExternalName leads to comes with it, where it can be found. */
  async #chase({ records, target }: Alias, query: Query): Promise<Answer> {
    const address = query.type === recordTypes.A || query.type === recordTypes.AAAA;
    const found = address ? await this.#routeOf(target)?.forwarder.reply(questionOf(query, target)) : undefined;
    const beyond = found ? [...found.reply.records(found.ageSeconds)].map(({ owner, set }) => encodedSetOf(owner, set)) : [];
    const rcode = found?.reply.rcode === rcodes.nameError ? rcodes.nameError : rcodes.noError;
    return new RecordAnswer({ rcode, authoritative: true, answers: [...records, ...beyond] });
  }
}

function questionOf(query: Query, name: string) {
  return { name, type: query.type, dnssec: query.edns?.dnssec ?? false, checkingDisabled: (query.flags & flags.checkingDisabled) !== 0 };
}
