import type { PodWatch } from './pod-watch.ts';
import type { Run } from './run.ts';
import { podStages } from './start-up.ts';

/** What the watch has seen of all pods of a run: their rates over time, and how long their starts took. */
export function reportPods(run: Run, watch: PodWatch): void {
  const pods = [...watch.pods.values()];
  run.rate('Pods a second', 'created', pods.map(({ seenAt }) => seenAt));
  run.rate('Pods a second', 'Running and Ready', pods.map(({ readyAt }) => readyAt).filter((at) => at !== undefined));
  run.rate('Pods a second', 'gone', pods.map(({ goneAt }) => goneAt).filter((at) => at !== undefined));
  const { total } = podStages(pods);
  const { summary } = run.distribution('Start-up of all pods of the run', 'from first seen to seen ready', 'ms', total);
  run.figure({ name: 'start-up of all pods, p99', value: summary.p99, unit: 'ms', note: `${summary.count} pods, p50 ${Math.round(summary.p50)} ms, max ${Math.round(summary.max)} ms` });
}
