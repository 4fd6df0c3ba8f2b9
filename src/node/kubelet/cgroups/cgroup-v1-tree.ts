/** cgroup v1: a hierarchy a controller. Those without limits of ours are made by the runtime, and removed by us. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { directoriesOf, isMissing, removeCgroup, type CgroupTree } from './cgroup-tree.ts';
import { cpuPeriodUs, type CgroupLimits } from './limits.ts';

export interface V1Mounts {
  readonly cpu: string;
  readonly memory: string;
  /** Undefined: the kernel has none. */
  readonly pids: string | undefined;
  /** All of them. */
  readonly all: readonly string[];
}

export class CgroupV1Tree implements CgroupTree {
  readonly #mounts: V1Mounts;
  readonly #clock: Clock;

  constructor(mounts: V1Mounts, clock: Clock) {
    this.#mounts = mounts;
    this.#clock = clock;
  }

  async apply(path: string, { cpuShares, cpuQuotaUs, memoryBytes, pids }: CgroupLimits): Promise<void> {
    const { cpu, memory, pids: pidsMount } = this.#mounts;
    for (const mount of [cpu, memory, pidsMount]) if (mount) await mkdir(join(mount, path), { recursive: true });
    const cpuDirectory = join(cpu, path);
    if (cpuShares !== undefined) await writeFile(join(cpuDirectory, 'cpu.shares'), String(cpuShares));
    if (cpuQuotaUs !== undefined) {
      await ifThere(writeFile(join(cpuDirectory, 'cpu.cfs_period_us'), String(cpuPeriodUs)));
      await ifThere(writeFile(join(cpuDirectory, 'cpu.cfs_quota_us'), String(cpuQuotaUs)));
    }
    if (memoryBytes !== undefined) await writeFile(join(memory, path, 'memory.limit_in_bytes'), String(memoryBytes));
    if (pids !== undefined && pidsMount) await writeFile(join(pidsMount, path, 'pids.max'), String(pids));
  }

  async remove(path: string): Promise<void> {
    for (const mount of this.#mounts.all) await removeCgroup(join(mount, path), this.#clock);
  }

  children(path: string): Promise<readonly string[]> {
    return directoriesOf(join(this.#mounts.cpu, path));
  }
}

/** Kernels may be built without bandwidth control. */
async function ifThere(write: Promise<void>): Promise<void> {
  await write.catch((error: unknown) => {
    if (!isMissing(error) && (error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
  });
}
