/**
 * Upstream's kube-scheduler as a judge: it schedules the pods of an API server,
 * and its log (at verbosity 10) tells what each node scored with each plugin.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { findExecutable } from '../../bench/target/executables.ts';

const executable = findExecutable('kube-scheduler');

/** Why there is no judge, or undefined where there is one. */
export const withoutUpstream: string | undefined = executable ? undefined : 'no kube-scheduler of Kubernetes v1.36 in PATH';

/** Weighted and normalized, by plugin and node. */
export type Scores = ReadonlyMap<string, ReadonlyMap<string, number>>;

const line = /"Plugin scored node for pod" pod="[^"/]*\/([^"]*)" plugin="([^"]*)" node="([^"]*)" score=(-?\d+)/;

export class UpstreamScheduler {
  readonly #scores = new Map<string, Map<string, Map<string, number>>>();
  readonly #process;

  constructor(kubeconfig: string, directory: string) {
    const config = join(directory, 'kube-scheduler.yaml');
    writeFileSync(
      config,
      JSON.stringify({
        apiVersion: 'kubescheduler.config.k8s.io/v1',
        kind: 'KubeSchedulerConfiguration',
        clientConnection: { kubeconfig, qps: 1000, burst: 1000 },
        leaderElection: { leaderElect: false },
      }),
    );
    this.#process = spawn(executable ?? '', [`--config=${config}`, '--secure-port=0', '-v=10'], { stdio: ['ignore', 'ignore', 'pipe'] });
    createInterface({ input: this.#process.stderr }).on('line', (text) => this.#read(text));
  }

  /** Empty where only one node came into question, which is then not scored. */
  scoresOf(pod: string): Scores {
    return this.#scores.get(pod) ?? new Map();
  }

  async stop(): Promise<void> {
    const gone = once(this.#process, 'exit');
    this.#process.kill();
    await gone;
  }

  #read(text: string): void {
    const match = line.exec(text);
    if (!match) return;
    const [, pod = '', plugin = '', node = '', score] = match;
    const ofPod = this.#scores.get(pod) ?? new Map<string, Map<string, number>>();
    this.#scores.set(pod, ofPod);
    ofPod.set(plugin, (ofPod.get(plugin) ?? new Map<string, number>()).set(node, Number(score)));
  }
}
