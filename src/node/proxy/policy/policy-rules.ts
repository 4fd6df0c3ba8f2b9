/**
 * NetworkPolicies as nftables parts. Whoever is isolated has an element in
 * @ingress or @egress that leads to a chain with the rules of all policies that
 * select it: a rule that allows the packet returns, the end of the chain drops.
 *
 *   forward -> established? accept -> from a pod to itself? accept
 *           -> @egress by source -> chain of rules -> @ingress by destination -> chain of rules
 *
 * Only what is forwarded is looked at: a node and its own pods may always talk.
 * Packets between pods on one bridge are forwarded too (br_netfilter).
 *
 * A pod claims all that its being there means, also as a peer in rules for
 * others: when it comes, changes or goes, that is some elements of sets.
 */
import { ipFamily } from '../../../api/validation/ip.ts';
import type { Pod } from '../../../api/types/core-v1.ts';
import { canonicalIp } from '../address.ts';
import { familyWords } from '../nft/service-base.ts';
import type { FamilyWords } from '../nft/service-base.ts';
import type { Part } from '../rules/rule-table.ts';
import type { Family } from '../service-model.ts';
import { shortHash } from './policy-model.ts';
import type { PolicyModel, PolicyPort, RuleModel } from './policy-model.ts';

/** What rules need to know of a pod. */
export interface PolicyPod {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly namespaceLabels: Readonly<Record<string, string>>;
  readonly ips: Readonly<Record<Family, readonly string[]>>;
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number }[];
  /** On this node, where what comes in and goes out is decided. */
  readonly local: boolean;
}

type Direction = 'ingress' | 'egress';

/** Undefined for pods that have no address of their own, or no longer. */
export function policyPod(pod: Pod, namespaceLabels: Readonly<Record<string, string>>, nodeName: string): PolicyPod | undefined {
  const { phase, podIPs = [], podIP } = pod.status ?? {};
  if (pod.spec.hostNetwork || phase === 'Succeeded' || phase === 'Failed') return undefined;
  const texts = podIPs.length > 0 ? podIPs.map(({ ip = '' }) => ip) : [podIP ?? ''];
  const ips = texts.flatMap((ip) => canonicalIp(ip) ?? []);
  if (ips.length === 0) return undefined;
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always')];
  return {
    namespace: pod.metadata.namespace ?? '',
    labels: pod.metadata.labels ?? {},
    namespaceLabels,
    ips: { IPv4: ips.filter((ip) => ipFamily(ip) === 'IPv4'), IPv6: ips.filter((ip) => ipFamily(ip) === 'IPv6') },
    ports: containers.flatMap(({ ports = [] }) => ports.flatMap(({ name, protocol = 'TCP', containerPort }) => (name ? [{ name, protocol: protocol.toLowerCase(), port: containerPort }] : []))),
    local: pod.spec.nodeName === nodeName,
  };
}

export function selects(policy: PolicyModel, pod: PolicyPod): boolean {
  return policy.namespace === pod.namespace && policy.pods.matches(pod.labels);
}

/** What is there whatever policies there are. */
export function policyBase(family: Family): Part[] {
  const { word, addressType } = familyWords[family];
  const set = (key: string, value: string): Part => ({ place: `${word} set`, key, value });
  // On a bridge, finding a neighbour is a packet between pods too.
  const neighbours = word === 'ip6' ? ['icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } accept'] : [];
  const rules = [
    'type filter hook forward priority 10; policy accept;',
    'ct state established,related accept',
    ...neighbours,
    `${word} saddr . ${word} daddr @self accept`,
    `${word} saddr vmap @egress`,
    `${word} daddr vmap @ingress`,
  ];
  return [
    set('egress', `map type ${addressType} : verdict;`),
    set('ingress', `map type ${addressType} : verdict;`),
    set('self', `set type ${addressType} . ${addressType};`),
    { place: `${word} chain`, key: 'forward', value: rules.join('\n') },
  ];
}

