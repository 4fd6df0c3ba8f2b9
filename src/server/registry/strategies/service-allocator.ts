/**
 * Cluster IPs and node ports: which are taken. Kept in memory only; the
 * services in the store are the truth, and `rebuild` reads them at start.
 * Everything is decided synchronously, so two services never get the same.
 */
import type { Random } from '../../../base/random.ts';
import type { Service } from '../../../api/types/core-v1.ts';
import { ipFamily, parseIp } from '../../../api/validation/ip.ts';

export type IpFamily = 'IPv4' | 'IPv6';

/** Why what was asked for cannot be had, in upstream's words; undefined where it can. */
type Refusal = string | undefined;

export const alreadyTaken = 'provided IP is already allocated';

export interface ServiceAllocator {
  /** Of the families that are served, the first is the default. */
  readonly families: readonly IpFamily[];
  takeIp(ip: string): Refusal;
  /** Undefined when the range is full. */
  nextIp(family: IpFamily): string | undefined;
  freeIp(ip: string): void;
  takePort(port: number): Refusal;
  nextPort(): number | undefined;
  freePort(port: number): void;
}

export interface ServiceRanges {
  /** One, or one of each family. */
  readonly cidrs: readonly string[];
  readonly firstNodePort: number;
  readonly lastNodePort: number;
}

export const defaultServiceRanges: ServiceRanges = { cidrs: ['10.96.0.0/12'], firstNodePort: 30000, lastNodePort: 32767 };

/** More addresses than this of one range are never handed out; IPv6 ranges are larger. */
const addressesMax = 2 ** 20;

/** A set of small integers. Choices are random, above a low part that is kept for explicit requests as long as possible. */
class Bitmap {
  readonly size: number;
  readonly #words: Uint32Array;
  readonly #reserved: number;

  constructor(size: number, reserved: number) {
    this.size = size;
    this.#reserved = reserved;
    this.#words = new Uint32Array(Math.ceil(size / 32));
  }

  has(offset: number): boolean {
    return (this.#words[offset >>> 5]! & (1 << (offset & 31))) !== 0;
  }

  add(offset: number): void {
    this.#words[offset >>> 5]! |= 1 << (offset & 31);
  }

  remove(offset: number): void {
    this.#words[offset >>> 5]! &= ~(1 << (offset & 31));
  }

  /** Takes a free one; undefined when there is none. */
  takeAny(random: Random): number | undefined {
    const start = this.#reserved + random.below(Math.max(1, this.size - this.#reserved));
    const found = this.#firstFree(start, this.size) ?? this.#firstFree(this.#reserved, start) ?? this.#firstFree(0, this.#reserved);
    if (found !== undefined) this.add(found);
    return found;
  }

  #firstFree(from: number, to: number): number | undefined {
    for (let offset = from; offset < to; offset++) {
      if ((offset & 31) === 0 && this.#words[offset >>> 5] === 0xffffffff) offset += 31;
      else if (!this.has(offset)) return offset;
    }
    return undefined;
  }
}

interface IpRange {
  readonly cidr: string;
  /** Of the first address that may be given out: the network's own may not. */
  readonly base: bigint;
  readonly bitmap: Bitmap;
}

export class InMemoryServiceAllocator implements ServiceAllocator {
  readonly families: readonly IpFamily[];
  readonly #ranges = new Map<IpFamily, IpRange>();
  readonly #ports: Bitmap;
  readonly #limits: ServiceRanges;
  readonly #random: Random;

