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
    /** What has been promised to a node, until its object shows what it has: whatever is written again until then is the same. */
    const promised = new Map<string, readonly string[]>();
    const loop = reconciler(context, { name: 'node-ipam-controller', workers: 1, reconcile });
    const release = (blocks: readonly string[]) => blocks.forEach((block) => allocators.forEach((allocator) => allocator.release(block)));
    const consider = (node: Node) => {
      const name = node.metadata.name ?? '';
      const blocks = blocksOf(node);
      if (blocks.length === 0) return loop.queue.add(name);
      // Somebody else may have been faster.
      release(promised.get(name) ?? []);
      promised.delete(name);
      for (const block of blocks) for (const allocator of allocators) allocator.reserve(block);
    };
    all.addHandler({
      onAdd: consider,
      onUpdate(before, node) {
        if (blocksOf(before).length === 0) consider(node);
      },
      onDelete(node) {
        const name = node.metadata.name ?? '';
        release([...blocksOf(node), ...(promised.get(name) ?? [])]);
        promised.delete(name);
      },
    });
    return loop;

    async function reconcile(name: string, signal: AbortSignal): Promise<void> {
      const node = all.get(name);
      if (!node || blocksOf(node).length > 0) return;
      const blocks = promised.get(name) ?? takeAll();
      if (!blocks) {
        recorder.event(referenceTo(node), 'Normal', 'CIDRNotAvailable', `Node ${name} status is now: CIDRNotAvailable`);
        throw new Error(`the networks ${cidrs.join(', ')} have no block left for node ${name}`);
      }
      promised.set(name, blocks);
      await context.client.patch(nodes, { name }, { metadata: { uid: node.metadata.uid }, spec: { podCIDR: blocks[0], podCIDRs: blocks } }, { type: 'strategic', signal });
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
