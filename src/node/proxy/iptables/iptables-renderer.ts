/**
 * Services in the words of iptables, with the chains that upstream has:
 *
 *   KUBE-SERVICES, KUBE-NODEPORTS   by address and port to the Service's chains
 *   KUBE-EXT-x                      from outside: masquerade or choose by policy
 *   KUBE-SVC-x, KUBE-SVL-x          choose one of all endpoints, of this node's
 *   KUBE-SEP-x                      one endpoint: DNAT, and affinity's memory
 *   KUBE-FW-x                       load balancers that only some sources may reach
 *
 * and in the filter table what has no endpoint and is rejected or dropped.
 */
import { createHash } from 'node:crypto';
import { ipFamily } from '../../../api/validation/ip.ts';
import type { Part } from '../rules/rule-table.ts';
import type { Backend, Family, PortModel } from '../service-model.ts';
import type { ServiceRenderer } from '../service-tracker.ts';

export interface IptablesRendererOptions {
  readonly clusterCidrs: readonly string[];
  readonly serviceCidrs: readonly string[];
}

type Table = 'nat' | 'filter';

const masqueradeMark = '0x4000';

export function iptablesRenderer({ clusterCidrs, serviceCidrs }: IptablesRendererOptions): ServiceRenderer {
  const ofFamily = (cidrs: readonly string[], family: Family) => cidrs.filter((cidr) => ipFamily(cidr.split('/')[0] ?? '') === family);
  return {
    base: (family, nodeIps) => baseParts(wordOf(family), nodeIps, ofFamily(clusterCidrs, family), ofFamily(serviceCidrs, family)),
    port: (family, model) => new PortRules(wordOf(family), model, ofFamily(clusterCidrs, family)).parts,
  };
}

function wordOf(family: Family): 'ip' | 'ip6' {
  return family === 'IPv4' ? 'ip' : 'ip6';
}

function baseParts(word: string, nodeIps: readonly string[], clusterCidrs: readonly string[], serviceCidrs: readonly string[]): Part[] {
  const chain = (table: Table, key: string, ...rules: string[]): Part => ({ place: `${word} ${table} chain`, key, value: rules.join('\n') });
  const hook = (table: Table, key: string): Part => ({ place: `${word} ${table} hook`, key, value: '' });
  const isNew = '-m conntrack --ctstate NEW';
  return [
    chain('nat', 'KUBE-SERVICES'),
    chain('nat', 'KUBE-NODEPORTS'),
    chain('nat', 'KUBE-MARK-MASQ', `-j MARK --or-mark ${masqueradeMark}`),
    chain('nat', 'KUBE-MARK-OUTSIDE', ...(clusterCidrs.length > 0 ? [...clusterCidrs.map((cidr) => `-s ${cidr} -j RETURN`), '-j KUBE-MARK-MASQ'] : [])),
    chain('nat', 'KUBE-POSTROUTING', `-m mark ! --mark ${masqueradeMark}/${masqueradeMark} -j RETURN`, `-j MARK --xor-mark ${masqueradeMark}`, '-j MASQUERADE --random-fully'),
    // Node ports come last: an address of a Service may be one of the node's.
    chain('nat', 'KUBE-ENTRY', '-j KUBE-SERVICES', ...nodeIps.map((ip) => `-d ${ip} -j KUBE-NODEPORTS`)),
    hook('nat', 'PREROUTING -j KUBE-ENTRY'),
    hook('nat', 'OUTPUT -j KUBE-ENTRY'),
    hook('nat', 'POSTROUTING -j KUBE-POSTROUTING'),
    chain('filter', 'KUBE-SERVICES'),
    chain('filter', 'KUBE-NODEPORTS'),
    chain('filter', 'KUBE-PROXY-FIREWALL'),
    chain('filter', 'KUBE-CLUSTER-IPS'),
    chain('filter', 'KUBE-CHECK', '-j KUBE-PROXY-FIREWALL', '-j KUBE-SERVICES', ...nodeIps.map((ip) => `-d ${ip} -j KUBE-NODEPORTS`)),
    chain('filter', 'KUBE-FORWARD', '-j KUBE-CHECK', '-j KUBE-CLUSTER-IPS', ...serviceCidrs.map((cidr) => `-d ${cidr} -j DROP`)),
    hook('filter', `INPUT ${isNew} -j KUBE-CHECK`),
    hook('filter', `FORWARD ${isNew} -j KUBE-FORWARD`),
    hook('filter', `OUTPUT ${isNew} -j KUBE-FORWARD`),
  ];
}

class PortRules {
  readonly parts: Part[] = [];
  readonly #word: 'ip' | 'ip6';
  readonly #port: PortModel;
  readonly #clusterCidrs: readonly string[];
  /** Ends the names of the port's chains. */
  readonly #id: string;

