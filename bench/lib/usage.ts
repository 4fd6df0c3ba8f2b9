/**
 * CPU and memory while something runs: of the server's processes, of the fleet's,
 * of the load client (this process), and what the machine did besides.
 */
import { cpuMs, cpuMsOfThreads, machineBusyMs, rssMb } from './processes.ts';
import type { Series } from '../report/bench-report.ts';

export interface WatchedProcess {
  readonly name: string;
  readonly role: 'server' | 'fleet' | 'client';
  /** Another one after a restart. */
  readonly pid: number;
}

export interface ProcessUsage {
  readonly name: string;
  readonly role: WatchedProcess['role'] | 'others';
  /** Of a core. */
  readonly cpuShare: number;
  readonly cpuSeconds: number;
  readonly rssMb: number;
  readonly rssHighestMb: number;
  /** Seconds of CPU of threads that matter, highest first. */
  readonly threads: readonly { readonly name: string; readonly cpuSeconds: number }[];
}

const periodMs = 500;
/** Threads below this share of their process's time are noise. */
const threadShareMin = 0.02;
/** Above this share of a core a client in one thread is what limits. */
const clientShareMax = 0.9;

interface Followed {
  readonly name: string;
  readonly role: WatchedProcess['role'];
  pid: number;
  lastCpuMs: number;
  /** Of this process and of those it took the place of. */
  cpuMs: number;
  /** Of it, what the series has. */
  drawnCpuMs: number;
  rssHighestMb: number;
  /** The highest since somebody asked. */
  rssLatelyMb: number;
  threadsBefore: Map<string, number>;
  readonly cpu: [number, number][];
  readonly memory: [number, number][];
}

export class Usage {
  readonly #processes: () => readonly WatchedProcess[];
  readonly #followed = new Map<string, Followed>();
  readonly #beganAt = performance.now();
  readonly #busyBefore = machineBusyMs();
  readonly #timer: NodeJS.Timeout;
  #lookedAt = this.#beganAt;

  /** `originAt` is the zero of the series' time. */
  constructor(processes: () => readonly WatchedProcess[], originAt: number) {
    this.#processes = () => [...processes(), { name: 'load client', role: 'client', pid: process.pid }];
    this.#look(originAt);
    this.#timer = setInterval(() => this.#look(originAt), periodMs);
  }

  stop(): { readonly usage: readonly ProcessUsage[]; readonly series: readonly Series[] } {
    clearInterval(this.#timer);
    const wallMs = performance.now() - this.#beganAt;
    const usage = [...this.#followed.values()].map((followed): ProcessUsage => {
      this.#count(followed);
      return {
        name: followed.name,
        role: followed.role,
        cpuShare: followed.cpuMs / wallMs,
        cpuSeconds: followed.cpuMs / 1000,
        rssMb: rssMb(followed.pid),
        rssHighestMb: followed.rssHighestMb,
        threads: threadsOf(followed),
      };
    });
    const known = usage.reduce((sum, { cpuSeconds }) => sum + cpuSeconds * 1000, 0);
    const othersMs = Math.max(0, machineBusyMs() - this.#busyBefore - known);
    const others: ProcessUsage = { name: 'all else on the machine', role: 'others', cpuShare: othersMs / wallMs, cpuSeconds: othersMs / 1000, rssMb: 0, rssHighestMb: 0, threads: [] };
    const series = [...this.#followed.values()].flatMap(({ name, cpu, memory }): Series[] => [
      { chart: 'CPU', name, unit: 'cores', points: cpu },
      { chart: 'Memory', name, unit: 'MB', points: memory },
    ]);
    return { usage: [...usage, others], series };
  }

  /** Begins a stretch; the answer says in words where the CPU went in it, in shares of a core. */
  stretch(): () => string {
    const roles = ['client', 'server', 'fleet'] as const;
    const beganAt = performance.now();
    const before = roles.map((role) => this.cpuMs(role));
    const busyBefore = machineBusyMs();
    return () => {
      const wallMs = performance.now() - beganAt;
      const spent = roles.map((role, at) => this.cpuMs(role) - (before[at] as number));
      const others = Math.max(0, machineBusyMs() - busyBefore - spent.reduce((sum, ms) => sum + ms, 0));
      const words = [...roles.map((role, at) => [role, spent[at] as number] as const), ['others', others] as const].filter(([, ms]) => ms > 0);
      const note = `CPU: ${words.map(([name, ms]) => `${name} ${Math.round((ms / wallMs) * 100)}%`).join(', ')}`;
      return (spent[0] as number) / wallMs > clientShareMax ? `${note}; the client limits` : note;
    };
  }

  /** The server's memory now and at its highest since the last call, in MB. */
  serverMemory(): { readonly nowMb: number; readonly highestMb: number } {
    let [nowMb, highestMb] = [0, 0];
    for (const followed of this.#followed.values()) {
      if (followed.role !== 'server') continue;
      const now = rssMb(followed.pid);
      nowMb += now;
      highestMb += Math.max(now, followed.rssLatelyMb);
      followed.rssLatelyMb = now;
    }
    return { nowMb, highestMb };
  }

  /** CPU of a role's processes so far, in milliseconds. */
  cpuMs(role: WatchedProcess['role']): number {
    let sum = 0;
    for (const followed of this.#followed.values()) {
      this.#count(followed);
      if (followed.role === role) sum += followed.cpuMs;
    }
    return sum;
  }

  #look(originAt: number): void {
    const now = performance.now();
    const elapsedMs = now - this.#lookedAt;
    this.#lookedAt = now;
    for (const { name, role, pid } of this.#processes()) {
      let followed = this.#followed.get(name);
      if (!followed) {
        followed = { name, role, pid, lastCpuMs: cpuMs(pid), cpuMs: 0, drawnCpuMs: 0, rssHighestMb: 0, rssLatelyMb: 0, threadsBefore: cpuMsOfThreads(pid), cpu: [], memory: [] };
        this.#followed.set(name, followed);
      } else if (followed.pid !== pid) {
        followed.pid = pid;
        followed.lastCpuMs = 0;
        followed.threadsBefore = new Map();
      }
      this.#count(followed);
      const memory = rssMb(pid);
      followed.rssHighestMb = Math.max(followed.rssHighestMb, memory);
      followed.rssLatelyMb = Math.max(followed.rssLatelyMb, memory);
      const at = (now - originAt) / 1000;
      if (elapsedMs > 0) followed.cpu.push([at, (followed.cpuMs - followed.drawnCpuMs) / elapsedMs]);
      followed.drawnCpuMs = followed.cpuMs;
      followed.memory.push([at, memory]);
    }
  }

  #count(followed: Followed): void {
    // A process that has ended reads as zero.
    const now = Math.max(followed.lastCpuMs, cpuMs(followed.pid));
    followed.cpuMs += now - followed.lastCpuMs;
    followed.lastCpuMs = now;
  }
}

function threadsOf({ pid, threadsBefore, cpuMs: total }: Followed): ProcessUsage['threads'] {
  return [...cpuMsOfThreads(pid)]
    .map(([name, ms]) => ({ name, cpuSeconds: (ms - (threadsBefore.get(name) ?? 0)) / 1000 }))
    .filter(({ cpuSeconds }) => cpuSeconds * 1000 > total * threadShareMin)
    .sort((a, b) => b.cpuSeconds - a.cpuSeconds);
}
