/** The real nodes of an all-in-one cluster. Once it has stopped, nothing of them is left but their disks. */
import type { Client } from '../client/client.ts';
import { nodes } from '../client/resources.ts';
import { isNotFound } from '../client/failure.ts';
import { removeCgroups } from './machines/cgroups.ts';
import { keepHostNode, type HostNodeOptions } from './host-node.ts';
import type { LocalNodeOptions } from './local-kubelet.ts';
import { HostNetwork, type HostNetworkOptions } from './machines/host-network.ts';
import { hostNodeImpossible, machinesImpossible } from './machines/requirements.ts';
import { keepNode, nodeName } from './machine-node.ts';

export interface RealNodesOptions extends LocalNodeOptions {
  /** Of machines. */
  readonly count: number;
  /** This computer is a node too. */
  readonly hostNode: HostNodeOptions | undefined;
  /** Addresses of load balancers: this computer sends what is for them to the first node. */
  readonly loadBalancerPool: readonly string[];
  readonly client: Client;
}

export interface RealNodes {
  /** Resolves once all machines are registered and have blocks of addresses for pods; rejects where a node cannot be started. */
  readonly ready: Promise<void>;
  /** Rejects where a node cannot be started. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

const pollMs = 50;

/** Makes this computer's end of the nodes' network. Rejects where there can be no such nodes, with why. */
export async function prepareHost({ count, hostNode }: Pick<RealNodesOptions, 'count' | 'hostNode'>, network: HostNetworkOptions): Promise<HostNetwork> {
  const impossible = (count > 0 ? machinesImpossible() : undefined) ?? (hostNode && hostNodeImpossible(hostNode.runtimeSocket));
  if (impossible !== undefined) throw new Error(impossible);
  return HostNetwork.create(network);
}

export function startRealNodes(options: RealNodesOptions): RealNodes {
  const stopping = new AbortController();
  const machines = Array.from({ length: options.count }, (_, index) => keepNode(options, index, stopping.signal));
  const kept = options.hostNode ? [...machines, keepHostNode(options, options.hostNode, stopping.signal)] : machines;
  const started = Promise.all(kept.map((node) => node.started));
  const ready = started.then(async () => void (await Promise.all(machines.map((_, index) => routed(options, index, stopping.signal)))));
  // Whoever waits for it hears of a failure; nobody has to.
  ready.catch(() => {});
  const failed = started.then(() => new Promise<never>(() => {}));
  failed.catch((error: unknown) => options.logger.error('a real node cannot be started', { error }));
  return {
    ready,
    failed,
    async stop() {
      stopping.abort(new Error('the cluster was stopped'));
      await Promise.all(kept.map((node) => node.stopped));
      await removeCgroups(options.network.name, options.clock);
    },
  };
}

/** Waits until the node has its block, and makes its pods known to this computer. */
async function routed({ client, clock, network, loadBalancerPool }: RealNodesOptions, index: number, signal: AbortSignal): Promise<void> {
  const name = nodeName(index);
  for (;;) {
    const node = await client.get(nodes, { name }, { signal }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
      return undefined;
    });
    const blocks = node?.spec?.podCIDRs ?? [];
    if (blocks.length > 0) return network.route([...blocks, ...(index === 0 ? loadBalancerPool : [])], index);
    await clock.sleep(pollMs, signal);
  }
}
