/**
 * Takes from a computer what a node on it has made: its pods, their mounts, the
 * pod network, the rules of Services and NetworkPolicies. It goes by what is
 * there, so that it does not matter how far the node had come.
 */
import { unmountAll } from '../node/kubelet/volumes/mounts.ts';
import { removePodNetwork } from '../node/network/pod-network.ts';
import { policyTable } from '../node/proxy/policy/start-network-policy.ts';
import { nftRemovalScript } from '../node/proxy/rules/nft-script.ts';
import { proxyTable } from '../node/proxy/start-proxy.ts';
import { runCommand } from '../node/system/command.ts';
import { connectRuntime, type NodeRuntimeOptions } from './node-runtime.ts';

export interface LeaveNodeOptions extends NodeRuntimeOptions {
  /** Undefined: the pod network is not ours. */
  readonly cniConfigDirectory: string | undefined;
}

/** What a runtime cannot end at once it may end when it is asked again. */
const rounds = 5;

/** Once the kubelet has ended. What cannot be taken away is logged, and keeps nothing else from going. */
export async function leaveNode(options: LeaveNodeOptions): Promise<void> {
  const { rootDirectory, cniConfigDirectory, logger } = options;
  const steps: readonly (readonly [what: string, step: () => Promise<unknown>])[] = [
    ['pods', () => removePods(options)],
    ['mounts', () => unmountAll(rootDirectory)],
    ['the rules of Services and NetworkPolicies', () => runCommand('nft', ['-f', '-'], { input: [proxyTable, policyTable].map((table) => nftRemovalScript(table, ['ip', 'ip6'])).join('') })],
    ...(cniConfigDirectory === undefined ? [] : [['the pod network', () => removePodNetwork(cniConfigDirectory)] as const]),
  ];
  for (const [what, step] of steps) await step().catch((error: unknown) => logger.warn(`${what} of the node could not be taken away`, { error }));
}

async function removePods(options: NodeRuntimeOptions): Promise<void> {
  const runtime = await connectRuntime(options);
  try {
    for (let round = 1; ; round++) {
      const pods = await runtime.list();
      if (pods.length === 0) return;
      const outcomes = await Promise.allSettled(pods.map(({ uid }) => runtime.removeSandbox(uid)));
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (round === rounds) throw new Error(`${pods.length} pods do not go`, { cause: failed?.reason });
    }
  } finally {
    runtime.close();
  }
}
