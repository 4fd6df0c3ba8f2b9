/** IPv4 arithmetic, and a node's pool of pod addresses. */

export function parseIpv4(text: string): number {
  return text.split('.').reduce((value, part) => value * 256 + Number(part), 0);
}

export function formatIpv4(value: number): string {
  return `${(value >>> 24) & 255}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** The `index`th block of `2^(32 - prefix)` addresses of a network, e.g. 10.128.0.0 and 24. */
export function blockOf(network: string, index: number, prefix: number): string {
  return `${formatIpv4(parseIpv4(network) + index * 2 ** (32 - prefix))}/${prefix}`;
}

/** Hands out the addresses of a CIDR in turn, so that one that was just freed rests before it is used again. */
export class AddressPool {
  readonly #base: number;
  readonly #size: number;
  readonly #used = new Set<number>();
  #next = 0;

  constructor(cidr: string) {
    const [address = '0.0.0.0', prefix = '32'] = cidr.split('/');
    // Neither the network's address, nor the gateway's, nor the broadcast address.
    this.#base = parseIpv4(address) + 2;
    this.#size = 2 ** (32 - Number(prefix)) - 3;
  }

  /** Undefined where all are in use. */
  take(): string | undefined {
    for (let tried = 0; tried < this.#size; tried++) {
      const offset = this.#next;
      this.#next = (this.#next + 1) % this.#size;
      if (this.#used.has(offset)) continue;
      this.#used.add(offset);
      return formatIpv4(this.#base + offset);
    }
    return undefined;
  }

  /** Marks an address as in use; addresses of other networks are ignored. */
  reserve(ip: string): void {
    const offset = parseIpv4(ip) - this.#base;
    if (offset >= 0 && offset < this.#size) this.#used.add(offset);
  }

  free(ip: string): void {
    this.#used.delete(parseIpv4(ip) - this.#base);
  }
}
