/** What each pod of a real node uses, from the runtime and from the node's disk. */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '../../../api/types/core-v1.ts';
import type { PodVolumes } from '../pod-setup.ts';
import type { ContainerUsage, Runtime } from '../runtime.ts';

export interface PodFigures {
  readonly pod: Pod;
  readonly containers: readonly ContainerFigures[];
  readonly volumes: readonly VolumeFigures[];
}

export interface ContainerFigures extends ContainerUsage {
  readonly logBytes: number;
  readonly logInodes: number;
}

export interface VolumeFigures {
  readonly volume: string;
  readonly bytes: number;
  readonly inodes: number;
}

export interface FiguresSource {
  readonly runtime: Runtime;
  readonly volumes: Pick<PodVolumes, 'usage'> | undefined;
  /** Where the pod's logs lie; each container's in a folder of its name. */
  logDirectory(pod: Pod): string;
}

/** Of pods of which the runtime knows running containers. */
export async function podFigures(source: FiguresSource, pods: readonly Pod[]): Promise<readonly PodFigures[]> {
  const usage = new Map((await source.runtime.usage()).map(({ podUid, containers }) => [podUid, containers]));
  const measured = pods.flatMap((pod) => {
    const containers = usage.get(pod.metadata.uid ?? '');
    return containers?.length ? [{ pod, containers }] : [];
  });
  return Promise.all(
    measured.map(async ({ pod, containers }) => ({
      pod,
      containers: await Promise.all(containers.map((container) => withLogs(container, join(source.logDirectory(pod), container.name)))),
      volumes: (await source.volumes?.usage(pod.metadata.uid ?? '')) ?? [],
    })),
  );
}

async function withLogs(container: ContainerUsage, folder: string): Promise<ContainerFigures> {
  let logBytes = 0;
  let logInodes = 0;
  for (const file of await readdir(folder).catch(() => [])) {
    // A file that rotation has just moved away is counted under its new name the next time.
    const { blocks } = await lstat(join(folder, file)).catch(() => ({ blocks: 0 }));
    logBytes += blocks * 512;
    logInodes++;
  }
  return { ...container, logBytes, logInodes };
}

const sum = <T>(values: readonly T[], of: (value: T) => number) => values.reduce((total, value) => total + of(value), 0);

export function memoryBytes({ containers }: PodFigures): number {
  return sum(containers, (container) => container.memoryBytes);
}

/** Bytes of the node's disk: writable layers, logs, and volumes that end with the pod. */
export function diskBytes({ pod, containers, volumes }: PodFigures): number {
  return sum(containers, containerDiskBytes) + sum(localVolumes(pod, volumes), ({ bytes }) => bytes);
}

export function containerDiskBytes({ rootfsBytes, logBytes }: ContainerFigures): number {
  return (rootfsBytes ?? 0) + logBytes;
}

export function diskInodes({ pod, containers, volumes }: PodFigures): number {
  return sum(containers, ({ rootfsInodes, logInodes }) => (rootfsInodes ?? 0) + logInodes) + sum(localVolumes(pod, volumes), ({ inodes }) => inodes);
}

/** What lies in memory or on other disks does not count. */
function localVolumes({ spec }: Pod, volumes: readonly VolumeFigures[]): readonly VolumeFigures[] {
  const local = new Set(
    (spec.volumes ?? [])
      .filter(({ emptyDir, configMap, secret, downwardAPI, projected }) => (emptyDir && emptyDir.medium !== 'Memory') || configMap || secret || downwardAPI || projected)
      .map(({ name }) => name),
  );
  return volumes.filter(({ volume }) => local.has(volume));
}
