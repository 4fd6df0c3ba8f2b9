/** Pods of about 4.8 kB that no scheduler and no node will touch. */
import { inParallel, type Connection } from './connection.ts';

export function podBody(name: string, nodeName?: string): string {
  return JSON.stringify({
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name, labels: { app: `a${name.length}`, name }, annotations: { filler: 'x'.repeat(3400) } },
    spec: {
      schedulerName: 'none',
      ...(nodeName ? { nodeName } : {}),
      containers: [{ name: 'c', image: 'registry.k8s.io/pause:3.10', resources: { requests: { cpu: '10m', memory: '25Mi' } } }],
    },
  });
}

export async function createPods(connections: readonly Connection[], count: number, nodeOf?: (index: number) => string): Promise<void> {
  await inParallel(count, 100, async (index) => {
    const connection = connections[index % connections.length] as Connection;
    const answer = await connection.request('POST', '/api/v1/namespaces/default/pods', podBody(`p-${String(index).padStart(6, '0')}`, nodeOf?.(index)));
    if (answer.status !== 201) throw new Error(`create answered ${answer.status}: ${answer.text()}`);
  });
}

/** A new cluster needs a moment until the namespace `default` has its service account. */
export async function untilPodsCanBeMade(connection: Connection): Promise<void> {
  while ((await connection.request('GET', '/api/v1/namespaces/default/serviceaccounts/default')).status !== 200) await new Promise((resolve) => setTimeout(resolve, 50));
}
