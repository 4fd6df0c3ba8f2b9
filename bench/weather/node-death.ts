/**
 * Some of the nodes die at once. Policy says when their pods are replaced:
 * after the grace period the nodes count as unreachable, they are tainted one
 * every ten seconds, and each pod stays as long as it tolerates that.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Api } from '../lib/api.ts';
import type { Measurement } from '../lib/measurement.ts';
import type { PodWatch } from '../lib/pod-watch.ts';
import type { Run } from '../lib/run.ts';
import { readyNodes } from '../target/fleet.ts';

/** Of upstream's controllers, by default: how long a silent node is believed, and how many are given up a second. */
const graceS = 50;
const evictionsPerS = 0.1;
export const tolerationS = 30;
/** Pods of the test say it for themselves; the default is five minutes. */
export const tolerations = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'].map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: tolerationS }));
/** Policy's time is met if it is not exceeded by more. */
const slackS = 60;
const lookMs = 1000;

export interface Death {
  /** Their names begin with it. */
  readonly prefix: string;
  readonly nodes: number;
  kill(): Promise<void>;
}

export async function nodeDeath(run: Run, measurement: Measurement, api: Api, watch: PodWatch, { prefix, nodes, kill }: Death): Promise<void> {
  const all = watch.totals.ready;
  const isDoomed = (node: string | undefined) => node?.startsWith(prefix) ?? false;
  const doomed = [...watch.pods.values()].filter(({ node, goneAt }) => goneAt === undefined && isDoomed(node)).length;
  const replaced = () => [...watch.pods.values()].filter(({ node, readyAt }) => readyAt !== undefined && readyAt > killedAt && !isDoomed(node)).length;
  const policyS = graceS + tolerationS + nodes / evictionsPerS;
  const killedAt = performance.now();
  const since = () => (performance.now() - killedAt) / 1000;
  let noticedS = 0;
  let firstS = 0;
  await measurement.phase('nodes die', 'pods replaced', doomed, async (progress) => {
    await kill();
    while (since() < policyS + slackS) {
      if (noticedS === 0 && (await readyNodes(api, prefix)) === 0) noticedS = since();
      const done = replaced();
      if (firstS === 0 && done > 0) firstS = since();
      progress.set(done);
      if (done >= doomed) break;
      await wait(lookMs);
    }
  });
  const doneS = since();
  const count = replaced();
  run.rate('Pods replaced a second after the nodes died', 'Ready', [...watch.pods.values()].map(({ readyAt, node }) => (isDoomed(node) ? undefined : readyAt)).filter((at) => at !== undefined && at > killedAt) as number[]);
  run.figure(
    { name: `${nodes} nodes died: all known to be unreachable`, value: noticedS, unit: 's', note: `the grace period is ${graceS} s` },
    { name: `${nodes} nodes died: the first pod replaced`, value: firstS, unit: 's', note: `pods tolerate ${tolerationS} s` },
    { name: `${nodes} nodes died: ${doomed} pods replaced`, value: doneS, unit: 's', target: { atMost: policyS + slackS }, note: `${count} are Ready elsewhere; policy: ${graceS} s and ${tolerationS} s, and a node every ${1 / evictionsPerS} s` },
    { name: `${nodes} nodes died: pods Ready at the end`, value: watch.totals.ready, unit: '', target: { atLeast: all } },
  );
}
