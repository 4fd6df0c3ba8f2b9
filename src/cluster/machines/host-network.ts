/**
 * The network between this computer and the machines on it: a bridge with an
 * address of ours, on which the API server listens, and a cable to each machine.
 * The names and addresses follow from the cluster's folder, so that what a
 * killed process has left is found again, and two clusters do not meet.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../../base/logger.ts';
import { runCommand } from '../../node/system/command.ts';
import { isInNetwork } from '../../node/network/pod-routes.ts';
import type { Machine } from './machine.ts';

interface NetworkPlan {
  /** Of nodes, always a /24: `100.64.7.0`. */
  readonly nodes: string;
  readonly clusterCidr: string;
}

export interface HostNetworkOptions {
  /** What is chosen is kept here. */
  readonly directory: string;
  /** Of pods, with a comma between where there is one of each family; left out: one that is free on this computer. */
  readonly clusterCidr?: string | undefined;
  /** Nodes and pods have IPv6 addresses too. */
  readonly dualStack: boolean;
  readonly logger: Logger;
}

const forwardingFile = '/proc/sys/net/ipv4/ip_forward';

export class HostNetwork {
  /** Also the name of the cluster's cgroups and nftables table. */
  readonly name: string;
  /** Ours, which machines and pods reach. */
  readonly address: string;
  /** Ours of each family. */
  readonly addresses: readonly string[];
  readonly clusterCidr: string;
  readonly #plan: NetworkPlan;
  /** The first half of the addresses of IPv6, where there are any. */
  readonly #prefix: string | undefined;
  readonly #forwardingBefore: string;

  private constructor(name: string, plan: NetworkPlan, prefix: string | undefined, forwardingBefore: string) {
    this.name = name;
    this.#plan = plan;
    this.#prefix = prefix;
    this.address = addressIn(plan, 1);
    this.addresses = this.#addresses(1);
    this.clusterCidr = prefix === undefined || plan.clusterCidr.includes(':') ? plan.clusterCidr : `${plan.clusterCidr},${prefix}:1000::/52`;
    this.#forwardingBefore = forwardingBefore;
  }

