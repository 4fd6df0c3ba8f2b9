/** ReplicationControllers until all their pods run: 100 hollow nodes, 30 pods each, durable store. */
import { startServer } from './lib/server-process.ts';
import { connect, percentile } from './lib/connection.ts';
import { untilPodsCanBeMade } from './lib/pods.ts';
import type { Figure } from './lib/report.ts';

const nodes = 100;
const pods = 3000;
const controllers = 12;
const limitMs = 120_000;

function controllerBody(name: string, replicas: number): string {
  const container = { name: 'c', image: 'registry.k8s.io/pause:3.10', resources: { requests: { cpu: '10m', memory: '25Mi' } } };
  return JSON.stringify({
    kind: 'ReplicationController',
    apiVersion: 'v1',
    metadata: { name },
    spec: { replicas, selector: { name }, template: { metadata: { labels: { name } }, spec: { containers: [container] } } },
  });
}

export async function run(): Promise<Figure[]> {
  const server = await startServer({ nodes });
  const connection = connect(server.kubeconfig);
  await untilPodsCanBeMade(connection);
  const path = '/api/v1/namespaces/default/replicationcontrollers';
  const started = performance.now();
  for (let i = 0; i < controllers; i++) await connection.request('POST', path, controllerBody(`rc-${i}`, pods / controllers));
  const reads: number[] = [];
  const writes: number[] = [];
  let ready = 0;
  const timed = async (into: number[], method: string, target: string, body?: string, headers?: Record<string, string>) => {
    const before = performance.now();
    const answer = await connection.request(method, target, body, headers);
    into.push(performance.now() - before);
    return answer;
  };
  while (ready < pods && performance.now() - started < limitMs) {
    const { items } = JSON.parse((await connection.request('GET', path)).text()) as { items: { status?: { readyReplicas?: number } }[] };
    ready = items.reduce((sum, { status }) => sum + (status?.readyReplicas ?? 0), 0);
    for (let i = 0; i < 10; i++) {
      await timed(reads, 'GET', `${path}/rc-0`);
      const patch = JSON.stringify({ metadata: { annotations: { probe: String(reads.length) } } });
      await timed(writes, 'PATCH', '/api/v1/namespaces/default', patch, { 'content-type': 'application/merge-patch+json' });
    }
  }
  const seconds = (performance.now() - started) / 1000;
  const rss = server.rss() / 1e6;
  connection.close();
  await server.stop();
  return [
    { name: '3000 pods on 100 hollow nodes, RC create to all Ready', value: seconds, unit: 's', max: 6, note: ready < pods ? `only ${ready} were Ready` : `${(pods / seconds).toFixed(0)} pods/s` },
    { name: 'single GET meanwhile, p99', value: percentile(reads, 99), unit: 'ms', max: 20, note: `p50 ${percentile(reads, 50).toFixed(1)} ms, ${reads.length} requests` },
    { name: 'durable PATCH meanwhile, p99', value: percentile(writes, 99), unit: 'ms', max: 20, note: `p50 ${percentile(writes, 50).toFixed(1)} ms` },
    { name: 'resident memory with 100 nodes and 3000 pods', value: rss, unit: 'MB' },
  ];
}