/** The sets of a policy's rules, which pods fill, and its blocks. */
export function policyParts(family: Family, policy: PolicyModel): Part[] {
  const { word, addressType } = familyWords[family];
  const parts: Part[] = [];
  for (const { id, peers, blocks, ports } of [...(policy.ingress ?? []), ...(policy.egress ?? [])]) {
    const set = (key: string, value: string) => parts.push({ place: `${word} set`, key, value });
    if (peers?.length) set(`pods-${id}`, `set type ${addressType};`);
    if (ports?.some(({ name }) => name !== undefined)) set(`ports-${id}`, `set type ${addressType} . inet_proto . inet_service;`);
    if (blocks[family].length === 0) continue;
    set(`blocks-${id}`, `set type ${addressType}; flags interval;`);
    for (const block of blocks[family]) parts.push({ place: `${word} element blocks-${id}`, key: block, value: '' });
  }
  return parts;
}

/** All that a pod is to the policies: isolated by some, a peer for others. */
export function podParts(family: Family, pod: PolicyPod, policies: readonly PolicyModel[]): Part[] {
  const words = familyWords[family];
  const parts: Part[] = [];
  const element = (set: string, key: string, value = '') => parts.push({ place: `${words.word} element ${set}`, key, value });
  for (const policy of policies) {
    for (const direction of ['ingress', 'egress'] as const) for (const rule of policy[direction] ?? []) asPeer(rule, direction, policy);
  }
  if (pod.local) isolate();
  return parts;

  function asPeer(rule: RuleModel, direction: Direction, policy: PolicyModel): void {
    const isPeer = rule.peers?.some(({ namespaces, pods }) => (namespaces ? namespaces.matches(pod.namespaceLabels) : pod.namespace === policy.namespace) && pods.matches(pod.labels));
    if (isPeer) for (const ip of pod.ips[family]) element(`pods-${rule.id}`, ip);
    // A named port is the receiver's: of the pods that are selected on the way in, of anybody on the way out.
    if (direction === 'ingress' && !selects(policy, pod)) return;
    for (const { protocol, name } of rule.ports ?? []) {
      for (const port of name === undefined ? [] : pod.ports.filter((one) => one.name === name && one.protocol === protocol)) {
        for (const ip of pod.ips[family]) element(`ports-${rule.id}`, `${ip} . ${protocol} . ${port.port}`);
      }
    }
  }

  function isolate(): void {
    const selecting = policies.filter((policy) => selects(policy, pod));
    for (const direction of ['ingress', 'egress'] as const) {
      const rules = selecting.filter((policy) => policy[direction]);
      if (rules.length === 0) continue;
      const lines = [...rules.flatMap((policy) => (policy[direction] ?? []).flatMap((rule) => ruleLines(words, direction, rule))), 'drop'];
      const chain = `${direction}-${shortHash(lines.join('\n'))}`;
      parts.push({ place: `${words.word} chain`, key: chain, value: lines.join('\n') });
      for (const ip of pod.ips[family]) element(direction, ip, `jump ${chain}`);
    }
    if (selecting.length > 0) for (const ip of pod.ips[family]) element('self', `${ip} . ${ip}`);
  }
}

/** One line for each kind of peer and each port: whatever one of them matches goes back to where it came from. */
function ruleLines({ word, family }: FamilyWords, direction: Direction, { id, peers, blocks, ports }: RuleModel): string[] {
  const side = direction === 'ingress' ? 'saddr' : 'daddr';
  const who = peers === undefined ? [''] : [...(peers.length > 0 ? [`${word} ${side} @pods-${id}`] : []), ...(blocks[family].length > 0 ? [`${word} ${side} @blocks-${id}`] : [])];
  const where = ports === undefined ? [''] : [...new Set(ports.map((port) => portMatch(word, id, port)))];
  return who.flatMap((peer) => where.map((port) => [peer, port, 'return'].filter((text) => text !== '').join(' ')));
}

function portMatch(word: string, id: string, { protocol, numbers, name }: PolicyPort): string {
  if (name !== undefined) return `${word} daddr . meta l4proto . th dport @ports-${id}`;
  return numbers === undefined ? `meta l4proto ${protocol}` : `${protocol} dport ${numbers}`;
}
