/** What the benchmarks write. Sizes are those that the figures name. */
export function configMap(name: string, bytes: number): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { app: 'bench' } }, data: { payload: 'x'.repeat(bytes) } };
}

/** As stored about 4.8 kB; no scheduler takes it. */
export function pod(name: string, options: { readonly nodeName?: string; readonly app?: string } = {}): object {
  const app = options.app ?? 'bench';
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app, tier: 'front' }, annotations: { 'bench.example/padding': 'x'.repeat(2070) } },
    spec: {
      schedulerName: 'none',
      ...(options.nodeName ? { nodeName: options.nodeName } : {}),
      containers: ['web', 'sidecar'].map((container) => ({
        name: container,
        image: 'registry.example/web:1',
        env: Array.from({ length: 10 }, (_, index) => ({ name: `VARIABLE_${index}`, value: `value-${index}` })),
        resources: { requests: { cpu: '10m', memory: '25Mi' } },
      })),
    },
  };
}

export function replicationController(name: string, replicas: number): object {
  return {
    apiVersion: 'v1',
    kind: 'ReplicationController',
    metadata: { name, labels: { app: name } },
    spec: {
      replicas,
      selector: { name },
      template: {
        metadata: { labels: { name, bench: 'density' } },
        spec: { containers: [{ name: 'pause', image: 'registry.k8s.io/pause:3.10', resources: { requests: { cpu: '10m', memory: '25Mi' } } }] },
      },
    },
  };
}
