/**
 * Gives every node that has none its blocks of pod addresses, one out of each of
 * the cluster's networks. A block returns when its node is gone. One worker: two
 * nodes must not be promised the same block.
 */
import type { Node } from '../../api/types/core-v1.ts';
import { nodes } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { reconciler } from '../runtime/reconciler.ts';
import { BlockAllocator } from './block-allocator.ts';

export interface ClusterNetworks {
  /** One, or one of each family. */
  readonly cidrs: readonly string[];
  /** How long the prefix of a node's block is, by family; upstream's 24 and 64 unless set. */
  readonly blockLengthIpv4?: number;
  readonly blockLengthIpv6?: number;
}

export function nodeIpamController({ cidrs, blockLengthIpv4 = 24, blockLengthIpv6 = 64 }: ClusterNetworks): ControllerFactory {
  return (context) => {
    const all = context.informers.get(nodes);
    const recorder = context.recorder('cidrAllocator');
    const allocators = cidrs.map((cidr) => new BlockAllocator(cidr, cidr.includes(':') ? blockLengthIpv6 : blockLengthIpv4));
    /** What has been promised to a node and is not in its object yet: a failed write is repeated with the same blocks. */
    const promised = new Map<string, readonly string[]>();
    const loop = reconciler(context, { name: 'node-ipam-controller', workers: 1, reconcile });
    const occupy = (node: Node) => {
      for (const block of blocksOf(node)) for (const allocator of allocators) allocator.reserve(block);
    };
    all.addHandler({
      onAdd(node) {
        occupy(node);
        if (blocksOf(node).length === 0) loop.queue.add(node.metadata.name ?? '');
      },
      onUpdate(_, node) {
        if (blocksOf(node).length === 0) loop.queue.add(node.metadata.name ?? '');
        else if (blocksOf(_).length === 0) occupy(node);
      },
      onDelete(node) {
        const name = node.metadata.name ?? '';
        for (const block of [...blocksOf(node), ...(promised.get(name) ?? [])]) for (const allocator of allocators) allocator.release(block);
        promised.delete(name);
      },
    });
    return loop;

    async function reconcile(name: string, signal: AbortSignal): Promise<void> {
      const node = all.get(name);
      if (!node || blocksOf(node).length > 0) return void promised.delete(name);
      const blocks = promised.get(name) ?? takeAll();
      if (!blocks) {
        recorder.event(referenceTo(node), 'Normal', 'CIDRNotAvailable', `Node ${name} status is now: CIDRNotAvailable`);
        throw new Error(`the networks ${cidrs.join(', ')} have no block left for node ${name}`);
      }
      promised.set(name, blocks);
      await context.client.patch(nodes, { name }, { metadata: { uid: node.metadata.uid }, spec: { podCIDR: blocks[0], podCIDRs: blocks } }, { type: 'strategic', signal });
      promised.delete(name);
    }

    /** One of each network, or none at all. */
    function takeAll(): readonly string[] | undefined {
      const blocks: string[] = [];
      for (const allocator of allocators) {
        const block = allocator.take();
        if (block === undefined) {
          blocks.forEach((taken, index) => allocators[index]?.release(taken));
          return undefined;
        }
        blocks.push(block);
      }
      return blocks;
    }
  };
}

function blocksOf({ spec }: Node): readonly string[] {
  return spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : []);
}

function referenceTo({ metadata: { name, uid } }: Node) {
  return { apiVersion: 'v1', kind: 'Node', name, uid };
}
