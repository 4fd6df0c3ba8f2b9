/**
 * A real node on this computer: a machine made of namespaces with its
 * containerd, and a kubelet that is a process of its own and is started like the
 * kubelet of a computer elsewhere.
 */
import { join } from 'node:path';
import { startLocalKubelet, type KeptNode, type LocalNodeOptions } from './local-kubelet.ts';
import { cniConfigDirectory, containerdSocket, startContainerd } from './machines/containerd.ts';
import { importIntoMachines } from './machines/images.ts';
import { Machine } from './machines/machine.ts';
import { cniPrograms } from './machines/requirements.ts';
import type { Supervised } from './machines/supervise.ts';

const retryMs = 2000;

export function nodeName(index: number): string {
  return `worker-${index}`;
}

interface RunningNode {
  /** Resolves when the machine has ended, whoever ended it. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/** Runs a node until the signal aborts. A machine that ends before is started again, as somebody would who finds it switched off. */
export function keepNode(options: LocalNodeOptions, index: number, signal: AbortSignal): KeptNode {
  const { clock, logger } = options;
  const started = Promise.withResolvers<void>();
  const told = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  const keep = async () => {
    for (let hasRun = false; !signal.aborted; ) {
      try {
        const node = await startNode(options, index);
        hasRun = true;
        started.resolve();
        await Promise.race([node.ended, told]);
        await node.stop();
        if (!signal.aborted) logger.warn('the machine of a node has ended, and is started again', { node: nodeName(index) });
      } catch (error) {
        if (!hasRun) return started.reject(error);
        logger.warn('the machine of a node could not be started', { node: nodeName(index), error });
        await clock.sleep(retryMs, signal).catch(() => {});
      }
    }
  };
  return { started: started.promise, stopped: keep() };
}

async function startNode(options: LocalNodeOptions, index: number): Promise<RunningNode> {
  const { network, clock, logger } = options;
  const name = nodeName(index);
  await using opened = new AsyncDisposableStack();
  const machine = await Machine.boot({ name, disk: join(options.directory, name) });
  opened.defer(() => machine.powerOff());
  await network.connect(machine, index);
  const containerd = await startContainerd({ machine, cniPrograms, clock, logger });
  opened.defer(() => containerd.stop());
  for (const archive of options.imageArchives) await importIntoMachines(options.directory, archive, name);
  const kubelet = startKubelet(options, machine, index);
  opened.defer(() => kubelet.stop());
  const running = opened.move();
  return { ended: machine.ended, stop: () => running.disposeAsync() };
}

function startKubelet(options: LocalNodeOptions, machine: Machine, index: number): Supervised {
  return startLocalKubelet(options, {
    name: machine.name,
    addresses: options.network.addressesOf(index),
    disk: machine.disk,
    lib: '/var/lib',
    flags: ['--runtime', `unix://${containerdSocket}`, '--cni-conf-dir', cniConfigDirectory],
    spawn: (file, args, spawnOptions) => machine.spawn(file, args, spawnOptions),
  });
}
