/**
 * A NetworkPolicy as this node's kernel will need it: its selectors compiled, its
 * blocks without their exceptions, and a name for each rule that changes with
 * what the rule says, so that nothing in the kernel ever changes its meaning.
 */
import { createHash } from 'node:crypto';
import { everyLabel, labelSelectorOf } from '../../../api/selectors/label-selector.ts';
import type { LabelSelector } from '../../../api/selectors/label-selector.ts';
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../../api/types/networking-v1.ts';
import { keyOf } from '../../../client/resource.ts';
import { blockRange, formatRange, rangesWithout } from '../address.ts';
import type { AddressRange } from '../address.ts';
import type { Family } from '../service-model.ts';

export interface PolicyModel {
  readonly key: string;
  readonly namespace: string;
  readonly pods: LabelSelector;
  /** Undefined: the policy says nothing of that direction. Without rules it allows nothing. */
  readonly ingress: readonly RuleModel[] | undefined;
  readonly egress: readonly RuleModel[] | undefined;
}

export interface RuleModel {
  /** Short, and of the rule's content: for names of sets. */
  readonly id: string;
  /** Undefined: whoever it is. */
  readonly peers: readonly PeerModel[] | undefined;
  readonly blocks: Readonly<Record<Family, readonly string[]>>;
  /** Undefined: every port. */
  readonly ports: readonly PolicyPort[] | undefined;
}

export interface PeerModel {
  /** Undefined: those of the policy's own namespace. */
  readonly namespaces: LabelSelector | undefined;
  readonly pods: LabelSelector;
}

export interface PolicyPort {
  readonly protocol: string;
  /** As a rule writes it: `80`, `8000-8080`; a name where it is a container's; undefined: all of the protocol. */
  readonly numbers: string | undefined;
  readonly name: string | undefined;
}

export function policyModel(policy: NetworkPolicy): PolicyModel {
  const { podSelector, ingress, egress, policyTypes } = policy.spec;
  const key = keyOf(policy);
  const types = policyTypes ?? ['Ingress', ...(egress?.length ? ['Egress'] : [])];
  const rules = (direction: string, list: readonly { readonly ports?: NetworkPolicyPort[] | undefined; readonly peers: readonly NetworkPolicyPeer[] | undefined }[]) =>
    types.includes(direction) ? list.map(({ ports, peers }) => ruleModel(`${key} ${direction}`, peers, ports)) : undefined;
  return {
    key,
    namespace: policy.metadata.namespace ?? '',
    pods: podSelector ? labelSelectorOf(podSelector) : everyLabel,
    ingress: rules('Ingress', (ingress ?? []).map(({ from, ports }) => ({ ports, peers: from }))),
    egress: rules('Egress', (egress ?? []).map(({ to, ports }) => ({ ports, peers: to }))),
  };
}

function ruleModel(of: string, peers: readonly NetworkPolicyPeer[] | undefined, ports: readonly NetworkPolicyPort[] | undefined): RuleModel {
  const selecting = (peers ?? []).filter(({ ipBlock }) => !ipBlock);
  return {
    id: shortHash(JSON.stringify([of, peers, ports])),
    peers: peers?.length
      ? selecting.map(({ namespaceSelector, podSelector }) => ({
          namespaces: namespaceSelector && labelSelectorOf(namespaceSelector),
          pods: podSelector ? labelSelectorOf(podSelector) : everyLabel,
        }))
      : undefined,
    blocks: { IPv4: blocks(peers, 32), IPv6: blocks(peers, 128) },
    ports: ports?.length ? ports.map(policyPort) : undefined,
  };
}

function blocks(peers: readonly NetworkPolicyPeer[] | undefined, bits: 32 | 128): string[] {
  const ranges = (peers ?? []).flatMap(({ ipBlock }) => {
    const block = ipBlock && blockRange(ipBlock.cidr);
    if (!block || block.bits !== bits) return [];
    return rangesWithout([block], (ipBlock.except ?? []).map(blockRange).filter((hole): hole is AddressRange => hole?.bits === bits));
  });
  return rangesWithout(ranges, []).map(formatRange);
}

function policyPort({ protocol = 'TCP', port, endPort }: NetworkPolicyPort): PolicyPort {
  if (typeof port === 'string') return { protocol: protocol.toLowerCase(), numbers: undefined, name: port };
  const numbers = port === undefined ? undefined : endPort === undefined ? String(port) : `${port}-${endPort}`;
  return { protocol: protocol.toLowerCase(), numbers, name: undefined };
}

export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
