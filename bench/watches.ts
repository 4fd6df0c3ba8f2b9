/** Fan-out over TLS: a write to 1000 watchers, 100 writes to 1000 watchers, and 5000 watchers of one node's pods each. */
import { startServer } from './lib/server-process.ts';
import { connect, inParallel, percentile, type Connection } from './lib/connection.ts';
import { createPods, podBody, untilPodsCanBeMade } from './lib/pods.ts';
import type { Figure } from './lib/report.ts';

const streamsPerConnection = 50;

/** Opens `count` watches, `pathOf` each; resolves `all` each time every watcher has seen `expected` more events. */
async function watchers(kubeconfig: string, count: number, pathOf: (index: number) => string) {
  const connections = Array.from({ length: Math.ceil(count / streamsPerConnection) }, () => connect(kubeconfig));
  let events = 0;
  let wanted = Infinity;
  let done: () => void = () => {};
  const onData = (chunk: Buffer) => {
    // Every event is one line.
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) events++;
    if (events >= wanted) done();
  };
  await inParallel(count, 50, (index) => (connections[index % connections.length] as Connection).open(pathOf(index), onData));
  return {
    /** Resolves when so many further events have arrived over all watchers. */
    arrived(further: number): Promise<void> {
      wanted = events + further;
      return new Promise((resolve) => (done = resolve));
    },
    close() {
      for (const connection of connections) connection.close();
    },
  };
}

async function fanOut(kubeconfig: string, writer: Connection): Promise<Figure[]> {
  const count = 1000;
  const watching = await watchers(kubeconfig, count, () => '/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=0&fieldSelector=metadata.name%21%3Dkube-root-ca.crt');
  const create = async (name: string) => {
    const body = JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name }, data: { value: 'x'.repeat(3000) } });
    const { status } = await writer.request('POST', '/api/v1/namespaces/default/configmaps', body);
    if (status !== 201) throw new Error(`create answered ${status}`);
  };
  const single: number[] = [];
  for (let i = 0; i < 30; i++) {
    const all = watching.arrived(count);
    const before = performance.now();
    await create(`one-${i}`);
    await all;
    single.push(performance.now() - before);
  }
  const burst: number[] = [];
  for (let round = 0; round < 5; round++) {
    const all = watching.arrived(count * 100);
    const before = performance.now();
    await inParallel(100, 100, (index) => create(`burst-${round}-${index}`));
    await all;
    burst.push(performance.now() - before);
  }
  watching.close();
  return [
    { name: 'one write until 1000 TLS watchers have it, median', value: percentile(single, 50), unit: 'ms', max: 30, note: `p99 ${percentile(single, 99).toFixed(0)} ms; one client process reads all the streams` },
    { name: '100 writes at once to 1000 TLS watchers, median', value: percentile(burst, 50), unit: 'ms', max: 600, note: `worst of 5 ${Math.max(...burst).toFixed(0)} ms` },
  ];
}

async function nodeWatchers(kubeconfig: string, writer: Connection): Promise<Figure[]> {
  const count = 5000;
  const watching = await watchers(kubeconfig, count, (index) => `/api/v1/pods?watch=1&resourceVersion=0&fieldSelector=spec.nodeName%3Dn${index}`);
  const writes = 3000;
  const all = watching.arrived(writes);
  const before = performance.now();
  await inParallel(writes, 50, async (index) => {
    const { status } = await writer.request('POST', '/api/v1/namespaces/default/pods', podBody(`w-${index}`, `n${index}`));
    if (status !== 201) throw new Error(`create answered ${status}`);
  });
  await all;
  const ms = performance.now() - before;
  watching.close();
  return [{ name: 'different writes to 5000 spec.nodeName watchers', value: (writes * 1000) / ms, unit: '/s', min: 1000 }];
}

export async function run(): Promise<Figure[]> {
  const server = await startServer({ nodes: 0, datastore: 'memory' });
  const writer = connect(server.kubeconfig);
  await untilPodsCanBeMade(writer);
  await createPods([writer], 10);
  const figures = [...(await fanOut(server.kubeconfig, writer)), ...(await nodeWatchers(server.kubeconfig, writer))];
  writer.close();
  await server.stop();
  return figures;
}