  static async create({ directory, clusterCidr, dualStack, logger }: HostNetworkOptions): Promise<HostNetwork> {
    const hash = createHash('sha256').update(directory).digest();
    const name = `cx${hash.toString('hex', 0, 4)}`;
    await removeAll(name);
    const plan = await planFor(directory, hash, clusterCidr);
    const forwarding = readFileSync(forwardingFile, 'utf8').trim();
    // Of the kind that everybody may choose for himself (RFC 4193), where nobody is likely to choose the same.
    const prefix = dualStack ? `fd${hash.toString('hex', 8, 9)}:${hash.toString('hex', 9, 11)}:${hash.toString('hex', 11, 13)}` : undefined;
    const network = new HostNetwork(name, plan, prefix, forwarding);
    try {
      await ip(`link add ${name} type bridge`, ...network.#hostAddresses(1).map((address) => `address add ${address} dev ${name}`), `link set ${name} up`);
      writeFileSync(forwardingFile, '1');
      await runCommand('nft', ['-f', '-'], {
        input: `table ip ${name} { chain postrouting { type nat hook postrouting priority srcnat; ip saddr ${plan.nodes}/24 oifname != "${name}" masquerade; }; }`,
      }).catch((error: unknown) => logger.warn('nodes do not reach beyond this computer', { error }));
    } catch (error) {
      await network.remove();
      throw error;
    }
    return network;
  }

  /** The addresses that the `index`th machine gets, one of each family. */
  addressesOf(index: number): readonly string[] {
    return this.#addresses(index + 2);
  }

  async connect(machine: Machine, index: number): Promise<void> {
    const end = `${this.name}-${index}`;
    // Of a machine that has just ended its cable may still be there.
    await ip(`link delete ${end}`).catch(() => {});
    await ip(`link add ${end} type veth peer name eth0 netns ${machine.pid}`, `link set ${end} master ${this.name}`, `link set ${end} up`);
    for (const address of this.#hostAddresses(index + 2)) await machine.run('ip', ['address', 'add', ...address.split(' '), 'dev', 'eth0']);
    await machine.run('ip', ['link', 'set', 'eth0', 'up']);
    for (const address of this.addresses) await machine.run('ip', ['route', 'add', 'default', 'via', address]);
  }

  /** This computer reaches these blocks by way of that machine. */
  async route(blocks: readonly string[], index: number): Promise<void> {
    const isIpv6 = (text: string) => text.includes(':');
    const routes = blocks.flatMap((block) => this.addressesOf(index).filter((address) => isIpv6(address) === isIpv6(block)).map((address) => `route replace ${block} via ${address}`));
    await ip(...routes);
  }

  #addresses(host: number): readonly string[] {
    return this.#hostAddresses(host).map((address) => address.split('/')[0] ?? '');
  }

  /** As `ip` takes them. Nobody else can have the one of IPv6: it is good at once. */
  #hostAddresses(host: number): readonly string[] {
    return [`${addressIn(this.#plan, host)}/24`, ...(this.#prefix === undefined ? [] : [`${this.#prefix}::${host.toString(16)}/64 nodad`])];
  }

  async remove(): Promise<void> {
    await removeAll(this.name);
    // Other clusters on this computer may need it still.
    if (!readdirSync('/sys/class/net').some((link) => /^cx[0-9a-f]{8}$/.test(link))) writeFileSync(forwardingFile, this.#forwardingBefore);
  }
}

async function removeAll(name: string): Promise<void> {
  await ip(`link delete ${name}`).catch(() => {});
  await runCommand('nft', ['delete', 'table', 'ip', name]).catch(() => {});
}

async function ip(...commands: readonly string[]): Promise<void> {
  await runCommand('ip', ['-batch', '-'], { input: `${commands.join('\n')}\n` });
}

function addressIn({ nodes }: NetworkPlan, host: number): string {
  return nodes.replace(/\d+$/, String(host));
}

/** Kept for as long as the folder: nodes do not change their blocks. */
async function planFor(directory: string, hash: Buffer, clusterCidr: string | undefined): Promise<NetworkPlan> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, 'network.json');
  const kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as NetworkPlan) : undefined;
  if (kept && (clusterCidr === undefined || clusterCidr === kept.clusterCidr)) return kept;
  const taken = await routedNetworks();
  const free = (network: string, length: number) => !taken.some((other) => overlap(`${network}/${length}`, other));
  const nodes = kept?.nodes ?? firstFree(64 * 256, hash.readUInt16BE(4), (number) => `100.${64 + (number >> 8)}.${number & 255}.0`, (network) => free(network, 24));
  // Clear of 10.96.0.0/12 (Services) and of what hollow nodes count from 10.128.0.0.
  const pods = clusterCidr ?? `${firstFree(90, hash.readUInt16BE(6), (number) => `10.${160 + number}.0.0`, (network) => free(network, 16))}/16`;
  const plan = { nodes, clusterCidr: pods };
  writeFileSync(file, JSON.stringify(plan));
  return plan;
}

function firstFree(count: number, start: number, networkOf: (number: number) => string, isFree: (network: string) => boolean): string {
  for (let offset = 0; offset < count; offset++) {
    const network = networkOf((start + offset) % count);
    if (isFree(network)) return network;
  }
  throw new Error('there is no network left for the nodes on this computer');
}

async function routedNetworks(): Promise<readonly string[]> {
  const routes = JSON.parse(await runCommand('ip', ['-4', '-json', 'route', 'show'])) as readonly { readonly dst: string }[];
  return routes.map(({ dst }) => dst).filter((dst) => dst !== 'default').map((dst) => (dst.includes('/') ? dst : `${dst}/32`));
}

function overlap(one: string, other: string): boolean {
  return isInNetwork(one.split('/')[0] ?? '', other) || isInNetwork(other.split('/')[0] ?? '', one);
}
