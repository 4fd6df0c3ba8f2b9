/**
 * What larger clusters need than can be started here: worked out from the last
 * kept results of `growth` and the costs below. Nothing is run but arithmetic
 * and the simulation of a queue; docs/scale.md says what it comes to.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from './lib/run.ts';
import type { BenchReport } from './report/bench-report.ts';
import { needOf, type ClusterSize, type UnitCosts } from './scale/cost-model.ts';
import { simulateThread, type Service } from './scale/thread-queue.ts';

const growthFile = join(import.meta.dirname, '../docs/results/growth.json');

/** What the API thread is asked while pods start, as `hot-writes.bench.ts` measures it; a pod's ten requests and the reads between. */
const services: readonly Service[] = [
  { ms: 0.012, share: 0.2 },
  { ms: 0.035, share: 0.5 },
  { ms: 0.07, share: 0.1 },
  { ms: 0.14, share: 0.1 },
  { ms: 0.2, share: 0.1 },
];
/** Scavenges of the API thread, and what it does of marking, as --trace-gc has them at 1000 nodes: 6 ms for each 60 ms of work. */
const pauses = { everyMs: 60, ms: 6 };
/** Requests of one simulation. */
const requests = 400_000;
const loads = [0.3, 0.5, 0.6, 0.7, 0.8, 0.85];
/** The objective of Kubernetes is a hundred times as much: what is left of it is for bursts. */
const p99MaxMs = 10;

const sizes: readonly ClusterSize[] = [
  { nodes: 1000, podsPerNode: 30, podsPerSecond: 100 },
  { nodes: 5000, podsPerNode: 30, podsPerSecond: 100 },
  { nodes: 10_000, podsPerNode: 30, podsPerSecond: 500 },
  { nodes: 50_000, podsPerNode: 30, podsPerSecond: 1000 },
  { nodes: 100_000, podsPerNode: 30, podsPerSecond: 1000 },
  { nodes: 100_000, podsPerNode: 30, podsPerSecond: 5000 },
];

export const scale: Bench = {
  title: 'What larger clusters need, worked out',
  async run(run) {
    const costs = costsOf(readGrowth());
    run.figure(
      { name: 'CPU for a pod', value: costs.podMs, unit: 'ms' },
      { name: 'CPU for a heartbeat', value: costs.heartbeatMs, unit: 'ms' },
      { name: 'memory for a node', value: costs.nodeMb * 1024, unit: 'kB' },
      { name: 'memory for a pod', value: costs.podMb * 1024, unit: 'kB' },
    );
    let apiThreadMax = 0;
    for (const load of loads) {
      const { p50, p99 } = simulateThread(services, pauses, load, requests, run.random);
      if (p99 <= p99MaxMs) apiThreadMax = Math.max(apiThreadMax, load);
      run.figure({ name: `API thread ${load * 100} % busy: p99`, value: p99, unit: 'ms', note: `p50 ${p50.toFixed(1)} ms; simulated` });
    }
    run.figure({ name: 'so an API thread may be busy', value: apiThreadMax * 100, unit: '%', note: `for a p99 of ${p99MaxMs} ms` });
    for (const size of sizes) {
      const need = needOf(costs, size, apiThreadMax);
      run.figure({
        name: `${size.nodes} nodes, ${size.nodes * size.podsPerNode} pods, ${size.podsPerSecond} pods/s: API servers`,
        value: need.servers ?? Infinity,
        unit: '',
        note: [
          `thread ${(need.apiThreadLoad * 100).toFixed(0)} % busy`,
          `${need.cores.toFixed(1)} cores in all`,
          `${need.serverGb.toFixed(1)} GB each`,
          `${need.heartbeatsPerSecond} heartbeats/s`,
          `${need.changesPerSecond} changes/s`,
          `store ${need.storeMbPerSecond.toFixed(1)} MB/s`,
          `scheduler and controllers ${need.brainsGb.toFixed(1)} GB, ${(need.brainsLoad * 100).toFixed(0)} % of a thread`,
        ].join(', '),
      });
    }
  },
};

function readGrowth(): BenchReport {
  const reports = JSON.parse(readFileSync(growthFile, 'utf8')) as BenchReport[];
  const [growth] = reports;
  if (!growth) throw new Error(`there is no result of growth in ${growthFile}`);
  return growth;
}

/** CPU as at the largest size, memory as it grows from the smallest to the largest. */
function costsOf({ series, settings }: BenchReport): UnitCosts {
  const line = (chart: string, name = '') => {
    const found = series.find((one) => one.chart === chart && one.name.includes(name));
    const [first, last] = [found?.points[0], found?.points.at(-1)];
    if (!first || !last) throw new Error(`the result of growth has no line "${chart}"`);
    return { first, last, slope: (last[1] - first[1]) / (last[0] - first[0]) };
  };
  const empty = line('Server memory', 'alone');
  const full = line('Server memory', 'pods');
  const podsPerNode = Number(settings['pods a node']);
  return {
    podMs: line('Server CPU for a pod started').last[1],
    heartbeatMs: line('Server CPU for a heartbeat').last[1],
    baseMb: Math.max(0, empty.first[1] - empty.slope * empty.first[0]),
    nodeMb: empty.slope,
    podMb: (full.slope - empty.slope) / podsPerNode,
    // Profiles of density: of the CPU of everything but the nodes.
    apiThreadShare: 0.45,
    // Objects of 2 to 5 kB without their writer's hint.
    fanInMs: 0.015,
    podBytes: 3 * 5000 + 5 * 1000,
    heartbeatBytes: 600,
    podChanges: 8,
    brainsPodMb: 0.005,
    brainsPodMs: 0.35,
  };
}
