/** GET of one object of 4 kB: `node bench/reads.ts`. */
import { runAlone, type Bench } from './lib/bench.ts';
import { cpuNote } from './lib/figure.ts';
import { H2Connection } from './lib/h2-connection.ts';
import { latencyNote, percentileMs, runLoad } from './lib/load.ts';
import { configMap } from './lib/objects.ts';
import { watchCpu } from './lib/processes.ts';
import { Api, openTarget } from './lib/target.ts';

const durationMs = 5000;
const path = '/api/v1/namespaces/default/configmaps/read-me';

export const reads: Bench = async (options, report) => {
  const target = await openTarget(options, { nodes: 0 });
  const api = await Api.open(target.config);
  try {
    await api.call('POST', '/api/v1/namespaces/default/configmaps', configMap('read-me', 3700));
    const bytes = (await api.call('GET', path)).length;
    const request = { head: api.head('GET', path) };
    const load = (connections: readonly H2Connection[], clients: number, forMs: number) =>
      runLoad({ connections, clients, durationMs: forMs, next: () => request, expectedStatus: 200 });
    await load([api.connection], 50, 3000);
    for (const [clients, count] of [[100, 4], [100, 100]] as const) {
      const connections = await Promise.all(Array.from({ length: count }, () => H2Connection.open(target.config)));
      const cpu = watchCpu(target.pid);
      const { perSecond, latency } = await load(connections, clients, durationMs);
      report({
        name: `GET of ${bytes} bytes, ${clients} clients, ${count} connections`,
        value: perSecond,
        unit: '/s',
        target: { atLeast: 15_000 },
        note: `${latencyNote(latency)}; ${cpuNote(cpu.stop())}`,
      });
      for (const connection of connections) connection.close();
    }
    const { latency } = await load([api.connection], 1, durationMs);
    report({ name: 'GET latency, 1 client, p50', value: percentileMs(latency, 50), unit: 'ms' });
    report({ name: 'GET latency, 1 client, p99', value: percentileMs(latency, 99), unit: 'ms' });
    await api.call('DELETE', path);
  } finally {
    api.close();
    await target.stop();
  }
};

await runAlone(import.meta.main, reads);