  constructor(word: 'ip' | 'ip6', port: PortModel, clusterCidrs: readonly string[]) {
    this.#word = word;
    this.#port = port;
    this.#clusterCidrs = clusterCidrs;
    this.#id = shortHash(`${port.name} ${port.protocol}`);
    const { clusterIp, externalIps, nodePort, anyEndpoints, cluster, local, externalLocal, internalLocal } = port;
    this.#rule('filter', 'KUBE-CLUSTER-IPS', `-d ${clusterIp} -j REJECT`);
    const inner = internalLocal ? local : cluster;
    if (inner.length > 0) {
      this.#rule('nat', 'KUBE-SERVICES', `${this.#at(clusterIp)} -j KUBE-INT-${this.#id}`);
      this.#chain('nat', `KUBE-INT-${this.#id}`, '-j KUBE-MARK-OUTSIDE', `-j ${this.#balancing(internalLocal)}`);
    } else this.#refuse('KUBE-SERVICES', this.#at(clusterIp));
    const restricted = port.firewall?.ips ?? [];
    for (const ip of externalIps) {
      if (anyEndpoints) this.#rule('nat', 'KUBE-SERVICES', `${this.#at(ip)} -j ${restricted.includes(ip) ? 'KUBE-FW' : 'KUBE-EXT'}-${this.#id}`);
      if (restricted.includes(ip)) this.#rule('filter', 'KUBE-PROXY-FIREWALL', `${this.#at(ip)} -j DROP`);
    }
    if (nodePort !== 0 && anyEndpoints) this.#rule('nat', 'KUBE-NODEPORTS', `${this.#to(nodePort)} -j KUBE-EXT-${this.#id}`);
    if (!anyEndpoints || (externalLocal && local.length === 0)) {
      for (const ip of externalIps) this.#refuse('KUBE-SERVICES', this.#at(ip));
      if (nodePort !== 0) this.#refuse('KUBE-NODEPORTS', this.#to(nodePort));
    }
    if (anyEndpoints && (externalIps.length > 0 || nodePort !== 0)) this.#external();
    this.#endpoints();
  }

  #external(): void {
    const { cluster, local, externalLocal, firewall } = this.#port;
    const name = `KUBE-EXT-${this.#id}`;
    if (!externalLocal) this.#chain('nat', name, '-j KUBE-MARK-MASQ', `-j ${this.#balancing(false)}`);
    else {
      // What comes from within the cluster has its choice of all endpoints, as if it had gone out to a balancer and in again.
      const all = this.#balancing(false);
      const inside = cluster.length > 0 ? [...this.#clusterCidrs.map((cidr) => `-s ${cidr} -j ${all}`), '-m addrtype --src-type LOCAL -j KUBE-MARK-MASQ', `-m addrtype --src-type LOCAL -j ${all}`] : [];
      this.#chain('nat', name, ...inside, ...(local.length > 0 ? [`-j ${this.#balancing(true)}`] : []));
    }
    if (firewall) this.#chain('nat', `KUBE-FW-${this.#id}`, ...firewall.sources.map((source) => `${sourceMatch(source)} -j ${name}`));
  }

  #balancing(local: boolean): string {
    return `KUBE-${local ? 'SVL' : 'SVC'}-${this.#id}`;
  }

  #endpoints(): void {
    const { cluster, local, affinitySeconds, protocol } = this.#port;
    const chainOf = ({ ip, port }: Backend) => `KUBE-SEP-${shortHash(`${this.#id} ${ip} ${port}`)}`;
    for (const [name, backends] of [[this.#balancing(false), cluster], [this.#balancing(true), local]] as const) {
      if (backends.length === 0) continue;
      const known = affinitySeconds > 0 ? backends.map((backend) => `-m recent --name ${chainOf(backend)} --rcheck --seconds ${affinitySeconds} --reap -j ${chainOf(backend)}`) : [];
      // Of those that are left each time one in so many, and the last takes the rest.
      const fresh = backends.map((backend, i) => `${i < backends.length - 1 ? `-m statistic --mode random --probability ${(1 / (backends.length - i)).toFixed(10)} ` : ''}-j ${chainOf(backend)}`);
      this.#chain('nat', name, ...known, ...fresh);
    }
    for (const backend of [...cluster, ...local]) {
      const name = chainOf(backend);
      const memory = affinitySeconds > 0 ? ` -m recent --name ${name} --set` : '';
      const to = this.#word === 'ip' ? `${backend.ip}:${backend.port}` : `[${backend.ip}]:${backend.port}`;
      this.#chain('nat', name, `-s ${backend.ip} -j KUBE-MARK-MASQ`, `-p ${protocol}${memory} -j DNAT --to-destination ${to}`);
    }
  }

  #refuse(chain: string, match: string): void {
    this.#rule('filter', chain, `${match} -j ${this.#port.anyEndpoints ? 'DROP' : 'REJECT'}`);
  }

  #at(ip: string): string {
    return `-d ${ip} ${this.#to(this.#port.port)}`;
  }

  #to(port: number): string {
    const { protocol, name } = this.#port;
    return `-p ${protocol} -m ${protocol} --dport ${port} -m comment --comment ${name}`;
  }

  #chain(table: Table, key: string, ...rules: string[]): void {
    this.parts.push({ place: `${this.#word} ${table} chain`, key, value: rules.join('\n') });
  }

  #rule(table: Table, chain: string, rule: string): void {
    this.parts.push({ place: `${this.#word} ${table} rules ${chain}`, key: rule, value: '' });
  }
}

function sourceMatch(source: string): string {
  return source.includes('-') ? `-m iprange --src-range ${source}` : `-s ${source}`;
}

/** Names may have 28 characters. */
function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16).toUpperCase();
}
