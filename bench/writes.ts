/**
 * Durable creates a second of ConfigMaps of 3 kB, through TLS and the whole
 * write path: `node bench/writes.ts [--only sqlite|etcd]`. Beside them raw etcd
 * puts through grpc-js of the same size, in the same run.
 */
import { isWanted, runAlone, type Bench, type BenchOptions, type Report } from './lib/bench.ts';
import { putsPerSecond } from './lib/etcd-puts.ts';
import { cpuNote, type Target } from './lib/figure.ts';
import { H2Connection } from './lib/h2-connection.ts';
import { latencyNote, runLoad } from './lib/load.ts';
import { configMap } from './lib/objects.ts';
import { watchCpu } from './lib/processes.ts';
import { Api, openTarget } from './lib/target.ts';
import { startEtcd, withoutEtcd } from '../src/storage/etcd/etcd-process.ts';

const bodyBytes = 2900;
const durationMs = 5000;
const warmUpMs = 3000;

interface Load {
  readonly clients: number;
  readonly connections: number;
}

const loads: readonly Load[] = [
  { clients: 1, connections: 1 },
  { clients: 10, connections: 10 },
  { clients: 100, connections: 4 },
  { clients: 100, connections: 100 },
];

export const writes: Bench = async (options, report) => {
  if (isWanted(options, 'sqlite')) await measure(options, report, 'sqlite', 'sqlite', () => Promise.resolve(undefined));
  if (options.kubeconfig || !isWanted(options, 'etcd') || withoutEtcd) return;
  const etcd = await startEtcd();
  const endpoint = etcd.endpoints[0] as string;
  try {
    await measure(options, report, 'etcd', endpoint, (clients) => putsPerSecond(endpoint, clients, 3000, durationMs));
  } finally {
    await etcd.stop();
  }
};

async function measure(options: BenchOptions, report: Report, name: string, datastore: string, peer: (clients: number) => Promise<number | undefined>): Promise<void> {
  const target = await openTarget(options, { nodes: 0, datastore });
  const api = await Api.open(target.config);
  const head = api.head('POST', '/api/v1/namespaces/default/configmaps');
  // Other runs against the same server must not meet these names.
  const prefix = `w${process.pid.toString(36)}-`;
  let names = 0;
  const next = () => ({ head, body: Buffer.from(JSON.stringify(configMap(`${prefix}${names++}`, bodyBytes))) });
  try {
    await runLoad({ connections: [api.connection], clients: 50, durationMs: warmUpMs, next, expectedStatus: 201 });
    for (const { clients, connections: count } of loads) {
      const connections = await Promise.all(Array.from({ length: count }, () => H2Connection.open(target.config)));
      const cpu = watchCpu(target.pid);
      const { perSecond, latency } = await runLoad({ connections, clients, durationMs, next, expectedStatus: 201 });
      const spent = cpu.stop();
      for (const connection of connections) connection.close();
      const raw = await peer(clients);
      const against = raw ? `, raw etcd puts ${Math.round(raw)}/s (ratio ${(perSecond / raw).toFixed(2)})` : '';
      const bound: { target?: Target } = name === 'sqlite' && clients === 100 ? { target: { atLeast: 10_000 } } : {};
      report({
        name: `durable creates, ${options.kubeconfig ? 'given server' : name}, ${clients} client${clients === 1 ? '' : 's'}, ${count} connection${count === 1 ? '' : 's'}`,
        value: perSecond,
        unit: '/s',
        ...bound,
        note: `${latencyNote(latency)}; ${cpuNote(spent)}${against}`,
      });
    }
  } finally {
    api.close();
    await target.stop();
  }
}

await runAlone(import.meta.main, writes);
