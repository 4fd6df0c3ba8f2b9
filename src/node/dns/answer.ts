/** Answers, and their bytes as one client gets them. */
import type { Query } from './query.ts';
import { flags, headerBytes, rcodes, udpBytesMax } from './protocol.ts';
import type { EncodedSet } from './records.ts';

/** Something that can be sent to whoever asked the question, once or often. */
export interface Answer {
  readonly rcode: number;
  /** `limit`: longer than that it must not be. */
  encode(query: Query, limit: number): Buffer;
}

export interface Sections {
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly answers: readonly EncodedSet[];
  readonly authority?: readonly EncodedSet[];
  readonly additional?: readonly EncodedSet[];
}

const none: readonly EncodedSet[] = [];
export const optBytes = 11;

/** An answer made of records. The addresses of a name begin with another one each time, so that clients that take the first spread. */
export class RecordAnswer implements Answer {
  readonly rcode: number;
  readonly #sections: Sections;
  #turn = 0;

  constructor(sections: Sections) {
    this.rcode = sections.rcode;
    this.#sections = sections;
  }

  encode(query: Query, limit: number): Buffer {
    const { authoritative, answers, authority = none, additional = none } = this.#sections;
    const turn = this.#turn++;
    const fixed = query.questionEnd + (query.edns ? optBytes : 0);
    const needed = fixed + bytesOf(answers) + bytesOf(authority);
    const wanted = needed + bytesOf(additional);
    // What does not fit of the additional section is not missed; of the others it is.
    const withAdditional = wanted <= limit;
    const truncated = needed > limit;
    const response = Buffer.allocUnsafe(truncated ? limit : withAdditional ? wanted : needed);
    let at = writeHead(response, query, this.rcode, (authoritative ? flags.authoritative : 0) | (truncated ? flags.truncated : 0));
    const end = response.length - (query.edns ? optBytes : 0);
    const counts = [0, 0, 0];
    for (const [index, section] of [answers, authority, withAdditional ? additional : none].entries())
      for (const set of section) {
        const written = writeSet(response, at, end, set, index === 0 ? turn : 0);
        at = written.at;
        counts[index]! += written.count;
      }
    counts.forEach((count, index) => response.writeUInt16BE(count, 6 + index * 2));
    if (query.edns) at = writeOpt(response, at, query, this.rcode);
    return at === response.length ? response : response.subarray(0, at);
  }
}

/** Nothing but a code. */
export function errorAnswer(rcode: number): Answer {
  return new RecordAnswer({ rcode, authoritative: false, answers: none });
}

/** To what could not be read as a query: id and opcode come back, the question does not. */
export function encodeUnreadable(message: Buffer, rcode: number): Buffer {
  const response = Buffer.alloc(headerBytes);
  message.copy(response, 0, 0, 2);
  const header = message.readUInt16BE(2);
  response.writeUInt16BE((header & (flags.opcode | flags.recursionDesired)) | flags.response | rcode, 2);
  return response;
}

function bytesOf(sets: readonly EncodedSet[]): number {
  let sum = 0;
  for (const { bytes } of sets) sum += bytes.length;
  return sum;
}

/** Header and question, in the client's own spelling of the name. Returns where the records begin. */
export function writeHead(response: Buffer, query: Query, rcode: number, more: number): number {
  query.message.copy(response, 0, 0, query.questionEnd);
  const kept = query.flags & (flags.recursionDesired | flags.checkingDisabled);
  response.writeUInt16BE(kept | flags.response | flags.recursionAvailable | more | (rcode & flags.rcode), 2);
  response.fill(0, 6, headerBytes);
  return query.questionEnd;
}

/** Whole records from the one whose turn it is, as long as they fit. */
function writeSet(response: Buffer, start: number, limit: number, { bytes, ends }: EncodedSet, turn: number): { readonly at: number; readonly count: number } {
  const first = ends.length > 1 ? turn % ends.length : 0;
  if (first === 0 && start + bytes.length <= limit) return { at: start + bytes.copy(response, start), count: ends.length };
  let at = start;
  let count = 0;
  for (; count < ends.length; count++) {
    const index = (first + count) % ends.length;
    const from = index === 0 ? 0 : (ends[index - 1] as number);
    const to = ends[index] as number;
    if (at + to - from > limit) break;
    at += bytes.copy(response, at, from, to);
  }
  return { at, count };
}

/** The server's own OPT; counts itself. Returns where it ends. */
export function writeOpt(response: Buffer, at: number, query: Query, rcode: number): number {
  response.fill(0, at, at + optBytes);
  response[at + 2] = 41;
  response.writeUInt16BE(udpBytesMax, at + 3);
  response[at + 5] = rcode >> 4;
  if (query.edns?.dnssec) response[at + 7] = 0x80;
  response.writeUInt16BE(response.readUInt16BE(10) + 1, 10);
  return at + optBytes;
}

export const answers = {
  serverFailure: errorAnswer(rcodes.serverFailure),
  refused: errorAnswer(rcodes.refused),
  badVersion: errorAnswer(rcodes.badVersion),
} as const;
