/**
 * What is measured beside every load: the API's latencies, by a probe of our
 * own and by the server's own histogram, and CPU and memory of all processes.
 */
import { Worker } from 'node:worker_threads';
import type { Target } from '../target/target.ts';
import { Api } from './api.ts';
import { ApiLatency, type LatencyRow } from './latency.ts';
import { createNamespace, deleteNamespace } from './namespaces.ts';
import type { PhaseProgress } from './progress.ts';
import type { ProbeResult, ProbeStart } from './probe.ts';
import type { Run } from './run.ts';
import { ServerLatency } from './server-latency.ts';
import { apiVerdicts } from './slo.ts';
import { Usage } from './usage.ts';

export interface MeasurementResult {
  readonly probe: ProbeResult;
  readonly server: readonly LatencyRow[];
}

export class Measurement {
  readonly usage: Usage;
  /** Of calls that the load client makes with it. */
  readonly loadLatency = new ApiLatency();
  readonly #run: Run;
  readonly #api: Api;
  readonly #namespace: string;
  readonly #probe: Probe;
  readonly #server: ServerLatency;

  private constructor(run: Run, target: Target, api: Api, namespace: string, probe: Probe, server: ServerLatency) {
    this.#run = run;
    this.#api = api;
    this.#namespace = namespace;
    this.#probe = probe;
    this.#server = server;
    this.usage = new Usage(() => target.processes(), run.beganAt);
  }

  static async open(run: Run, target: Target): Promise<Measurement> {
    const api = await Api.open(target.config);
    run.measured(await systemName(run, api));
    const namespace = await createNamespace(api, 'bench-probe');
    const start: ProbeStart = { config: target.config, namespace, originMs: performance.timeOrigin + run.beganAt };
    const probe = new Probe(start);
    await probe.answer();
    return new Measurement(run, target, api, namespace, probe, await ServerLatency.open(api));
  }

  /** A phase of the run, with the API's latencies in it. */
  async phase<T>(name: string, unit: string, total: number | undefined, work: (progress: PhaseProgress) => Promise<T>): Promise<T> {
    await this.#takePart();
    const result = await this.#run.phase(name, unit, total, work);
    const { probe, server } = await this.#takePart();
    this.#run.latency({ source: 'probe', phase: name, rows: probe }, { source: 'server', phase: name, rows: server });
    return result;
  }

  /** Reports it all, and whether the API kept its objectives. */
  async finish(): Promise<MeasurementResult> {
    const run = this.#run;
    const probe = (await this.#probe.ask('stop')) as ProbeResult;
    const server = await this.#server.stop();
    const { usage, series } = this.usage.stop();
    run.usage(usage);
    run.series(
      ...series,
      { chart: 'API latency of single-object calls', name: 'p50', unit: 'ms', points: probe.timeline.map(({ seconds, p50 }) => [seconds, p50]) },
      { chart: 'API latency of single-object calls', name: 'p99', unit: 'ms', points: probe.timeline.map(({ seconds, p99 }) => [seconds, p99]) },
    );
    run.latency({ source: 'probe', rows: probe.rows }, { source: 'load client', rows: this.loadLatency.rows() }, { source: 'server', rows: server });
    run.figure(...apiVerdicts(probe.rows, 'probe'), ...apiVerdicts(server, 'server'));
    if (probe.failed > 0) run.note(`${probe.failed} of the probe's ${probe.answered + probe.failed} calls were not answered, or by an error of the server's.`);
    await deleteNamespace(this.#api, this.#namespace);
    this.#api.close();
    return { probe, server };
  }

  async #takePart(): Promise<{ probe: LatencyRow[]; server: LatencyRow[] }> {
    const probe = (await this.#probe.ask('part')) as LatencyRow[];
    return { probe, server: await this.#server.takePart() };
  }
}

/** The probe's thread. An error at any time counts: one that nobody waited for would leave the run waiting for ever. */
class Probe {
  readonly #worker: Worker;
  readonly #failed: Promise<never>;

  constructor(start: ProbeStart) {
    this.#worker = new Worker(new URL('./probe.ts', import.meta.url), { workerData: start, name: 'probe' });
    this.#failed = new Promise((_, reject) => this.#worker.once('error', reject));
    this.#failed.catch(() => {});
  }

  /** What it says next. */
  answer(): Promise<unknown> {
    return Promise.race([this.#failed, new Promise((resolve) => this.#worker.once('message', resolve))]);
  }

  ask(question: 'part' | 'stop'): Promise<unknown> {
    const answer = this.answer();
    this.#worker.postMessage(question);
    return answer;
  }
}

/** `Coxswain v1.36.0` */
export async function systemName(run: Run, api: Api): Promise<string> {
  const { gitVersion } = await api.json<{ gitVersion: string }>('GET', '/version');
  return `${run.system.name} ${gitVersion}`;
}
