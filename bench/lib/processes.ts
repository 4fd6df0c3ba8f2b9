/** What the kernel says of a process: Linux's /proc. */
import { readFileSync } from 'node:fs';

/** USER_HZ is 100 on every Linux that Node supports. */
const tickMs = 10;

export function rssMb(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? 0) / 1024;
}

/** User and system time of all threads, in milliseconds. */
export function cpuMs(pid: number): number {
  // The name, in parentheses, may hold spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}

/** Follows the highest RSS of a process until it is told to stop. */
export function watchRss(pid: number, periodMs = 20): { stop(): { firstMb: number; highestMb: number } } {
  const firstMb = rssMb(pid);
  let highestMb = firstMb;
  const look = () => (highestMb = Math.max(highestMb, rssMb(pid)));
  const timer = setInterval(look, periodMs);
  return {
    stop() {
      clearInterval(timer);
      look();
      return { firstMb, highestMb };
    },
  };
}

/** Shares of a core over a stretch of time: this process, the server, and all else that ran on the machine. */
export interface CpuShares {
  readonly client: number;
  readonly server: number;
  readonly others: number;
}

export function watchCpu(serverPid: number | undefined): { stop(): CpuShares } {
  const beganAt = performance.now();
  const client = process.cpuUsage();
  const serverMs = serverPid ? cpuMs(serverPid) : 0;
  const machineMs = machineBusyMs();
  return {
    stop() {
      const wallMs = performance.now() - beganAt;
      const { user, system } = process.cpuUsage(client);
      const shares = { client: (user + system) / 1000 / wallMs, server: serverPid ? (cpuMs(serverPid) - serverMs) / wallMs : 0 };
      const others = (machineBusyMs() - machineMs) / wallMs - shares.client - shares.server;
      return { ...shares, others: Math.max(0, others) };
    },
  };
}

/** user, nice, system, irq and softirq of all cores. */
function machineBusyMs(): number {
  const [, user, nice, system, , , irq, softirq] = (readFileSync('/proc/stat', 'utf8').split('\n')[0] as string).split(/ +/).map(Number);
  return ((user ?? 0) + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (softirq ?? 0)) * tickMs;
}
