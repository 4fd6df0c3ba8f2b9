/** GETs of one pod of 4.8 kB over four connections. */
import { startServer } from './lib/server-process.ts';
import { connect, inParallel, percentile } from './lib/connection.ts';
import { createPods, untilPodsCanBeMade } from './lib/pods.ts';
import type { Figure } from './lib/report.ts';

const total = 60_000;

export async function run(): Promise<Figure[]> {
  const server = await startServer({ nodes: 0, datastore: 'memory' });
  const connections = Array.from({ length: 4 }, () => connect(server.kubeconfig));
  const [first] = connections as [(typeof connections)[number]];
  await untilPodsCanBeMade(first);
  await createPods(connections, 100);
  const get = async (index: number) => {
    await (connections[index % 4] as (typeof connections)[number]).request('GET', `/api/v1/namespaces/default/pods/p-${String(index % 100).padStart(6, '0')}`);
  };
  await inParallel(5000, 64, get);
  const clientBefore = process.cpuUsage();
  const serverBefore = server.cpuMs();
  const { ms, latencies } = await inParallel(total, 64, get);
  const clientCpu = process.cpuUsage(clientBefore);
  const serverMs = server.cpuMs() - serverBefore;
  const alone = await inParallel(2000, 1, get);
  for (const connection of connections) connection.close();
  await server.stop();
  const clientMs = (clientCpu.user + clientCpu.system) / 1000;
  return [
    { name: 'GET of a pod, 64 at once', value: (total * 1000) / ms, unit: '/s', min: 15_000, note: `p99 ${percentile(latencies, 99).toFixed(1)} ms; the client used ${((100 * clientMs) / ms).toFixed(0)}% of a core, the server ${((100 * serverMs) / ms).toFixed(0)}%` },
    { name: 'server CPU a GET', value: (1000 * serverMs) / total, unit: 'us', note: 'the rate that one core could serve is a million divided by it' },
    { name: 'GET of a pod, one at a time, p99', value: percentile(alone.latencies, 99), unit: 'ms' },
  ];
}
