/**
 * From POST of ReplicationControllers to all of their pods Running and Ready:
 * 100 hollow nodes, 30 pods each, while another client measures the API:
 * `node bench/density.ts [--only one|load]`. The second shape is the mix of
 * sizes of Kubernetes' own load test: 3 of 250, 25 of 30, 300 of 5.
 */
import { Worker } from 'node:worker_threads';
import { isWanted, runAlone, type Bench, type BenchOptions, type Report } from './lib/bench.ts';
import { cpuNote } from './lib/figure.ts';
import { replicationController } from './lib/objects.ts';
import { rssMb, watchCpu } from './lib/processes.ts';
import { Api, openTarget } from './lib/target.ts';
import type { ProbeLatency, ProbeResult } from './lib/probe.ts';

const nodes = 100;
const shapes: Readonly<Record<string, readonly number[]>> = {
  one: [3000],
  load: [...Array<number>(3).fill(250), ...Array<number>(25).fill(30), ...Array<number>(300).fill(5)],
};

export const density: Bench = async (options, report) => {
  for (const [name, sizes] of Object.entries(shapes)) if (isWanted(options, name)) await measure(options, report, name, sizes);
};

async function measure(options: BenchOptions, report: Report, name: string, sizes: readonly number[]): Promise<void> {
  const target = await openTarget(options, { nodes });
  const api = await Api.open(target.config);
  const pods = sizes.reduce((sum, size) => sum + size, 0);
  try {
    const running = new RunningPods(pods);
    await running.watch(api);
    const probe = startProbe(options.kubeconfig ?? target.config);
    await probe.warm;
    const cpu = watchCpu(target.pid);
    const beganAt = performance.now();
    await Promise.all(sizes.map((size, index) => api.call('POST', '/api/v1/namespaces/default/replicationcontrollers', replicationController(`rc-${index}`, size))));
    await running.all;
    const seconds = (performance.now() - beganAt) / 1000;
    const note = cpuNote(cpu.stop());
    const latency = await probe.stop();
    const shape = `${pods} pods of ${sizes.length} RC${sizes.length === 1 ? '' : 's'} on ${nodes} nodes`;
    report({ name: `${shape}, created to Running and Ready`, value: seconds, unit: 's', target: { atMost: 6 }, note: `ready after each second: ${running.perSecond(beganAt).join(' ')}; ${note}` });
    report({ name: `  ${name}: pods a second`, value: pods / seconds, unit: '/s' });
    report({ name: `  ${name}: API p99 meanwhile`, value: latency.all.p99Ms, unit: 'ms', target: { atMost: 20 }, note: `another client's ${latency.all.count} requests: GETs ${words(latency.get)}; small updates ${words(latency.update)}` });
    if (target.pid) report({ name: `  ${name}: server's RSS at the end`, value: rssMb(target.pid), unit: 'MB' });
  } finally {
    api.close();
    await target.stop();
  }
}

const words = ({ p50Ms, p99Ms, maxMs }: ProbeLatency) => `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(0)} ms, max ${maxMs.toFixed(0)} ms`;

interface SeenPod {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly phase?: string; readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** A watch of the pods, as a client has it. */
class RunningPods {
  readonly all: Promise<void>;
  readonly #wanted: number;
  readonly #readyAt = new Map<string, number>();
  #done: () => void = () => {};
  #rest = '';

  constructor(wanted: number) {
    this.#wanted = wanted;
    this.all = new Promise((resolve) => (this.#done = resolve));
  }

  async watch(api: Api): Promise<void> {
    const list = JSON.parse((await api.call('GET', '/api/v1/pods?limit=1')).toString()) as { metadata: { resourceVersion: string } };
    const head = api.head('GET', `/api/v1/pods?watch=true&labelSelector=bench%3Ddensity&resourceVersion=${list.metadata.resourceVersion}`);
    api.connection.send(head, undefined, { onData: (chunk) => this.#read(chunk), onEnd: () => {}, onError: () => {} });
  }

  /** How many were ready one second after the start, two, and so on. */
  perSecond(beganAt: number): number[] {
    const counts: number[] = [];
    const times = [...this.#readyAt.values()].sort((a, b) => a - b);
    for (const [index, at] of times.entries()) counts[Math.floor((at - beganAt) / 1000)] = index + 1;
    let last = 0;
    return Array.from(counts, (count) => (last = count ?? last));
  }

  #read(chunk: Buffer): void {
    const lines = (this.#rest + chunk.toString('latin1')).split('\n');
    this.#rest = lines.pop() as string;
    for (const line of lines) {
      // Most events are of pods on their way: no need to parse them.
      if (!line.includes('"phase":"Running"')) continue;
      const { object } = JSON.parse(line) as { object: SeenPod };
      const isReady = object.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
      if (isReady && !this.#readyAt.has(object.metadata.name)) this.#readyAt.set(object.metadata.name, performance.now());
    }
    if (this.#readyAt.size >= this.#wanted) this.#done();
  }
}

function startProbe(config: unknown): { readonly warm: Promise<void>; stop(): Promise<ProbeResult> } {
  const worker = new Worker(new URL('./lib/probe.ts', import.meta.url), { workerData: config });
  // An error at any time counts: one that nobody waited for would leave the benchmark waiting for ever.
  const failed = new Promise<never>((_, reject) => worker.once('error', reject));
  failed.catch(() => {});
  const message = () => Promise.race([failed, new Promise<unknown>((resolve) => worker.once('message', resolve))]);
  return {
    warm: message() as Promise<void>,
    async stop() {
      const result = message();
      worker.postMessage('stop');
      return (await result) as ProbeResult;
    },
  };
}

await runAlone(import.meta.main, density);