  constructor(random: Random, ranges: ServiceRanges = defaultServiceRanges) {
    this.#random = random;
    this.#limits = ranges;
    for (const cidr of ranges.cidrs) this.#ranges.set(ipFamily(cidr.split('/')[0]!)!, ipRange(cidr));
    this.families = [...this.#ranges.keys()];
    const ports = ranges.lastNodePort - ranges.firstNodePort + 1;
    this.#ports = new Bitmap(ports, ports < 16 ? 0 : Math.min(Math.max(16, Math.floor(ports / 32)), 128));
  }

  /** Marks what the services hold. Call once, before the first write. */
  rebuild(services: Iterable<Pick<Service, 'spec'>>): void {
    for (const { spec = {} } of services) {
      for (const ip of heldIps(spec)) this.takeIp(ip);
      for (const port of heldPorts(spec)) this.takePort(port);
    }
  }

  takeIp(ip: string): Refusal {
    const at = this.#locate(ip);
    const range = this.#ranges.get(ipFamily(ip) as IpFamily);
    if (!at) return `the provided IP (${ip}) is not in the valid range. The range of valid IPs is ${range?.cidr ?? this.#limits.cidrs[0]}`;
    if (at.bitmap.has(at.offset)) return alreadyTaken;
    at.bitmap.add(at.offset);
    return undefined;
  }

  nextIp(family: IpFamily): string | undefined {
    const range = this.#ranges.get(family);
    const offset = range?.bitmap.takeAny(this.#random);
    return offset === undefined ? undefined : formatIp(range!.base + BigInt(offset), family);
  }

  freeIp(ip: string): void {
    const at = this.#locate(ip);
    at?.bitmap.remove(at.offset);
  }

  #locate(ip: string): { bitmap: Bitmap; offset: number } | undefined {
    const range = this.#ranges.get(ipFamily(ip) as IpFamily);
    const parsed = parseIp(ip);
    if (!range || !parsed) return undefined;
    const offset = parsed.value - range.base;
    return offset < 0n || offset >= BigInt(range.bitmap.size) ? undefined : { bitmap: range.bitmap, offset: Number(offset) };
  }

  takePort(port: number): Refusal {
    const { firstNodePort, lastNodePort } = this.#limits;
    if (port < firstNodePort || port > lastNodePort) {
      return `provided port is not in the valid range. The range of valid ports is ${firstNodePort}-${lastNodePort}`;
    }
    if (this.#ports.has(port - firstNodePort)) return 'provided port is already allocated';
    this.#ports.add(port - firstNodePort);
    return undefined;
  }

  nextPort(): number | undefined {
    const offset = this.#ports.takeAny(this.#random);
    return offset === undefined ? undefined : this.#limits.firstNodePort + offset;
  }

  freePort(port: number): void {
    const { firstNodePort, lastNodePort } = this.#limits;
    if (port >= firstNodePort && port <= lastNodePort) this.#ports.remove(port - firstNodePort);
  }
}

function ipRange(cidr: string): IpRange {
  const [address, length] = cidr.split('/') as [string, string];
  const { value, bits } = parseIp(address)!;
  const all = 2n ** BigInt(bits - Number(length));
  // Neither the network's address nor, in IPv4, the broadcast one.
  const usable = all - (bits === 32 ? 2n : 1n);
  const size = usable > addressesMax ? addressesMax : Number(usable);
  return { cidr, base: value + 1n, bitmap: new Bitmap(size, size <= 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 16)), 256)) };
}

function formatIp(value: bigint, family: IpFamily): string {
  if (family === 'IPv4') return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  // The longest run of zero groups, the first of equals, shrinks to `::` (RFC 5952).
  let start = 0;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (groups[end] === '0') end++;
    if (end - i > length) [start, length] = [i, end - i];
  }
  if (length === 1) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
}

type Spec = NonNullable<Service['spec']>;

export function heldIps(spec: Spec): string[] {
  if (spec.type === 'ExternalName') return [];
  const ips = spec.clusterIPs?.length ? spec.clusterIPs : spec.clusterIP ? [spec.clusterIP] : [];
  return ips.filter((ip) => ip !== '' && ip !== 'None');
}

/** Of its ports and its health check, each once. */
export function heldPorts(spec: Spec): number[] {
  const ports = new Set<number>();
  for (const { nodePort } of spec.ports ?? []) if (nodePort) ports.add(nodePort);
  if (spec.healthCheckNodePort) ports.add(spec.healthCheckNodePort);
  return [...ports];
}
