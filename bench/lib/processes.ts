/** What the kernel says of processes: Linux's /proc. Elsewhere everything is zero. */
import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ is 100 on every Linux that Node supports. */
const tickMs = 10;

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The process has ended, or there is no /proc.
    return '';
  }
}

export function rssMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1024;
}

/** User and system time of all threads, in milliseconds. */
export const cpuMs = (pid: number): number => ticksIn(read(`/proc/${pid}/stat`)) * tickMs;

function ticksIn(stat: string): number {
  // The name, in parentheses, may hold spaces.
  const fields = stat.replace(/^.*\) /, '').split(' ');
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}

/** Milliseconds of CPU by the names of a process's threads; threads of one name are taken together. */
export function cpuMsOfThreads(pid: number): Map<string, number> {
  const byName = new Map<string, number>();
  let tasks: string[] = [];
  try {
    tasks = readdirSync(`/proc/${pid}/task`);
  } catch {
    return byName;
  }
  for (const task of tasks) {
    const stat = read(`/proc/${pid}/task/${task}/stat`);
    const name = /\((.*)\)/.exec(stat)?.[1];
    if (name !== undefined) byName.set(name, (byName.get(name) ?? 0) + ticksIn(stat) * tickMs);
  }
  return byName;
}

/** user, nice, system, irq and softirq of all cores, in milliseconds. */
export function machineBusyMs(): number {
  const [, user, nice, system, , , irq, softirq] = (read('/proc/stat').split('\n')[0] as string).split(/ +/).map(Number);
  return ((user ?? 0) + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (softirq ?? 0)) * tickMs;
}
