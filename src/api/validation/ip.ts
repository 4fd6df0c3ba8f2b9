/** IP addresses and CIDR blocks as fields that allowed sloppy forms once: still any spelling of IPv6, no longer leading zeros. */
import { isIP, isIPv4, isIPv6, SocketAddress } from 'node:net';
import type { FieldError } from '../errors.ts';
import type { FieldPath } from './field-path.ts';
import { invalidValue } from './field-path.ts';

const none: readonly string[] = [];

/** What is wrong with an address, in the words of upstream. */
export function ipMessages(text: string): readonly string[] {
  if (isIP(text) !== 0 && !text.includes('%')) {
    return isMappedIpv4(text) ? ['must not be an IPv4-mapped IPv6 address'] : none;
  }
  return isIPv4(withoutLeadingZeros(text)) ? ['must not have leading 0s'] : ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'];
}

/** Unless `kept` (the values that the object already holds) has it. */
export function validateIp(errors: FieldError[], at: FieldPath, text: string, kept: readonly string[] = []): void {
  if (kept.includes(text)) return;
  for (const message of ipMessages(text)) errors.push(invalidValue(at, text, message));
}

export function validateCidr(errors: FieldError[], at: FieldPath, text: string, kept: readonly string[] = []): void {
  if (kept.includes(text)) return;
  const message = cidrMessage(text);
  if (message !== undefined) errors.push(invalidValue(at, text, message));
}

function cidrMessage(text: string): string | undefined {
  const slash = text.indexOf('/');
  const address = text.slice(0, slash);
  const length = text.slice(slash + 1);
  const plain = withoutLeadingZeros(address);
  const bitsMax = isIPv4(plain) ? 32 : 128;
  if (slash < 0 || (!isIPv4(plain) && !isIPv6(address)) || address.includes('%') || !/^\d+$/.test(length) || Number(length) > bitsMax) {
    return 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';
  }
  if (isIP(address) === 0 || /^0\d/.test(length)) return 'must not have leading 0s in IP or prefix length';
  if (isMappedIpv4(address)) return 'must not have an IPv4-mapped IPv6 address';
  const { value, bits } = parseIp(address)!;
  const hostBits = BigInt(bits - Number(length));
  return (value & ((1n << hostBits) - 1n)) === 0n ? undefined : 'must not have bits set beyond the prefix length';
}

function withoutLeadingZeros(text: string): string {
  return text.replace(/(^|\.)0+(?=\d)/g, '$1');
}

function isMappedIpv4(text: string): boolean {
  const parsed = parseIp(text);
  return parsed?.bits === 128 && parsed.value >> 32n === 0xffffn;
}

/** The address as a number, and 32 or 128; undefined for what is no address. */
export function parseIp(text: string): { readonly value: bigint; readonly bits: 32 | 128 } | undefined {
  if (isIPv4(text)) return { value: parseIpv4(text), bits: 32 };
  if (!isIPv6(text) || text.includes('%')) return undefined;
  let groups = text;
  const dotted = groups.includes('.') ? groups.slice(groups.lastIndexOf(':') + 1) : '';
  if (dotted !== '') {
    const low = parseIpv4(dotted);
    groups = `${groups.slice(0, groups.length - dotted.length)}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`;
  }
  const [head = '', tail] = groups.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = new Array<string>(8 - before.length - after.length).fill('0');
  let value = 0n;
  for (const group of [...before, ...zeros, ...after]) value = (value << 16n) | BigInt(`0x${group}`);
  return { value, bits: 128 };
}

function parseIpv4(text: string): bigint {
  let value = 0n;
  for (const part of text.split('.')) value = (value << 8n) | BigInt(part);
  return value;
}

/** In the canonical spelling. */
export function formatIp(value: bigint, bits: 32 | 128): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}

export function ipFamily(text: string): 'IPv4' | 'IPv6' | undefined {
  const kind = isIP(text);
  return kind === 4 ? 'IPv4' : kind === 6 ? 'IPv6' : undefined;
}

/** At most one address of each family. */
export function isDualStackPair(addresses: readonly string[]): boolean {
  return addresses.length === 2 && ipFamily(addresses[0]!) !== ipFamily(addresses[1]!);
}
