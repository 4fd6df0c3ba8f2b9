/** Addresses for load balancers, out of blocks; each has one holder. The lowest free one is next. */
import { formatIp, parseIp } from '../../api/validation/ip.ts';

type Family = 'IPv4' | 'IPv6';

interface Block {
  readonly first: bigint;
  readonly last: bigint;
  readonly bits: 32 | 128;
}

export class AddressPool {
  readonly #blocks: readonly Block[];
  readonly #holders = new Map<string, string>();

  /** Throws Error where a block is none. */
  constructor(cidrs: readonly string[]) {
    this.#blocks = cidrs.map(parseBlock);
  }

  /** Undefined where none is free. */
  take(family: Family, holder: string): string | undefined {
    for (const { first, last, bits } of this.#blocks) {
      if (bits !== (family === 'IPv4' ? 32 : 128)) continue;
      for (let value = first; value <= last; value++) {
        const ip = formatIp(value, bits);
        if (!this.#holders.has(ip)) return this.#hold(ip, holder);
      }
    }
    return undefined;
  }

  /** This very one: false where it is no address of the pool, or somebody else has it. */
  claim(ip: string, holder: string): boolean {
    const parsed = parseIp(ip);
    if (!parsed || !this.#blocks.some(({ first, last, bits }) => bits === parsed.bits && parsed.value >= first && parsed.value <= last)) return false;
    const canonical = formatIp(parsed.value, parsed.bits);
    if ((this.#holders.get(canonical) ?? holder) !== holder) return false;
    this.#hold(canonical, holder);
    return true;
  }

  /** All that the holder has and is not in `kept`. */
  release(holder: string, kept: readonly string[] = []): void {
    for (const [ip, its] of this.#holders) if (its === holder && !kept.includes(ip)) this.#holders.delete(ip);
  }

  #hold(ip: string, holder: string): string {
    this.#holders.set(ip, holder);
    return ip;
  }
}

/** Of IPv4 blocks with room for more than two, the first and the last address are none for hosts. */
function parseBlock(cidr: string): Block {
  const [address = '', length = ''] = cidr.split('/');
  const parsed = parseIp(address);
  if (!parsed || !/^\d+$/.test(length) || Number(length) > parsed.bits) throw new Error(`${cidr} is no block of addresses`);
  const size = 1n << BigInt(parsed.bits - Number(length));
  const first = parsed.value & ~(size - 1n);
  const margin = parsed.bits === 32 && size > 2n ? 1n : 0n;
  return { first: first + margin, last: first + size - 1n - margin, bits: parsed.bits };
}
