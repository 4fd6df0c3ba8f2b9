/**
 * From the start of the process until the API answers and the nodes are Ready,
 * with a fresh data directory, and what an idle cluster costs. Files and
 * compiled code are in their caches: the first start is not counted.
 */
import { isWanted } from './lib/options.ts';
import { summarize } from './lib/percentile.ts';
import { cpuMs, rssMb } from './lib/processes.ts';
import type { Bench, Run } from './lib/run.ts';
import { Usage } from './lib/usage.ts';
import type { Target } from './target/target.ts';

const starts = 5;
const idleS = 30;

export const startup: Bench = {
  title: 'Start-up and idle cost',
  async run(run) {
    const nodes = run.options.nodes ?? 3;
    run.settings({ nodes });
    if (isWanted(run.options, 'start')) await start(run, nodes);
    if (isWanted(run.options, 'idle')) await idle(run, nodes);
  },
};

async function start(run: Run, nodes: number): Promise<void> {
  const times: { api: number; nodes: number; cpu: number }[] = [];
  await run.phase('starts', 'starts', starts + 1, async (progress) => {
    for (let count = 0; count <= starts; count++) {
      const target = await run.start({ nodes });
      if (count > 0 && target.startMs) times.push({ ...target.startMs, cpu: serverCpuMs(target) });
      await target.stop();
      progress.add();
    }
  });
  if (times.length === 0) {
    run.note('The cluster was there already: its start was not measured.');
    return;
  }
  const figure = (name: string, of: (time: (typeof times)[number]) => number) => {
    const all = times.map(of);
    return { name: `${name}, median of ${all.length}`, value: summarize(all).p50, unit: 'ms', note: all.map(Math.round).join(', ') };
  };
  run.figure(
    { ...figure('start to API ready', ({ api }) => api), target: { atMost: 1000 } },
    figure(`start to ${nodes} nodes Ready`, (time) => time.nodes),
    figure('CPU of a start, all processes, until the nodes are Ready', ({ cpu }) => cpu),
  );
}

async function idle(run: Run, nodes: number): Promise<void> {
  const seconds = run.options.durationS ?? idleS;
  const target = await run.start({ nodes });
  try {
    const usage = new Usage(() => target.processes(), run.beganAt);
    await run.pass('settling', seconds);
    const memory = target.processes().reduce((sum, { pid }) => sum + rssMb(pid), 0);
    const before = serverCpuMs(target);
    await run.pass('idle', seconds);
    const share = ((serverCpuMs(target) - before) / (seconds * 1000)) * 100;
    run.figure(
      { name: `idle memory after ${seconds} s, all processes`, value: memory, unit: 'MB', target: { atMost: 150 } },
      { name: `idle CPU over ${seconds} s, all processes`, value: share, unit: '% of a core', target: { atMost: 2 } },
    );
    const found = usage.stop();
    run.usage(found.usage);
    run.series(...found.series);
  } finally {
    await target.stop();
  }
}

const serverCpuMs = (target: Target) => target.processes().reduce((sum, { pid }) => sum + cpuMs(pid), 0);
