/**
 * One Service port as nftables parts.
 *
 * A Service without affinity is elements alone. The verdict map sends a packet
 * to a chain that only knows how many endpoints there are: it draws a number,
 * and (address, port, number) is the key of the endpoint in the protocol's map.
 * Such chains are shared by all Services with that many endpoints, so what a
 * Service changes does not cost more the more Services there are.
 *
 * Affinity needs a memory for each endpoint, so there each has a set and a
 * chain, and the port has chains of its own.
 */
import { createHash } from 'node:crypto';
import { blockHas } from '../address.ts';
import type { Part } from '../rules/rule-table.ts';
import type { Backend, PortModel, Protocol } from '../service-model.ts';
import { markForMasquerade } from './service-base.ts';
import type { FamilyWords } from './service-base.ts';

export interface RuleOptions {
  /** Where pods have their addresses: what comes to a cluster IP from elsewhere is masqueraded. Empty: nothing is. */
  readonly clusterCidrs: readonly string[];
  /** Address of this node, to let it through where its range is. */
  readonly nodeIps: readonly string[];
}

/** Numbers of endpoints under the policy Local begin here. */
const localOffset = 1 << 20;

type Target = 'address' | 'node-port';
type Policy = 'cluster' | 'local';

export function portParts(words: FamilyWords, port: PortModel, options: RuleOptions): Part[] {
  return new PortRules(words, port, options).parts;
}

class PortRules {
  readonly parts: Part[] = [];
  readonly #words: FamilyWords;
  readonly #port: PortModel;
  readonly #options: RuleOptions;
  /** For names of the port's own chains. */
  readonly #id: string;

  constructor(words: FamilyWords, port: PortModel, options: RuleOptions) {
    this.#words = words;
    this.#port = port;
    this.#options = options;
    this.#id = shortHash(`${port.name} ${port.protocol}`);
    this.#frontends();
    this.#hairpins();
    if (port.firewall) this.#firewall(port.firewall);
    if (port.affinitySeconds > 0) this.#affinityChains();
  }

