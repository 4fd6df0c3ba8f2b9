/**
 * What another server has answered. It is kept as its bytes, and sent to
 * whoever asks the same, with the time that has passed taken off its TTLs. Like
 * queries, it is read as the hostile bytes it may be.
 */
import { optBytes, writeHead, writeOpt } from './answer.ts';
import type { Answer } from './answer.ts';
import { readName, skipName } from './name.ts';
import { flags, headerBytes, recordTypes } from './protocol.ts';
import type { Query } from './query.ts';
import type { RecordSet } from './records.ts';

interface Place {
  readonly type: number;
  readonly owner: number;
  /** Of the type that follows the owner: the TTL is 4 bytes behind it, the data 10. */
  readonly head: number;
  readonly end: number;
  readonly section: number;
}

const keptFlags = flags.authoritative;

export class Reply {
  readonly rcode: number;
  /** How long it may be kept; undefined: not at all. */
  readonly ttlSeconds: number | undefined;
  readonly #message: Buffer;
  readonly #places: readonly Place[];
  readonly #questionEnd: number;

  private constructor(message: Buffer, questionEnd: number, places: readonly Place[]) {
    this.rcode = message.readUInt16BE(2) & flags.rcode;
    this.#message = message;
    this.#questionEnd = questionEnd;
    this.#places = places;
    this.ttlSeconds = this.#keepFor();
  }

  get bytes(): number {
    return this.#message.length;
  }

  get truncated(): boolean {
    return (this.#message.readUInt16BE(2) & flags.truncated) !== 0;
  }

  /** Undefined where the bytes are no answer to one question. */
  static parse(message: Buffer): Reply | undefined {
    if (message.length < headerBytes || message.readUInt16BE(4) !== 1) return undefined;
    const question = skipName(message, headerBytes);
    if (question === undefined || question + 4 > message.length) return undefined;
    const places: Place[] = [];
    let at = question + 4;
    for (let section = 0; section < 3; section++)
      for (let count = message.readUInt16BE(6 + section * 2); count > 0; count--) {
        const head = skipName(message, at);
        if (head === undefined || head + 10 > message.length) return undefined;
        const end = head + 10 + message.readUInt16BE(head + 8);
        if (end > message.length) return undefined;
        places.push({ type: message.readUInt16BE(head), owner: at, head, end, section });
        at = end;
      }
    return new Reply(message, question + 4, places);
  }

  /** The least of its TTLs; of a denial what its SOA says (RFC 2308). */
  #keepFor(): number | undefined {
    const denied = !this.#places.some(({ section }) => section === 0);
    let least: number | undefined;
    for (const { type, head, end, section } of this.#places) {
      if (type === recordTypes.OPT || (denied && section !== 1)) continue;
      let ttl = readTtl(this.#message, head);
      if (denied && type === recordTypes.SOA && end - head >= 30) ttl = Math.min(ttl, this.#message.readUInt32BE(end - 4));
      least = Math.min(least ?? ttl, ttl);
    }
    return least;
  }

  /** As an answer to be given `ageSeconds` after it came. */
  answer(ageSeconds: number): Answer {
    return { rcode: this.rcode, encode: (query, limit) => this.#encode(query, limit, ageSeconds) };
  }

  #encode(query: Query, limit: number, ageSeconds: number): Buffer {
    const room = limit - (query.edns ? optBytes : 0);
    // Names of later records may point into earlier ones: what goes, goes from the end.
    const places = this.#withoutOpt();
    while (places.length > 0 && (places.at(-1) as Place).end > room && (places.at(-1) as Place).section === 2) places.pop();
    const truncated = (places.at(-1)?.end ?? 0) > room;
    if (truncated) places.length = 0;
    const end = places.at(-1)?.end ?? this.#questionEnd;
    const response = Buffer.allocUnsafe(end + (query.edns ? optBytes : 0));
    this.#message.copy(response, 0, 0, end);
    const kept = this.#message.readUInt16BE(2) & keptFlags;
    writeHead(response, query, this.rcode, kept | (truncated ? flags.truncated : 0));
    for (const { head, section } of places) {
      response.writeUInt32BE(Math.max(0, readTtl(this.#message, head) - ageSeconds), head + 4);
      response.writeUInt16BE(response.readUInt16BE(6 + section * 2) + 1, 6 + section * 2);
    }
    if (query.edns) writeOpt(response, end, query, this.rcode);
    return response;
  }

  /** OPT is of one connection, not of the answer. It is mostly the last; what stands behind it is left out with it. */
  #withoutOpt(): Place[] {
    const opt = this.#places.findIndex(({ type }) => type === recordTypes.OPT);
    return opt < 0 ? [...this.#places] : this.#places.slice(0, opt);
  }

  /** Its addresses and aliases, as records of ours: to stand behind an alias of the cluster's. */
  *records(ageSeconds: number): Generator<{ readonly owner: string; readonly set: RecordSet }> {
    for (const { type, owner, head, end, section } of this.#places) {
      if (section !== 0) continue;
      const name = readName(this.#message, owner, true);
      const ttlSeconds = Math.max(0, readTtl(this.#message, head) - ageSeconds);
      const set = this.#set(type, head + 10, end, ttlSeconds);
      if (name && set) yield { owner: name.text, set };
    }
  }

  #set(type: number, start: number, end: number, ttlSeconds: number): RecordSet | undefined {
    if (type === recordTypes.CNAME) {
      const target = readName(this.#message, start, true);
      return target && { type, ttlSeconds, targets: [target.text] };
    }
    if ((type === recordTypes.A && end - start === 4) || (type === recordTypes.AAAA && end - start === 16)) {
      return { type, ttlSeconds, addresses: [this.#message.subarray(start, end)] };
    }
    return undefined;
  }
}

/** A negative one is none (RFC 2181, 8). */
function readTtl(message: Buffer, head: number): number {
  const ttl = message.readUInt32BE(head + 4);
  return ttl > 0x7fff_ffff ? 0 : ttl;
}
