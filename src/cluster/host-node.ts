/**
 * This computer itself as a node of the cluster that it runs, over a runtime
 * that somebody else has started. The kubelet outlives neither the cluster nor
 * the process that made it, and takes what it has made on the computer away at
 * its end: pods must not run on without their cluster.
 */
import { spawn, type SpawnOptions } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '../base/logger.ts';
import { cniConfigFile } from '../node/network/cni-config.ts';
import { startLocalKubelet, type KeptNode, type LocalNodeOptions } from './local-kubelet.ts';
import { importImages } from './machines/images.ts';
import type { Program } from './machines/supervise.ts';
import { orphanSignal } from './orphaned.ts';

export interface HostNodeOptions {
  /** Path of the runtime's unix socket. */
  readonly runtimeSocket: string;
  /** Where the runtime looks for its network; empty: somebody else looks after that; undefined: the usual place, where nobody has put anything there. */
  readonly cniConfigDirectory: string | undefined;
  /** By which others reach it; undefined: its address on the cluster's own bridge. */
  readonly address: string | undefined;
}

const usualCniDirectory = '/etc/cni/net.d';
/** To end the containers of a full node, one runtime needs a while. */
const stopWithinMs = 60_000;

export function hostNodeName(): string {
  return hostname().toLowerCase();
}

/** Runs the node until the signal aborts. */
export function keepHostNode(options: LocalNodeOptions, host: HostNodeOptions, signal: AbortSignal): KeptNode {
  const starting = startHostNode(options, host);
  const told = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  const stopped = starting.then(
    async (kubelet) => {
      await told;
      await kubelet.stop(stopWithinMs);
    },
    // Who waits for the start hears of it.
    () => {},
  );
  return { started: starting.then(() => {}), stopped };
}

async function startHostNode(options: LocalNodeOptions, { runtimeSocket, cniConfigDirectory, address }: HostNodeOptions) {
  const { directory, network, logger } = options;
  const name = hostNodeName();
  const disk = join(directory, name);
  for (const archive of options.imageArchives) await importImages(runtimeSocket, archive);
  return startLocalKubelet(options, {
    name,
    addresses: address === undefined ? network.addresses : [address],
    disk,
    lib: join(disk, 'lib'),
    flags: ['--runtime', `unix://${runtimeSocket}`, '--logs-dir', join(disk, 'log/pods'), '--cni-conf-dir', cniConfigDirectory ?? freeCniDirectory(logger), '--cleanup'],
    spawn: spawnBeside,
  });
}

function freeCniDirectory(logger: Logger): string {
  const isFree = existsSync(usualCniDirectory) && readdirSync(usualCniDirectory).every((file) => file === cniConfigFile);
  if (!isFree) logger.warn('the network of pods is left to whoever configures it: --cni-conf-dir says where to write it otherwise', { directory: usualCniDirectory });
  return isFree ? usualCniDirectory : '';
}

/** Told to end when we end, however that is; what the terminal tells us it hears from us. */
function spawnBeside(file: string, args: readonly string[], options: SpawnOptions): Program {
  const child = spawn('setpriv', ['--pdeathsig', orphanSignal, file, ...args], { ...options, detached: true });
  return { process: child, kill: (signal) => void child.kill(signal) };
}
