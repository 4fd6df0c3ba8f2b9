/**
 * What a client asks. Reads hostile bytes: whatever comes, it ends in a query,
 * in an error to answer with, or in silence.
 */
import { readName, skipName } from './name.ts';
import { flags, headerBytes, rcodes, recordTypes, udpBytesMax, udpBytesPlain } from './protocol.ts';

export interface Query {
  readonly message: Buffer;
  readonly flags: number;
  /** As text, see name.ts. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Where the question ends in `message`. */
  readonly questionEnd: number;
  readonly edns: Edns | undefined;
}

export interface Edns {
  /** The largest answer over UDP that the client takes. */
  readonly udpBytes: number;
  readonly version: number;
  /** The client wants DNSSEC's records. */
  readonly dnssec: boolean;
}

/** An answer of nothing but a code, or silence. */
export interface Unreadable {
  readonly rcode: number | undefined;
}

const silence: Unreadable = { rcode: undefined };
const malformed: Unreadable = { rcode: rcodes.formatError };

export function parseQuery(message: Buffer): Query | Unreadable {
  if (message.length < headerBytes) return silence;
  const header = message.readUInt16BE(2);
  // To answer an answer could go on for ever.
  if (header & flags.response) return silence;
  if (header & flags.opcode) return { rcode: rcodes.notImplemented };
  // One question, and nothing in it that only answers have.
  if (message.readUInt32BE(4) !== 0x0001_0000 || message.readUInt16BE(8) !== 0) return malformed;
  const name = readName(message, headerBytes, false);
  if (!name || name.end + 4 > message.length) return malformed;
  const questionEnd = name.end + 4;
  const edns = readEdns(message, questionEnd, message.readUInt16BE(10));
  if (edns === 'malformed') return malformed;
  return { message, flags: header, name: name.text, type: message.readUInt16BE(name.end), class: message.readUInt16BE(name.end + 2), questionEnd, edns };
}

/** The one OPT among the additional records, which all have to be whole. */
function readEdns(message: Buffer, offset: number, count: number): Edns | undefined | 'malformed' {
  let at = offset;
  let found: Edns | undefined;
  for (let i = 0; i < count; i++) {
    const owner = skipName(message, at);
    if (owner === undefined || owner + 10 > message.length) return 'malformed';
    const end = owner + 10 + message.readUInt16BE(owner + 8);
    if (end > message.length) return 'malformed';
    if (message.readUInt16BE(owner) === recordTypes.OPT) {
      if (found || owner !== at + 1) return 'malformed';
      found = { udpBytes: message.readUInt16BE(owner + 2), version: message[owner + 5] as number, dnssec: ((message[owner + 6] as number) & 0x80) !== 0 };
    }
    at = end;
  }
  return found;
}

/** How long an answer over UDP may be. */
export function udpLimit({ edns }: Query): number {
  return edns ? Math.min(Math.max(edns.udpBytes, udpBytesPlain), udpBytesMax) : udpBytesPlain;
}
