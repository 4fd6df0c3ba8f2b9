/**
 * What the server says with authority: the cluster's zone, and the reverse names
 * of its addresses. Everything here is answered from memory at once.
 */
import { RecordAnswer, answers } from './answer.ts';
import type { Answer } from './answer.ts';
import { NameIndex } from './name-index.ts';
import type { IndexedName } from './name-index.ts';
import { isWithin } from './name.ts';
import { rcodes, recordTypes } from './protocol.ts';
import { addressBytes, addressSets, encodedSet, encodedSetOf } from './records.ts';
import type { AuthoritySet, EncodedSet, NameSet } from './records.ts';

/** The version of the specification, which clients may ask for. */
const schemaVersion = '1.1.0';
/** ExternalNames of this zone that lead to each other may go in circles. */
const aliasesMax = 8;

export interface ZoneOptions {
  /** `cluster.local` */
  readonly zone: string;
  readonly ttlSeconds: number;
  /** Of the zone's SOA: changes when the server starts. */
  readonly serial: number;
}

/** An alias whose target lies elsewhere: the resolver has to ask there. */
export interface Alias {
  readonly records: readonly EncodedSet[];
  readonly target: string;
}

export class Zone {
  readonly name: string;
  readonly index: NameIndex;
  readonly #ttlSeconds: number;
  /** For the authority section of answers that deny. */
  readonly #authority: EncodedSet;
  readonly #noData: Answer;
  readonly #noName: Answer;
  /** False until everything the API holds is in the index: until then nothing may be told of the zone. */
  complete = false;

  constructor({ zone, ttlSeconds, serial }: ZoneOptions) {
    this.name = zone;
    this.#ttlSeconds = ttlSeconds;
    this.index = new NameIndex(zone);
    const server = `kube-dns.kube-system.svc.${zone}`;
    const soa: AuthoritySet = { type: recordTypes.SOA, ttlSeconds, server, mailbox: `hostmaster.${zone}`, serial };
    this.#authority = encodedSetOf(zone, soa);
    this.#noData = this.#denial(rcodes.noError);
    this.#noName = this.#denial(rcodes.nameError);
    this.index.replace('', new Map([
      [zone, [soa, { type: recordTypes.NS, ttlSeconds, targets: [server] }]],
      [`dns-version.${zone}`, [{ type: recordTypes.TXT, ttlSeconds, text: schemaVersion }]],
      [`svc.${zone}`, []],
      [`pod.${zone}`, []],
    ]));
  }

  /** Undefined: not ours to answer. */
  answer(name: string, type: number): Answer | Alias | undefined {
    const found = this.index.get(name);
    if (!isWithin(name, this.name)) return found?.has(type) ? found.answer(type) : undefined;
    if (!this.complete) return answers.serverFailure;
    if (found?.has(type)) return found.answer(type);
    if (found) return this.#other(found, name, type);
    return this.#pod(name, type) ?? this.#noName;
  }

  #other(found: IndexedName, name: string, type: number): Answer | Alias {
    if (type === recordTypes.ANY && found.sets[0]) return found.answer(found.sets[0].type);
    return found.has(recordTypes.CNAME) ? this.#follow(found, name, type) : this.#noData;
  }

  /** From alias to alias, as long as they stay in the zone. */
  #follow(first: IndexedName, name: string, type: number): Answer | Alias {
    const records: EncodedSet[] = [];
    let alias = first;
    let owner = name;
    for (let hops = 0; hops < aliasesMax; hops++) {
      const set = alias.sets.find((one): one is NameSet => one.type === recordTypes.CNAME) as NameSet;
      const [target = ''] = set.targets;
      records.push(owner === name ? encodedSet(set) : encodedSetOf(owner, set));
      if (!isWithin(target, this.name)) return { records, target };
      const next = this.index.get(target);
      if (!next?.has(recordTypes.CNAME)) return this.#end(records, target, type);
      alias = next;
      owner = target;
    }
    return answers.serverFailure;
  }

  /** Where a chain of aliases ends in the zone. */
  #end(records: readonly EncodedSet[], target: string, type: number): Answer {
    const node = this.index.get(target);
    const sets = node?.sets.filter((set) => set.type === type) ?? [];
    const denied = sets.length === 0;
    return new RecordAnswer({
      rcode: node ? rcodes.noError : rcodes.nameError,
      authoritative: true,
      answers: [...records, ...sets.map((set) => encodedSetOf(target, set))],
      authority: denied ? [this.#authority] : [],
    });
  }

  /** `10-244-1-7.default.pod.<zone>`, for any address and every namespace there is: the name says all that the answer holds. */
  #pod(name: string, type: number): Answer | undefined {
    if (!name.endsWith(`.pod.${this.name}`)) return undefined;
    const labels = name.slice(0, -`.pod.${this.name}`.length).split('.');
    const [label = '', namespace = ''] = labels;
    if (labels.length !== 2 || !this.index.get(`${namespace}.pod.${this.name}`)) return undefined;
    const address = addressBytes(label.replaceAll('-', '.')) ?? addressBytes(label.replaceAll('-', ':'));
    const [set] = address ? addressSets([address], this.#ttlSeconds) : [];
    if (!set) return undefined;
    if (type !== set.type && type !== recordTypes.ANY) return this.#noData;
    return new RecordAnswer({ rcode: rcodes.noError, authoritative: true, answers: [encodedSet(set)] });
  }

  #denial(rcode: number): Answer {
    return new RecordAnswer({ rcode, authoritative: true, answers: [], authority: [this.#authority] });
  }
}
