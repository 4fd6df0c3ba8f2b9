/**
 * The part of the nftables table that is there whatever Services there are:
 * hooks, and the maps that Services put their elements into.
 *
 *   prerouting, output (nat) -> services -> @services by (address, protocol, port)
 *                                        -> @node-ports by (protocol, port), on this node's own addresses
 *   what they find are the chains that deal packets to endpoints (service-rules.ts)
 *   postrouting -> masquerade what is marked, and what comes back to the pod that sent it
 *   before nat -> firewall: load balancers that only some sources may reach
 *   input, forward, output (filter) -> reject or drop what has no endpoint
 */
import type { Part } from '../rules/rule-table.ts';
import type { Family } from '../service-model.ts';

/** Everything that differs between the two families. */
export interface FamilyWords {
  readonly family: Family;
  /** Of the nftables table, and of expressions in it. */
  readonly word: 'ip' | 'ip6';
  readonly addressType: 'ipv4_addr' | 'ipv6_addr';
  readonly loopback: string;
}

export const familyWords: Readonly<Record<Family, FamilyWords>> = {
  IPv4: { family: 'IPv4', word: 'ip', addressType: 'ipv4_addr', loopback: '127.0.0.0/8' },
  IPv6: { family: 'IPv6', word: 'ip6', addressType: 'ipv6_addr', loopback: '::1' },
};

export interface BaseOptions {
  /** Addresses of this node at which node ports are served. */
  readonly nodePortIps: readonly string[];
  /** Where Services have their addresses: what goes there and belongs to no Service is dropped instead of routed. */
  readonly serviceCidrs: readonly string[];
}

/** The bit that says: masquerade. The same as upstream's, so that other components know it. */
const masqueradeMark = 0x4000;
export const markForMasquerade = `meta mark set meta mark or ${hex(masqueradeMark)}`;

export function baseParts(words: FamilyWords, { nodePortIps, serviceCidrs }: BaseOptions): Part[] {
  return [
    ...sets(words),
    ...chains(words, serviceCidrs),
    ...nodePortIps.map((ip): Part => ({ place: `${words.word} element node-port-ips`, key: ip, value: '' })),
  ];
}

function sets({ word, addressType }: FamilyWords): Part[] {
  const set = (key: string, value: string): Part => ({ place: `${word} set`, key, value });
  const frontend = `${addressType} . inet_proto . inet_service`;
  // Their numbers are typed by an expression, since nft has no name for the type; then all of a map must be, and of one protocol.
  const ofEndpoints = (['tcp', 'udp', 'sctp'] as const).flatMap((protocol) => [
    set(`${protocol}-endpoints`, `map typeof ${word} daddr . ${protocol} dport . numgen random mod 2 : ${word} daddr . ${protocol} dport;`),
    set(`${protocol}-node-port-endpoints`, `map typeof ${protocol} dport . numgen random mod 2 : ${word} daddr . ${protocol} dport;`),
  ]);
  return [
    set('services', `map type ${frontend} : verdict;`),
    set('node-ports', 'map type inet_proto . inet_service : verdict;'),
    ...ofEndpoints,
    set('no-endpoints', `map type ${frontend} : verdict;`),
    set('no-node-port-endpoints', 'map type inet_proto . inet_service : verdict;'),
    set('hairpin', `set type ${addressType} . ${addressType} . inet_proto . inet_service;`),
    set('cluster-ips', `set type ${addressType};`),
    set('node-port-ips', `set type ${addressType};`),
    set('firewalled', `set type ${frontend};`),
    set('allowed-sources', `set type ${frontend} . ${addressType}; flags interval;`),
  ];
}

function chains({ word, loopback }: FamilyWords, serviceCidrs: readonly string[]): Part[] {
  const chain = (key: string, ...rules: string[]): Part => ({ place: `${word} chain`, key, value: rules.join('\n') });
  const frontend = `${word} daddr . meta l4proto . th dport`;
  const onNode = `${word} daddr @node-port-ips ${word} daddr != ${loopback}`;
  const checks = ['ct state new jump endpoint-check'];
  const unknown = serviceCidrs.length > 0 ? [`${word} daddr { ${serviceCidrs.join(', ')} } ct state new drop`] : [];
  const base = (type: string, hook: string, priority: string) => `type ${type} hook ${hook} priority ${priority}; policy accept;`;
  return [
    chain('services', `${frontend} vmap @services`, `${onNode} meta l4proto . th dport vmap @node-ports`),
    chain('prerouting', base('nat', 'prerouting', '-100'), 'jump services'),
    chain('output', base('nat', 'output', '-100'), 'jump services'),
    chain(
      'postrouting',
      base('nat', 'postrouting', '100'),
      `meta mark & ${hex(masqueradeMark)} != 0 jump masquerading`,
      `${word} saddr . ${word} daddr . meta l4proto . th dport @hairpin masquerade fully-random`,
    ),
    // The mark is taken off, so that it is not masqueraded again where a packet comes round.
    chain('masquerading', `meta mark set meta mark & ${hex(~masqueradeMark >>> 0)}`, 'masquerade fully-random'),
    chain('firewall', `${frontend} @firewalled ${frontend} . ${word} saddr != @allowed-sources drop`),
    chain('firewall-prerouting', base('filter', 'prerouting', '-110'), 'ct state new jump firewall'),
    chain('firewall-output', base('filter', 'output', '-110'), 'ct state new jump firewall'),
    chain('endpoint-check', `${frontend} vmap @no-endpoints`, `${onNode} meta l4proto . th dport vmap @no-node-port-endpoints`),
    // An address of a Service, but a port of none; or of no Service at all: nothing answers there.
    chain('address-check', `${word} daddr @cluster-ips ct state new reject`, ...unknown),
    chain('filter-input', base('filter', 'input', '0'), ...checks),
    chain('filter-forward', base('filter', 'forward', '0'), ...checks, 'jump address-check'),
    chain('filter-output', base('filter', 'output', '0'), ...checks, 'jump address-check'),
    chain('reject-all', 'reject'),
  ];
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
