/** From the start of the process to the API and to Ready nodes; memory and CPU of a cluster that nobody uses. */
import { startServer } from './lib/server-process.ts';
import { percentile } from './lib/connection.ts';
import type { Figure } from './lib/report.ts';

const runs = 5;
const idleMs = 20_000;

export async function run(): Promise<Figure[]> {
  const api: number[] = [];
  const nodes: number[] = [];
  for (let i = 0; i < runs; i++) {
    const server = await startServer({ nodes: 3 });
    api.push(server.apiReadyMs);
    nodes.push(server.nodesReadyMs);
    await server.stop();
  }
  const server = await startServer({ nodes: 3 });
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const before = server.cpuMs();
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  const cpu = (100 * (server.cpuMs() - before)) / idleMs;
  const rss = server.rss() / 1e6;
  await server.stop();
  return [
    { name: 'process start to API ready, median of 5', value: percentile(api, 50), unit: 'ms', max: 1000 },
    { name: 'process start to 3 nodes Ready, median of 5', value: percentile(nodes, 50), unit: 'ms' },
    { name: 'idle resident memory, 3 nodes', value: rss, unit: 'MB', max: 150 },
    { name: 'idle CPU, 3 nodes', value: cpu, unit: '% of a core', max: 2 },
  ];
}
