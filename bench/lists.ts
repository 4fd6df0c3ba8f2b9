/** LIST of 30,000 pods of 4.8 kB (145 MB) over TLS: once, and ten at once with the growth of the server's memory. */
import { startServer } from './lib/server-process.ts';
import { connect } from './lib/connection.ts';
import { createPods, untilPodsCanBeMade } from './lib/pods.ts';
import type { Figure } from './lib/report.ts';

const count = 30_000;

export async function run(): Promise<Figure[]> {
  const server = await startServer({ nodes: 0, datastore: 'memory' });
  const connections = Array.from({ length: 10 }, () => connect(server.kubeconfig));
  const [first] = connections as [(typeof connections)[number]];
  await untilPodsCanBeMade(first);
  const creating = performance.now();
  await createPods(connections, count);
  const createdPerSecond = (count * 1000) / (performance.now() - creating);
  const list = async (connection: (typeof connections)[number]) => {
    const answer = await connection.request('GET', '/api/v1/pods');
    if (answer.bytes < 100e6) throw new Error(`a list of ${answer.bytes} bytes`);
  };
  const once: number[] = [];
  for (let i = 0; i < 5; i++) {
    const before = performance.now();
    await list(first);
    once.push(performance.now() - before);
  }
  const rssBefore = server.rss();
  let rssMost = rssBefore;
  const sampler = setInterval(() => (rssMost = Math.max(rssMost, server.rss())), 20);
  const before = performance.now();
  await Promise.all(connections.map(list));
  const tenMs = performance.now() - before;
  clearInterval(sampler);
  for (const connection of connections) connection.close();
  await server.stop();
  return [
    { name: 'pods of 4.8 kB created, memory store', value: createdPerSecond, unit: '/s' },
    { name: 'LIST of 30,000 pods, best of 5', value: Math.min(...once), unit: 'ms', max: 300, note: `worst ${Math.max(...once).toFixed(0)} ms` },
    { name: 'ten such LISTs at once', value: tenMs, unit: 'ms' },
    { name: 'memory growth during ten LISTs', value: (rssMost - rssBefore) / 1e6, unit: 'MB', max: 200 },
  ];
}
