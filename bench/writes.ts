/** Durable creates of 3 kB over HTTP/2 and TLS, beside puts of the same size into a real etcd. */
import { startServer } from './lib/server-process.ts';
import { connect, inParallel, percentile } from './lib/connection.ts';
import { startEtcd } from './lib/etcd.ts';
import type { Figure } from './lib/report.ts';

const value = 'x'.repeat(3000);
const totals: Readonly<Record<number, number>> = { 1: 1500, 10: 8000, 100: 20_000 };

export async function run(): Promise<Figure[]> {
  const figures: Figure[] = [];
  const etcd = await startEtcd();
  const etcdRates = new Map<number, number>();
  if (etcd) {
    for (const clients of [1, 10, 100]) {
      const total = Math.ceil((totals[clients] as number) / 2);
      const { ms, latencies } = await inParallel(total, clients, (index) => etcd.put(`/bench/${clients}/${index}`, value));
      etcdRates.set(clients, (total * 1000) / ms);
      figures.push({ name: `raw etcd puts, ${clients} clients`, value: (total * 1000) / ms, unit: '/s', note: `p99 ${percentile(latencies, 99).toFixed(1)} ms` });
    }
  }
  for (const datastore of etcd ? ['sqlite', etcd.address] : ['sqlite']) {
    const server = await startServer({ nodes: 0, datastore });
    for (const clients of [1, 10, 100]) {
      const connections = Array.from({ length: Math.min(clients, 4) }, () => connect(server.kubeconfig));
      const total = datastore === 'sqlite' ? (totals[clients] as number) : Math.ceil((totals[clients] as number) / 2);
      const { ms, latencies } = await inParallel(total, clients, async (index) => {
        const body = JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: `c${clients}-${index}` }, data: { value } });
        const answer = await (connections[index % connections.length] as (typeof connections)[number]).request('POST', '/api/v1/namespaces/default/configmaps', body);
        if (answer.status !== 201) throw new Error(`create answered ${answer.status}: ${answer.text()}`);
      });
      for (const connection of connections) connection.close();
      const rate = (total * 1000) / ms;
      const raw = etcdRates.get(clients);
      const isEmbedded = datastore === 'sqlite';
      figures.push({
        name: `durable 3 kB creates, ${isEmbedded ? 'sqlite' : 'etcd'}, ${clients} clients`,
        value: rate,
        unit: '/s',
        ...(isEmbedded && clients === 100 ? { min: 10_000 } : {}),
        note: `p99 ${percentile(latencies, 99).toFixed(1)} ms${raw ? `; ${(rate / raw).toFixed(2)} x raw etcd` : ''}`,
      });
    }
    await server.stop();
  }
  await etcd?.stop();
  return figures;
}
