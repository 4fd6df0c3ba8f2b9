/**
 * Where the pods of each node are, worked out from the Node objects: a route to
 * the blocks of every other node that is on a network of this one, and which
 * traffic of pods keeps its address. Nodes beyond a router need a network that
 * knows the blocks by itself.
 */
import type { Node } from '../../api/types/core-v1.ts';
import { parseIp } from '../../api/validation/ip.ts';

export interface PodRoute {
  readonly block: string;
  readonly via: string;
}

export interface PodTopology {
  /** The blocks of this node; empty until it has been given some. */
  readonly own: readonly string[];
  readonly routes: readonly PodRoute[];
  /** Blocks of pods and addresses of nodes: between them nobody's address is changed. */
  readonly inside: readonly string[];
}

/** `networks`: those that this node has an address in, as `10.0.0.2/24`. */
export function podTopology(nodeName: string, nodes: Iterable<Node>, networks: readonly string[]): PodTopology {
  const routes: PodRoute[] = [];
  const inside: string[] = [];
  let own: readonly string[] = [];
  for (const node of nodes) {
    const blocks = node.spec?.podCIDRs ?? [];
    const addresses = (node.status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address);
    const isOwn = node.metadata.name === nodeName;
    if (isOwn) own = blocks;
    const near = addresses.filter((address) => networks.some((network) => isInNetwork(address, network)));
    if (!isOwn && near.length === 0) continue;
    inside.push(...blocks, ...addresses);
    if (isOwn) continue;
    for (const block of blocks) {
      const via = near.find((address) => address.includes(':') === block.includes(':'));
      if (via !== undefined) routes.push({ block, via });
    }
  }
  return { own, routes, inside };
}

export function isInNetwork(address: string, network: string): boolean {
  const [base = '', length = ''] = network.split('/');
  const [one, other] = [parseIp(address), parseIp(base)];
  if (!one || !other || one.bits !== other.bits) return false;
  const shift = BigInt(one.bits - Number(length));
  return one.value >> shift === other.value >> shift;
}
