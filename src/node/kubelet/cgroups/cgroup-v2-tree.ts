/** cgroup v2: one hierarchy, in which each level hands its controllers down. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { directoriesOf, removeCgroup, type CgroupTree } from './cgroup-tree.ts';
import { cpuPeriodUs, cpuWeight, type CgroupLimits } from './limits.ts';

const controllers = ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids'];

export class CgroupV2Tree implements CgroupTree {
  readonly #mount: string;
  readonly #clock: Clock;

  constructor(mount: string, clock: Clock) {
    this.#mount = mount;
    this.#clock = clock;
  }

  async apply(path: string, { cpuShares, cpuQuotaUs, memoryBytes, pids }: CgroupLimits): Promise<void> {
    let directory = this.#mount;
    for (const name of path.split('/').filter(Boolean)) {
      // What the kernel does not have cannot be handed down.
      for (const controller of controllers) await writeFile(join(directory, 'cgroup.subtree_control'), `+${controller}`).catch(() => {});
      directory = join(directory, name);
      await mkdir(directory, { recursive: true });
    }
    if (cpuShares !== undefined) await writeFile(join(directory, 'cpu.weight'), String(cpuWeight(cpuShares)));
    if (cpuQuotaUs !== undefined) await writeFile(join(directory, 'cpu.max'), `${cpuQuotaUs} ${cpuPeriodUs}`);
    if (memoryBytes !== undefined) await writeFile(join(directory, 'memory.max'), String(memoryBytes));
    if (pids !== undefined) await writeFile(join(directory, 'pids.max'), String(pids));
  }

  remove(path: string): Promise<void> {
    return removeCgroup(join(this.#mount, path), this.#clock);
  }

  children(path: string): Promise<readonly string[]> {
    return directoriesOf(join(this.#mount, path));
  }
}