  #frontends(): void {
    const { clusterIp, externalIps, nodePort, internalLocal, anyEndpoints, externalLocal, local } = this.#port;
    this.#element('cluster-ips', clusterIp, '');
    const policy = internalLocal ? 'local' : 'cluster';
    const internal = this.#backends(policy).length > 0 ? this.#internalChain(policy) : undefined;
    this.#frontend(clusterIp, internal, internal === undefined, internalLocal);
    const unreachable = !anyEndpoints || (externalLocal && local.length === 0);
    for (const ip of externalIps) this.#frontend(ip, anyEndpoints ? this.#externalChain('address') : undefined, unreachable, externalLocal);
    if (nodePort !== 0) this.#frontend(undefined, anyEndpoints ? this.#externalChain('node-port') : undefined, unreachable, externalLocal);
  }

  /** Without an address: the node port. `chain` is where its packets go; `unreachable`: some or all of them find no endpoint there. */
  #frontend(ip: string | undefined, chain: string | undefined, unreachable: boolean, usesLocal: boolean): void {
    const { protocol, port, nodePort, anyEndpoints, affinitySeconds } = this.#port;
    const key = ip === undefined ? `${protocol} . ${nodePort}` : `${ip} . ${protocol} . ${port}`;
    if (chain !== undefined) {
      this.#element(ip === undefined ? 'node-ports' : 'services', key, `goto ${chain}`);
      if (affinitySeconds === 0) this.#endpoints(ip, usesLocal);
    }
    if (unreachable) this.#element(ip === undefined ? 'no-node-port-endpoints' : 'no-endpoints', key, anyEndpoints ? 'drop' : 'goto reject-all');
  }

  #endpoints(ip: string | undefined, usesLocal: boolean): void {
    const { protocol, port, nodePort, cluster, local } = this.#port;
    const set = endpointSet(ip === undefined ? 'node-port' : 'address', protocol);
    const key = ip === undefined ? String(nodePort) : `${ip} . ${port}`;
    cluster.forEach((backend, i) => this.#element(set, `${key} . ${i}`, `${backend.ip} . ${backend.port}`));
    if (usesLocal) local.forEach((backend, i) => this.#element(set, `${key} . ${localOffset + i}`, `${backend.ip} . ${backend.port}`));
  }

  #backends(policy: Policy): readonly Backend[] {
    return policy === 'local' ? this.#port.local : this.#port.cluster;
  }

  #hairpins(): void {
    const { cluster, local, protocol } = this.#port;
    for (const { ip, port, local: here } of [...cluster, ...local]) if (here) this.#element('hairpin', `${ip} . ${ip} . ${protocol} . ${port}`, '');
  }

  #firewall({ ips, sources }: NonNullable<PortModel['firewall']>): void {
    const { protocol, port } = this.#port;
    for (const ip of ips) {
      const key = `${ip} . ${protocol} . ${port}`;
      this.#element('firewalled', key, '');
      // A balancer's address is often one of the node's: then that is the source of its own packets.
      const own = this.#options.nodeIps.some((node) => isIn(sources, node)) ? ips.filter((balancer) => !isIn(sources, balancer)) : [];
      for (const source of [...sources, ...own]) this.#element('allowed-sources', `${key} . ${source}`, '');
    }
  }

  /** Traffic to the cluster IP. */
  #internalChain(policy: Policy): string {
    const deal = this.#deal('address', policy);
    const { clusterCidrs } = this.#options;
    const masquerade = clusterCidrs.length > 0 ? [`${this.#notFromPods()} ${markForMasquerade}`] : [];
    return this.#chain(this.#name('in', 'address', `${policy}-${this.#backends(policy).length}`), ...masquerade, deal);
  }

  /** Traffic to addresses and ports that are reached from outside the cluster. */
  #externalChain(target: Target): string {
    const { externalLocal, cluster, local } = this.#port;
    if (!externalLocal) return this.#chain(this.#name('out', target, `cluster-${cluster.length}`), markForMasquerade, this.#deal(target, 'cluster'));
    // What comes from within the cluster has its choice of all endpoints, as if it had gone out to a balancer and in again.
    const { word } = this.#words;
    const inside: string[] = [];
    if (cluster.length > 0) {
      const deal = this.#deal(target, 'cluster');
      if (this.#options.clusterCidrs.length > 0) inside.push(`${word} saddr ${this.#pods()} ${deal}`);
      inside.push(`fib saddr type local ${markForMasquerade}`, `fib saddr type local ${deal}`);
    }
    const outside = local.length > 0 ? [this.#deal(target, 'local')] : [];
    return this.#chain(this.#name('out', target, `cluster-${cluster.length}-local-${local.length}`), ...inside, ...outside);
  }

  #pods(): string {
    return `{ ${this.#options.clusterCidrs.join(', ')} }`;
  }

  #notFromPods(): string {
    return `${this.#words.word} saddr != ${this.#pods()}`;
  }

  /** The statement that chooses an endpoint. */
  #deal(target: Target, policy: Policy): string {
    if (this.#port.affinitySeconds > 0) return `goto ${this.#affinityChain(policy)}`;
    const count = this.#backends(policy).length;
    const number = `numgen random mod ${count}${policy === 'local' ? ` offset ${localOffset}` : ''}`;
    const { protocol } = this.#port;
    const key = `${target === 'address' ? `${this.#words.word} daddr . ` : ''}${protocol} dport . ${number}`;
    return `meta l4proto ${protocol} dnat to ${key} map @${endpointSet(target, protocol)}`;
  }

  /** Shared where what they do depends on the counts alone. */
  #name(direction: 'in' | 'out', target: Target, counts: string): string {
    return this.#port.affinitySeconds > 0 ? `${direction}-${this.#id}` : `${direction}-${this.#port.protocol}-${target}-${counts}`;
  }

  #affinityChain(policy: Policy): string {
    return `${policy}-${this.#id}`;
  }

  #affinityChains(): void {
    const { word, addressType } = this.#words;
    const { protocol, affinitySeconds } = this.#port;
    const made = new Set<string>();
    const idOf = ({ ip, port }: Backend) => shortHash(`${this.#id} ${ip} ${port} ${affinitySeconds}`);
    for (const policy of ['cluster', 'local'] as const) {
      const backends = this.#backends(policy);
      if (backends.length === 0) continue;
      const known = backends.map((backend) => `${word} saddr @clients-${idOf(backend)} goto endpoint-${idOf(backend)}`);
      const fresh = backends.map((backend, i) => `${i} : goto endpoint-${idOf(backend)}`);
      this.#chain(this.#affinityChain(policy), ...known, `numgen random mod ${backends.length} vmap { ${fresh.join(', ')} }`);
      for (const backend of backends) {
        const id = idOf(backend);
        if (made.has(id)) continue;
        made.add(id);
        this.parts.push({ place: `${word} set`, key: `clients-${id}`, value: `set type ${addressType}; flags dynamic,timeout; timeout ${affinitySeconds}s;` });
        this.#chain(`endpoint-${id}`, `update @clients-${id} { ${word} saddr }`, `meta l4proto ${protocol} dnat to ${withPort(word, backend)}`);
      }
    }
  }

  #chain(name: string, ...rules: string[]): string {
    this.parts.push({ place: `${this.#words.word} chain`, key: name, value: rules.join('\n') });
    return name;
  }

  #element(set: string, key: string, value: string): void {
    this.parts.push({ place: `${this.#words.word} element ${set}`, key, value });
  }
}

function isIn(sources: readonly string[], ip: string): boolean {
  return sources.some((source) => blockHas(source, ip));
}

function endpointSet(target: Target, protocol: Protocol): string {
  return target === 'address' ? `${protocol}-endpoints` : `${protocol}-node-port-endpoints`;
}

function withPort(word: 'ip' | 'ip6', { ip, port }: Backend): string {
  return word === 'ip' ? `${ip}:${port}` : `[${ip}]:${port}`;
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
