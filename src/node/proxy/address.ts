/** Addresses and blocks as numbers, and in the one spelling that kernel tools print. */
import { formatIp, parseIp } from '../../api/validation/ip.ts';

export interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
  readonly bits: 32 | 128;
}

/** The address in its canonical spelling; undefined for what is none. */
export function canonicalIp(text: string): string | undefined {
  if (!text.includes(':')) return parseIp(text) && text;
  const parsed = parseIp(text);
  return parsed && formatIp(parsed.value, parsed.bits);
}

/** A block as the range it spans; an address is a block of one. */
export function blockRange(text: string): AddressRange | undefined {
  const [address = '', length] = text.trim().split('/');
  const parsed = parseIp(address);
  if (!parsed) return undefined;
  const { value, bits } = parsed;
  const prefix = length === undefined ? bits : Number(length);
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > bits) return undefined;
  const size = 1n << BigInt(bits - prefix);
  const first = value & ~(size - 1n);
  return { first, last: first + size - 1n, bits };
}

/** Whether the block holds the address. */
export function blockHas(block: string, ip: string): boolean {
  const range = blockRange(block);
  const parsed = parseIp(ip);
  return !!range && !!parsed && range.bits === parsed.bits && parsed.value >= range.first && parsed.value <= range.last;
}

/** The union of `ranges` without `holes`, in order, none touching another. */
export function rangesWithout(ranges: readonly AddressRange[], holes: readonly AddressRange[]): AddressRange[] {
  let left = [...ranges];
  for (const hole of holes) {
    left = left.flatMap((range) => {
      if (hole.last < range.first || hole.first > range.last) return [range];
      const parts: AddressRange[] = [];
      if (range.first < hole.first) parts.push({ ...range, last: hole.first - 1n });
      if (range.last > hole.last) parts.push({ ...range, first: hole.last + 1n });
      return parts;
    });
  }
  return joined(left);
}

function joined(ranges: readonly AddressRange[]): AddressRange[] {
  const result: AddressRange[] = [];
  for (const range of ranges.toSorted((a, b) => (a.first < b.first ? -1 : 1))) {
    const before = result.at(-1);
    if (before && range.first <= before.last + 1n) result[result.length - 1] = { ...before, last: range.last > before.last ? range.last : before.last };
    else result.push(range);
  }
  return result;
}

/** As nft prints it: an address, a block where the range is one, else first-last. */
export function formatRange({ first, last, bits }: AddressRange): string {
  const size = last - first + 1n;
  if (size === 1n) return formatIp(first, bits);
  if ((size & (size - 1n)) === 0n && (first & (size - 1n)) === 0n) return `${formatIp(first, bits)}/${bits - (size.toString(2).length - 1)}`;
  return `${formatIp(first, bits)}-${formatIp(last, bits)}`;
}
