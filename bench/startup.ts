/**
 * From the start of the process until the API answers and the nodes are Ready,
 * with a fresh data directory, and what an idle cluster costs:
 * `node bench/startup.ts [--only start|idle]`. The file cache is warm, and so
 * is the cache of compiled code: the first run is not counted.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { isWanted, runAlone, type Bench, type BenchOptions } from './lib/bench.ts';
import { cpuMs, rssMb } from './lib/processes.ts';
import { openTarget } from './lib/target.ts';

const runs = 5;
const idleMs = 30_000;
const nodes = 3;

export const startup: Bench = async (options, report) => {
  if (isWanted(options, 'start')) {
    await startOnce(options);
    const times: Start[] = [];
    for (let run = 0; run < runs; run++) times.push(await startOnce(options));
    const median = (field: keyof Start) => times.map((start) => start[field]).sort((a, b) => a - b)[runs >> 1] as number;
    const all = (field: keyof Start) => times.map((start) => Math.round(start[field])).join(', ');
    report({ name: `start to API ready, median of ${runs}`, value: median('apiMs'), unit: 'ms', target: { atMost: 1000 }, note: all('apiMs') });
    report({ name: `start to ${nodes} nodes Ready, median of ${runs}`, value: median('nodesMs'), unit: 'ms', note: all('nodesMs') });
    report({ name: 'CPU of a start', value: median('cpuMs'), unit: 'ms', note: 'all threads, until the nodes are Ready' });
  }
  if (!isWanted(options, 'idle')) return;
  const target = await openTarget(options, { nodes });
  try {
    if (!target.pid) return;
    await wait(idleMs);
    report({ name: `idle RSS after ${idleMs / 1000} s, ${nodes} nodes`, value: rssMb(target.pid), unit: 'MB', target: { atMost: 150 } });
    const before = cpuMs(target.pid);
    await wait(idleMs);
    const share = ((cpuMs(target.pid) - before) / idleMs) * 100;
    report({ name: `idle CPU over ${idleMs / 1000} s, ${nodes} nodes`, value: share, unit: '% of a core', target: { atMost: 2 } });
  } finally {
    await target.stop();
  }
};

interface Start {
  readonly apiMs: number;
  readonly nodesMs: number;
  readonly cpuMs: number;
}

/** What the process says of itself counts from its start; that the nodes are Ready is also seen from here. */
async function startOnce(options: BenchOptions): Promise<Start> {
  const beganAt = performance.now();
  const target = await openTarget({ ...options, kubeconfig: undefined }, { nodes });
  const start = { apiMs: target.apiReadyMs, nodesMs: performance.now() - beganAt, cpuMs: target.pid ? cpuMs(target.pid) : 0 };
  await target.stop();
  return start;
}

await runAlone(import.meta.main, startup);
