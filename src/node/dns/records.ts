/**
 * Sets of records: what a name has of one type. Encoded, they can stand anywhere
 * in any answer to a question for that name: their owner is a pointer to the
 * question's name, which is always at the same place, and nothing else in them
 * is compressed.
 */
import { parseIp } from '../../api/validation/ip.ts';
import { encodeName } from './name.ts';
import { classInternet, headerBytes, recordTypes } from './protocol.ts';

export type RecordSet = AddressSet | NameSet | ServiceSet | TextSet | AuthoritySet;

interface Common {
  readonly ttlSeconds: number;
}

export interface AddressSet extends Common {
  readonly type: typeof recordTypes.A | typeof recordTypes.AAAA;
  readonly addresses: readonly Buffer[];
}

export interface NameSet extends Common {
  readonly type: typeof recordTypes.CNAME | typeof recordTypes.PTR | typeof recordTypes.NS;
  readonly targets: readonly string[];
}

export interface ServiceSet extends Common {
  readonly type: typeof recordTypes.SRV;
  readonly targets: readonly ServiceTarget[];
}

/** Where a port is served; its addresses spare the client another question. */
export interface ServiceTarget {
  readonly name: string;
  readonly port: number;
  readonly weight: number;
  readonly addresses: readonly AddressSet[];
}

export interface TextSet extends Common {
  readonly type: typeof recordTypes.TXT;
  readonly text: string;
}

export interface AuthoritySet extends Common {
  readonly type: typeof recordTypes.SOA;
  readonly server: string;
  readonly mailbox: string;
  readonly serial: number;
}

/** Records one behind the other. */
export interface EncodedSet {
  readonly bytes: Buffer;
  /** Where each of them ends. */
  readonly ends: readonly number[];
}

const questionPointer = Buffer.from([0xc0, headerBytes]);
/** How long secondaries wait and keep, of which there are none. */
const soaTimes = { refresh: 7200, retry: 1800, expire: 86_400 };

/** For answers to a question for the name that has the set. */
export function encodedSet(set: RecordSet): EncodedSet {
  return encodeSet(set, questionPointer);
}

/** For any place: with the whole name of its owner in each record. */
export function encodedSetOf(owner: string, set: RecordSet): EncodedSet {
  return encodeSet(set, encodeName(owner) ?? questionPointer);
}

/** The addresses of a set's targets, for the additional section. */
export function additionalOf(set: ServiceSet): EncodedSet[] {
  return set.targets.flatMap(({ name, addresses }) => addresses.map((one) => encodedSetOf(name, one)));
}

/** 4 or 16 bytes; undefined for what is no address. */
export function addressBytes(text: string): Buffer | undefined {
  const parsed = parseIp(text);
  return parsed && Buffer.from(parsed.value.toString(16).padStart(parsed.bits / 4, '0'), 'hex');
}

/** The set of each family that `addresses` has. */
export function addressSets(addresses: readonly Buffer[], ttlSeconds: number): AddressSet[] {
  const sets: AddressSet[] = [];
  for (const [type, length] of [[recordTypes.A, 4], [recordTypes.AAAA, 16]] as const) {
    const family = addresses.filter((address) => address.length === length);
    if (family.length > 0) sets.push({ type, ttlSeconds, addresses: family });
  }
  return sets;
}

function encodeSet(set: RecordSet, owner: Buffer): EncodedSet {
  const parts: Buffer[] = [];
  const ends: number[] = [];
  let end = 0;
  for (const data of dataOf(set)) {
    const head = Buffer.alloc(10);
    head.writeUInt16BE(set.type, 0);
    head.writeUInt16BE(classInternet, 2);
    head.writeUInt32BE(set.ttlSeconds, 4);
    head.writeUInt16BE(data.length, 8);
    parts.push(owner, head, data);
    ends.push((end += owner.length + head.length + data.length));
  }
  return { bytes: Buffer.concat(parts, end), ends };
}

/** Of each record. What a name cannot say (the target of an ExternalName may be too long) is left out. */
function dataOf(set: RecordSet): Buffer[] {
  switch (set.type) {
    case recordTypes.A:
    case recordTypes.AAAA:
      return [...set.addresses];
    case recordTypes.CNAME:
    case recordTypes.PTR:
    case recordTypes.NS:
      return set.targets.flatMap((target) => encodeName(target) ?? []);
    case recordTypes.SRV:
      return set.targets.flatMap((target) => serviceData(target) ?? []);
    case recordTypes.TXT:
      return [Buffer.concat([Buffer.from([set.text.length]), Buffer.from(set.text, 'latin1')])];
    case recordTypes.SOA:
      return [authorityData(set)];
  }
}

function serviceData({ name, port, weight }: ServiceTarget): Buffer | undefined {
  const target = encodeName(name);
  if (!target) return undefined;
  const head = Buffer.alloc(6);
  head.writeUInt16BE(weight, 2);
  head.writeUInt16BE(port, 4);
  return Buffer.concat([head, target]);
}

function authorityData({ server, mailbox, serial, ttlSeconds }: AuthoritySet): Buffer {
  const times = Buffer.alloc(20);
  [serial >>> 0, soaTimes.refresh, soaTimes.retry, soaTimes.expire, ttlSeconds].forEach((value, index) => times.writeUInt32BE(value, index * 4));
  return Buffer.concat([encodeName(server) ?? Buffer.alloc(1), encodeName(mailbox) ?? Buffer.alloc(1), times]);
}
