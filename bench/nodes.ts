/**
 * What hollow nodes cost: from the start of the process until all are Ready, and
 * at rest, when each renews its Lease every 10 s over a watch of its own. In the
 * cluster's process, and as a process of their own over HTTP/2:
 * `node bench/nodes.ts [--only 1000|5000|remote]`. A node's memory is what all
 * processes, the server's included, hold beyond those of a cluster and a fleet
 * without nodes.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { isWanted, runAlone, type Bench, type BenchOptions, type Report } from './lib/bench.ts';
import { cpuMs, rssMb } from './lib/processes.ts';
import { openTarget } from './lib/target.ts';

const command = join(import.meta.dirname, '../bin/coxswain.js');
const counts: readonly (readonly [nodes: number, secondsMax: number])[] = [[1000, 15], [5000, 60]];
const nodeKbMax = 250;
/** Until the controllers have had their look at the new nodes. */
const settleMs = 15_000;
const restMs = 30_000;

export const nodes: Bench = async (options, report) => {
  const bare = await bareMb(options);
  for (const [count, secondsMax] of counts) if (isWanted(options, String(count))) await within(options, report, count, secondsMax, bare.clusterMb);
  for (const [count, secondsMax] of counts) if (isWanted(options, `remote ${count}`)) await remote(options, report, count, secondsMax, bare.clusterMb + bare.fleetMb);
};

async function bareMb(options: BenchOptions): Promise<{ clusterMb: number; fleetMb: number }> {
  await using target = await disposable(options, 0);
  await using fleet = await startFleet(target.kubeconfig, 1);
  await wait(settleMs);
  return { clusterMb: target.pid ? rssMb(target.pid) : 0, fleetMb: rssMb(fleet.pid) };
}

async function within(options: BenchOptions, report: Report, count: number, secondsMax: number, emptyMb: number): Promise<void> {
  await using target = await disposable(options, count);
  report({ name: `${count} nodes in the cluster's process, start to all Ready`, value: target.nodesReadyMs / 1000, unit: 's', target: { atMost: secondsMax } });
  await reportRest(report, count, target.pid ? [target.pid] : [], emptyMb);
}

async function remote(options: BenchOptions, report: Report, count: number, secondsMax: number, emptyMb: number): Promise<void> {
  await using target = await disposable(options, 0);
  const beganAt = performance.now();
  await using fleet = await startFleet(target.kubeconfig, count);
  report({ name: `${count} nodes in a process of their own, start to all registered`, value: (performance.now() - beganAt) / 1000, unit: 's', target: { atMost: secondsMax } });
  await reportRest(report, count, target.pid ? [target.pid, fleet.pid] : [fleet.pid], emptyMb);
}

async function disposable(options: BenchOptions, count: number) {
  const target = await openTarget(options, { nodes: count });
  return { ...target, [Symbol.asyncDispose]: () => target.stop() };
}

/** Resolves when all of its nodes are registered. */
async function startFleet(kubeconfig: string, count: number): Promise<AsyncDisposable & { readonly pid: number }> {
  const fleet = spawn(process.execPath, [command, 'hollow', '--kubeconfig', kubeconfig, '--nodes', String(count), '--log-level', 'warn'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise<void>((resolve) => fleet.once('exit', () => resolve()));
  const stop = () => {
    fleet.kill('SIGTERM');
    return gone;
  };
  await new Promise<void>((resolve, reject) => {
    fleet.stdout.once('data', () => resolve());
    fleet.once('exit', (code) => reject(new Error(`the hollow nodes ended (exit code ${code})`)));
  });
  return { pid: fleet.pid as number, [Symbol.asyncDispose]: stop };
}

async function reportRest(report: Report, count: number, pids: readonly number[], emptyMb: number): Promise<void> {
  await wait(settleMs);
  const before = pids.map(cpuMs);
  await wait(restMs);
  const shares = pids.map((pid, index) => ((cpuMs(pid) - (before[index] as number)) / restMs) * 100);
  const sizes = pids.map(rssMb);
  const kb = ((sum(sizes) - emptyMb) * 1024) / count;
  report({ name: `  memory of a node`, value: kb, unit: 'kB', target: { atMost: nodeKbMax }, note: `RSS ${sizes.map((mb) => `${mb.toFixed(0)} MB`).join(' + ')}, bare ${emptyMb.toFixed(0)} MB` });
  report({ name: `  CPU at rest, ${count} nodes`, value: sum(shares), unit: '% of a core', note: shares.map((share) => `${share.toFixed(1)}%`).join(' + ') });
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

await runAlone(import.meta.main, nodes);
