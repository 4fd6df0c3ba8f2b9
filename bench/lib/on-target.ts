/** What benchmarks of the API server alone have in common: a target without nodes, a namespace in it, and what its processes use meanwhile. */
import { Api } from './api.ts';
import { latencyNote, openConnections, runLoad, type LoadOptions } from './closed-loop.ts';
import { systemName } from './measurement.ts';
import { createNamespace, deleteNamespace } from './namespaces.ts';
import type { Run } from './run.ts';
import { startTarget } from './start-target.ts';
import { Usage } from './usage.ts';

export interface OnTarget {
  readonly run: Run;
  readonly api: Api;
  readonly usage: Usage;
  readonly namespace: string;
}

/** Runs `work` against a target of its own, in a namespace of its own. */
export async function onTarget(run: Run, name: string, work: (on: OnTarget) => Promise<void>): Promise<void> {
  const target = await startTarget(run, { nodes: 0 });
  const api = await Api.open(target.config);
  try {
    run.measured(await systemName(run, api));
    const usage = new Usage(() => target.processes(), run.beganAt);
    const namespace = await createNamespace(api, name);
    await work({ run, api, usage, namespace });
    await deleteNamespace(api, namespace);
    const found = usage.stop();
    run.usage(found.usage);
    run.series(...found.series);
  } finally {
    api.close();
    await target.stop();
  }
}

export interface RateOptions extends Pick<LoadOptions, 'next' | 'expectedStatus'> {
  /** What is counted: in the names of figures, and as the unit of phases. */
  readonly figure: string;
  readonly unit: string;
  readonly chart: string;
  readonly seconds: number;
  readonly loads: readonly { readonly clients: number; readonly connections: number }[];
  /** A second, where there are 100 clients. */
  readonly atLeast: number;
}

const warmUpMs = 3000;
const warmUpClients = 50;

/** As many requests a second as the target answers, for each number of clients and connections. */
export async function measureRates({ run, api, usage }: OnTarget, { figure, unit, chart, seconds, loads, atLeast, next, expectedStatus }: RateOptions): Promise<void> {
  await runLoad({ connections: [await api.connection()], clients: warmUpClients, durationMs: warmUpMs, next, expectedStatus });
  for (const { clients, connections: count } of loads)
    await run.phase(`${clients} clients, ${count} connections`, unit, undefined, async (progress) => {
      const connections = await openConnections(api.config, count);
      const cpu = usage.stretch();
      const { perSecond, latency, count: done } = await runLoad({ connections, clients, durationMs: seconds * 1000, next, expectedStatus });
      progress.set(done);
      const bound = clients === 100 ? { target: { atLeast } } : {};
      run.figure({ name: `${figure}, ${clients} clients, ${count} connections`, value: perSecond, unit: '/s', chart, ...bound, note: `${latencyNote(latency)}; ${cpu()}` });
      for (const connection of connections) connection.close();
    });
}
