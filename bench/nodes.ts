/**
 * What hollow nodes cost: from the start until all are Ready, and at rest, when
 * each renews its Lease every 10 s over a watch of its own. In the cluster's
 * process, and as a process of their own over HTTP/2. A node's memory is what
 * all processes, the server's included, hold beyond those of a cluster with one
 * node.
 */
import { isWanted } from './lib/options.ts';
import { cpuMs, rssMb } from './lib/processes.ts';
import type { Bench, Run } from './lib/run.ts';
import type { ClusterShape } from './target/target.ts';

const counts: readonly (readonly [nodes: number, secondsMax: number])[] = [[1000, 15], [5000, 60]];
const nodeKbMax = 250;
/** Until the controllers have had their look at the new nodes. */
const settleS = 15;
const restS = 30;

export const nodes: Bench = {
  title: 'Hollow nodes',
  async run(run) {
    const wanted = run.options.nodes === undefined ? counts : ([[run.options.nodes, 60]] as const);
    const inside = (count: number): ClusterShape => ({ nodes: count });
    const beside = (count: number): ClusterShape => ({ nodes: count, fleets: [{ prefix: 'hollow-', nodes: count }] });
    for (const [place, shape] of [['in the cluster’s process', inside], ['in a process of their own', beside]] as const) {
      if (!isWanted(run.options, place)) continue;
      const bareMb = await measureBare(run, place, shape(1));
      for (const [count, secondsMax] of wanted) await measure(run, `${count} nodes ${place}`, shape(count), secondsMax, bareMb);
    }
  },
};

async function measureBare(run: Run, place: string, shape: ClusterShape): Promise<number> {
  const target = await run.start(shape);
  try {
    await run.pass(`one node ${place}`, settleS);
    return sum(target.processes().map(({ pid }) => rssMb(pid)));
  } finally {
    await target.stop();
  }
}

async function measure(run: Run, name: string, shape: ClusterShape, secondsMax: number, bareMb: number): Promise<void> {
  const target = await run.phase(`${name}: start`, 'clusters', 1, () => run.start(shape));
  try {
    if (target.startMs) run.figure({ name: `${name}: start to all Ready`, value: target.startMs.nodes / 1000, unit: 's', target: { atMost: secondsMax } });
    await run.pass(`${name}: settling`, settleS);
    const processes = target.processes();
    const before = processes.map(({ pid }) => cpuMs(pid));
    await run.pass(`${name}: at rest`, restS);
    const shares = processes.map(({ pid }, index) => ((cpuMs(pid) - (before[index] as number)) / (restS * 1000)) * 100);
    const sizes = processes.map(({ pid }) => rssMb(pid));
    const parts = (values: readonly number[], unit: string) => processes.map(({ name: process }, index) => `${process} ${(values[index] as number).toFixed(1)} ${unit}`).join(', ');
    run.figure(
      { name: `${name}: memory of a node`, value: ((sum(sizes) - bareMb) * 1024) / shape.nodes, unit: 'kB', target: { atMost: nodeKbMax }, note: `${parts(sizes, 'MB')}; with one node ${bareMb.toFixed(0)} MB` },
      { name: `${name}: CPU at rest`, value: sum(shares), unit: '% of a core', note: parts(shares, '%') },
    );
  } finally {
    await target.stop();
  }
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
