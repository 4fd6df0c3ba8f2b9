/** The interfaces of this network namespace, as `ip` tells them. */
import { runCommand } from '../system/command.ts';

export interface Link {
  readonly name: string;
  readonly mtu: number;
  /** With the length of the prefix: `10.0.0.2/24`. */
  readonly addresses: readonly string[];
}

interface IpAddressEntry {
  readonly ifname: string;
  readonly mtu?: number;
  readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number }[];
}

export async function links(): Promise<readonly Link[]> {
  const entries = JSON.parse(await runCommand('ip', ['-json', 'address', 'show'])) as readonly IpAddressEntry[];
  return entries.map(({ ifname, mtu = 1500, addr_info = [] }) => ({
    name: ifname,
    mtu,
    addresses: addr_info.flatMap(({ local, prefixlen }) => (local === undefined ? [] : [`${local}/${prefixlen}`])),
  }));
}

/** The interface with this very address. */
export function linkWith(all: readonly Link[], address: string): Link | undefined {
  return all.find(({ addresses }) => addresses.some((own) => own.split('/')[0] === address));
}
