/**
 * The runtime's own speed and the price of looking at it: `node
 * src/node/cri/cri.bench.ts [pods]`, as root, with containerd installed.
 *
 * The floor of a pod's start (RunPodSandbox, CreateContainer, StartContainer,
 * in bare calls) and the same through CriRuntime; how soon the
 * death of a container is known, by events and by relisting alone; and what
 * looking at idle pods costs, here and in containerd.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as realTime } from 'node:timers/promises';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { startContainerd, withoutContainerd, type Containerd } from '../../../test/containerd/containerd.ts';
import { podOf, removePod, runPod, sandboxSettings, shell } from '../../../test/containerd/pods.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { busyboxImage } from '../../../test/containerd/images.ts';
import { namespaceMode, runtimeService } from './api.ts';
import { CriConnection } from './connection.ts';
import { CriRuntime } from './cri-runtime.ts';
import { sandboxConfig } from './sandbox-config.ts';

const clock = systemClock();
const idlePods = Number(process.argv[2] ?? 100);
const startedPods = 20;
const deaths = 20;
const idleMs = 20_000;

function percentiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const sleeper = () => podOf([shell('exec sleep 100000')]);

/** In turns, so that whatever else the machine does hits both alike. */
async function starts(containerd: Containerd): Promise<void> {
  const connection = new CriConnection(containerd.socket, clock);
  const runtime = await connect(containerd, true);
  const [floor, through]: [number[], number[]] = [[], []];
  for (let n = 0; n < startedPods; n++) {
    floor.push(await bareStart(connection, containerd));
    const pod = sleeper();
    const began = clock.monotonic();
    await runPod(runtime, containerd, pod);
    through.push(clock.monotonic() - began);
    await removePod(runtime, pod);
  }
  runtime.close();
  connection.close();
  say(`floor: ${percentiles(floor)}`);
  say(`through CriRuntime: ${percentiles(through)}`);
}

async function bareStart(connection: CriConnection, containerd: Containerd): Promise<number> {
  const pod = sleeper();
  const config = sandboxConfig(pod, sandboxSettings(containerd, pod), 0);
  const container = { metadata: { name: 'main' }, image: { image: busyboxImage }, command: ['sleep', '100000'], linux: { securityContext: { namespaceOptions: { pid: namespaceMode.container } } } };
  const began = clock.monotonic();
  const { podSandboxId } = await connection.call(runtimeService.runPodSandbox, { config });
  const { containerId } = await connection.call(runtimeService.createContainer, { podSandboxId, config: container, sandboxConfig: config });
  await connection.call(runtimeService.startContainer, { containerId });
  const took = clock.monotonic() - began;
  await connection.call(runtimeService.stopPodSandbox, { podSandboxId });
  await connection.call(runtimeService.removePodSandbox, { podSandboxId });
  return took;
}

async function detection(containerd: Containerd, events: boolean): Promise<void> {
  const runtime = await connect(containerd, events);
  const took: number[] = [];
  for (let n = 0; n < deaths; n++) {
    const pod = podOf([shell('sleep 0.5; exit 1')]);
    const { promise, resolve } = Promise.withResolvers<number>();
    const stop = runtime.subscribe(({ uid, containers }) => {
      if (uid === pod.metadata.uid && containers[0]?.state === 'exited') resolve(clock.now() - containers[0].finishedAtMs);
    });
    await runPod(runtime, containerd, pod);
    took.push(await promise);
    stop();
    await removePod(runtime, pod);
  }
  say(`a death is known ${events ? 'by events' : 'by relisting'} after: ${percentiles(took)}`);
  runtime.close();
}

async function idle(containerd: Containerd): Promise<void> {
  const runtime = await connect(containerd, true);
  const pods: Pod[] = [];
  for (let n = 0; n < idlePods; n++) {
    pods.push(sleeper());
    await runPod(runtime, containerd, pods.at(-1) as Pod);
  }
  await realTime(2000);
  const [own, theirs] = [process.cpuUsage(), cpuMs(containerd.pid)];
  await realTime(idleMs);
  const used = process.cpuUsage(own);
  const share = (ms: number) => `${((100 * ms) / idleMs).toFixed(2)} % of a core`;
  say(`${idlePods} idle pods: here ${share((used.user + used.system) / 1000)}, in containerd ${share(cpuMs(containerd.pid) - theirs)}; resident ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`);
  for (const pod of pods) await removePod(runtime, pod);
  runtime.close();
}

/** User and system time of a process; the kernel counts in hundredths of a second. */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

function connect({ socket, directory }: Containerd, events: boolean): Promise<CriRuntime> {
  return CriRuntime.connect({ socket, clock, logger: silentLogger, seccompDirectory: '/nonexistent', imageVolumesDirectory: join(directory, 'image-volumes'), events });
}

if (withoutContainerd) say(withoutContainerd);
else {
  const containerd = await startContainerd();
  try {
    await starts(containerd);
    await detection(containerd, true);
    await detection(containerd, false);
    await idle(containerd);
  } finally {
    await containerd.close();
  }
}
