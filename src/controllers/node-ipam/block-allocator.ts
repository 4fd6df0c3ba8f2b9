/** Cuts a network into equal blocks and hands them out, the lowest free one first. */
import { formatIp, parseIp } from '../../api/validation/ip.ts';

export class BlockAllocator {
  readonly #base: bigint;
  readonly #bits: 32 | 128;
  readonly #blockLength: number;
  readonly #count: number;
  readonly #used = new Set<number>();

  /** Throws Error where the network cannot be cut so. */
  constructor(network: string, blockLength: number) {
    const [address = '', length = ''] = network.split('/');
    const parsed = parseIp(address);
    if (!parsed || !/^\d+$/.test(length) || Number(length) > parsed.bits) throw new Error(`${network} is no network`);
    if (blockLength < Number(length) || blockLength > parsed.bits) throw new Error(`blocks of /${blockLength} do not fit into ${network}`);
    const hostBits = BigInt(parsed.bits - Number(length));
    this.#base = (parsed.value >> hostBits) << hostBits;
    this.#bits = parsed.bits;
    this.#blockLength = blockLength;
    // More could not be numbered exactly, nor would there be nodes for them.
    this.#count = 2 ** Math.min(blockLength - Number(length), 16);
  }

  get isIpv6(): boolean {
    return this.#bits === 128;
  }

  /** Undefined where all are in use. */
  take(): string | undefined {
    for (let index = 0; index < this.#count; index++) {
      if (this.#used.has(index)) continue;
      this.#used.add(index);
      return `${formatIp(this.#base + (BigInt(index) << this.#hostBits), this.#bits)}/${this.#blockLength}`;
    }
    return undefined;
  }

  /** Every block that the network given has a part of; networks of others are ignored. */
  reserve(network: string): void {
    for (const index of this.#indexesOf(network)) this.#used.add(index);
  }

  release(network: string): void {
    for (const index of this.#indexesOf(network)) this.#used.delete(index);
  }

  get #hostBits(): bigint {
    return BigInt(this.#bits - this.#blockLength);
  }

  #indexesOf(network: string): number[] {
    const [address = '', length = ''] = network.split('/');
    const parsed = parseIp(address);
    if (!parsed || parsed.bits !== this.#bits) return [];
    const size = 1n << BigInt(this.#bits - Number(length));
    const first = (parsed.value - this.#base) >> this.#hostBits;
    const last = (parsed.value + size - 1n - this.#base) >> this.#hostBits;
    const from = first < 0n ? 0n : first;
    const to = last >= BigInt(this.#count) ? BigInt(this.#count - 1) : last;
    return from > to ? [] : Array.from({ length: Number(to - from) + 1 }, (_, offset) => Number(from) + offset);
  }
}
