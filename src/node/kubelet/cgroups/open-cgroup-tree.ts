/** Finds out from the mounts which version of cgroups the machine has. */
import { readFile } from 'node:fs/promises';
import type { Clock } from '../../../base/clock.ts';
import type { CgroupTree } from './cgroup-tree.ts';
import { CgroupV1Tree, type V1Mounts } from './cgroup-v1-tree.ts';
import { CgroupV2Tree } from './cgroup-v2-tree.ts';

/** Rejects where the machine has no cgroups that limit anything. */
export async function openCgroupTree(clock: Clock): Promise<CgroupTree> {
  return cgroupTreeOf(await readFile('/proc/self/mountinfo', 'utf8'), clock);
}

export function cgroupTreeOf(mountInfo: string, clock: Clock): CgroupTree {
  const mounts = mountInfo.split('\n').flatMap(cgroupMount);
  const find = (controller: string) => mounts.find(({ type, options }) => type === 'cgroup' && options.includes(controller))?.path;
  const cpu = find('cpu');
  const memory = find('memory');
  if (cpu !== undefined && memory !== undefined) {
    const found: V1Mounts = { cpu, memory, pids: find('pids'), all: [...new Set(mounts.map(({ path }) => path))] };
    return new CgroupV1Tree(found, clock);
  }
  const unified = mounts.find(({ type }) => type === 'cgroup2');
  if (!unified) throw new Error('this machine has no cgroups');
  return new CgroupV2Tree(unified.path, clock);
}

interface CgroupMount {
  readonly path: string;
  readonly type: string;
  readonly options: readonly string[];
}

function cgroupMount(line: string): CgroupMount[] {
  const [before = '', after = ''] = line.split(' - ');
  const [type = '', , options = ''] = after.split(' ');
  return type === 'cgroup' || type === 'cgroup2' ? [{ path: before.split(' ')[4] ?? '', type, options: options.split(',') }] : [];
}
