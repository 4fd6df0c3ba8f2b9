/**
 * Joins a node to the pod network: once the node has blocks of addresses, writes
 * the CNI configuration with them; keeps routes to the pods of the other nodes;
 * gives what pods send out of the cluster the node's own address. All of it
 * follows the Node objects, and is put right at every start.
 */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '../../api/types/core-v1.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Informer } from '../../client/informer.ts';
import { runCommand } from '../system/command.ts';
import { cniConfigFile, cniConfigList, podBridge } from './cni-config.ts';
import { links, linkWith } from './links.ts';
import { podTopology, type PodRoute, type PodTopology } from './pod-routes.ts';

export interface PodNetworkOptions {
  /** All of them; somebody else runs it. */
  readonly nodes: Informer<Node>;
  readonly nodeName: string;
  /** By which the other nodes reach this one. */
  readonly nodeAddress: string;
  /** Where the runtime looks for CNI configurations. */
  readonly configDirectory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** By which our routes are known again among those of others. */
const routeProtocol = '131';
const tableName = 'coxswain-pods';
const retryMs = 2000;

/** Follows the nodes until the signal aborts; resolves when it has ended. */
export function followPodNetwork(options: PodNetworkOptions): Promise<void> {
  const network = new PodNetwork(options);
  const leave = options.nodes.addHandler({ onBatchEnd: () => network.wake() });
  return new Promise((resolve) => {
    const end = () => {
      leave();
      resolve(network.idle);
    };
    options.signal.addEventListener('abort', end, { once: true });
  });
}

/** Takes it all from the computer, once nobody follows the nodes and no pod is left. */
export async function removePodNetwork(configDirectory: string): Promise<void> {
  await rm(join(configDirectory, cniConfigFile), { force: true });
  await setRoutes('-4', []);
  await setRoutes('-6', []);
  await runCommand('nft', ['-f', '-'], { input: ['ip', 'ip6'].map((family) => `add table ${family} ${tableName}\ndelete table ${family} ${tableName}\n`).join('') });
  // Without a single pod there has not been one.
  await runCommand('ip', ['link', 'delete', podBridge]).catch(() => {});
}

class PodNetwork {
  readonly #options: PodNetworkOptions;
  /** What the machine has been told. */
  #applied = '';
  #working = false;
  /** Resolves when nothing is being done. */
  idle: Promise<void> = Promise.resolve();
  #again = false;

  constructor(options: PodNetworkOptions) {
    this.#options = options;
  }

  wake(): void {
    this.#again = true;
    if (!this.#working) this.idle = this.#work();
  }

  async #work(): Promise<void> {
    const { clock, logger, signal } = this.#options;
    this.#working = true;
    while (this.#again && !signal.aborted) {
      this.#again = false;
      try {
        await this.#apply();
      } catch (error) {
        if (signal.aborted) break;
        logger.warn('the pod network could not be brought up to date', { error });
        this.#again = true;
        await clock.sleep(retryMs, signal).catch(() => {});
      }
    }
    this.#working = false;
  }

  async #apply(): Promise<void> {
    const { nodes, nodeName, nodeAddress, configDirectory } = this.#options;
    const uplink = linkWith(await links(), nodeAddress);
    const topology = podTopology(nodeName, nodes.values(), uplink?.addresses ?? []);
    const wanted = JSON.stringify(topology);
    if (wanted === this.#applied) return;
    await masquerade(topology);
    await setRoutes('-4', topology.routes.filter(({ block }) => !block.includes(':')));
    await setRoutes('-6', topology.routes.filter(({ block }) => block.includes(':')));
    // Last: from here on the runtime says that the network is ready.
    if (topology.own.length > 0) await writeConfig(configDirectory, cniConfigList({ podCidrs: topology.own, mtu: uplink?.mtu ?? 1500 }));
    this.#applied = wanted;
  }
}

async function writeConfig(directory: string, text: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, cniConfigFile);
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

async function setRoutes(family: '-4' | '-6', wanted: readonly PodRoute[]): Promise<void> {
  const shown = await runCommand('ip', [family, '-json', 'route', 'show', 'proto', routeProtocol]);
  const present = JSON.parse(shown || '[]') as readonly { readonly dst: string; readonly gateway?: string }[];
  const stale = present.filter(({ dst }) => !wanted.some(({ block }) => block === dst)).map(({ dst }) => `route delete ${dst} proto ${routeProtocol}`);
  const missing = wanted
    .filter(({ block, via }) => !present.some(({ dst, gateway }) => dst === block && gateway === via))
    .map(({ block, via }) => `route replace ${block} via ${via} proto ${routeProtocol}`);
  if (stale.length + missing.length > 0) await runCommand('ip', [family, '-batch', '-'], { input: [...stale, ...missing, ''].join('\n') });
}

/** What leaves the cluster would find no way back to a pod's address. */
async function masquerade({ own, inside }: PodTopology): Promise<void> {
  const tables = (['ip', 'ip6'] as const).map((family) => {
    const ofFamily = (address: string) => address.includes(':') === (family === 'ip6');
    const local = [...inside.filter(ofFamily), ...(family === 'ip' ? ['224.0.0.0/4'] : ['ff00::/8', 'fe80::/10'])];
    const rule = (block: string) => `    ${family} saddr ${block} ${family} daddr != @inside masquerade\n`;
    return `table ${family} ${tableName} {}
delete table ${family} ${tableName}
table ${family} ${tableName} {
  set inside {
    type ${family === 'ip' ? 'ipv4_addr' : 'ipv6_addr'}; flags interval; auto-merge
    elements = { ${local.join(', ')} }
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
${own.filter(ofFamily).map(rule).join('')}  }
}
`;
  });
  await runCommand('nft', ['-f', '-'], { input: tables.join('') });
}
