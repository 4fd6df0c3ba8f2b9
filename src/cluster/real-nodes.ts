/** The real nodes of an all-in-one cluster. Once it has stopped, nothing of them is left but their disks. */
import type { Client } from '../client/client.ts';
import { nodes } from '../client/resources.ts';
import { isNotFound } from '../client/failure.ts';
import { removeCgroups } from './machines/cgroups.ts';
import { HostNetwork, type HostNetworkOptions } from './machines/host-network.ts';
import { machinesImpossible } from './machines/requirements.ts';
import { keepNode, nodeName, type MachineNodeOptions } from './machine-node.ts';

export interface RealNodesOptions extends MachineNodeOptions {
  readonly count: number;
  /** Addresses of load balancers: this computer sends what is for them to the first node. */
  readonly loadBalancerPool: readonly string[];
  readonly client: Client;
}

export interface RealNodes {
  /** Resolves once all nodes are registered and have blocks of addresses for pods; rejects where a machine cannot be made. */
  readonly ready: Promise<void>;
  /** Rejects where a machine cannot be made. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

const pollMs = 50;

/** Makes this computer's end of the machines' network. Rejects where there can be no machines, with why. */
export async function prepareHost(options: HostNetworkOptions): Promise<HostNetwork> {
  const impossible = machinesImpossible();
  if (impossible !== undefined) throw new Error(impossible);
  return HostNetwork.create(options);
}

export function startRealNodes(options: RealNodesOptions): RealNodes {
  const stopping = new AbortController();
  const kept = Array.from({ length: options.count }, (_, index) => keepNode(options, index, stopping.signal));
  const started = Promise.all(kept.map((node) => node.started));
  const ready = started.then(async () => void (await Promise.all(kept.map((_, index) => routed(options, index, stopping.signal)))));
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
