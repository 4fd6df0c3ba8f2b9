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

/** The pods of the load and density tests: a pause container of 10m CPU and 25 MiB, found by the label `name`. */
export function podTemplate(name: string, spec: object = {}): object {
  return {
    metadata: { labels: { name } },
    spec: { containers: [{ name: 'pause', image: 'registry.k8s.io/pause:3.10', resources: { requests: { cpu: '10m', memory: '25Mi' } } }], ...spec },
  };
}

export function replicationController(name: string, replicas: number, podSpec: object = {}): object {
  return { apiVersion: 'v1', kind: 'ReplicationController', metadata: { name }, spec: { replicas, selector: { name }, template: podTemplate(name, podSpec) } };
}

/** Of `apps/v1` and `batch/v1`, with the same pods. */
export function workload(kind: 'Deployment' | 'StatefulSet' | 'DaemonSet' | 'Job', name: string, replicas: number): object {
  const template = podTemplate(name);
  if (kind === 'Job') {
    const jobTemplate = podTemplate(name, { restartPolicy: 'Never' });
    return { apiVersion: 'batch/v1', kind, metadata: { name }, spec: { parallelism: replicas, completions: replicas, template: jobTemplate } };
  }
  const selector = { matchLabels: { name } };
  const counted = kind === 'DaemonSet' ? {} : { replicas };
  const ordered = kind === 'StatefulSet' ? { serviceName: name, podManagementPolicy: 'Parallel' } : {};
  return { apiVersion: 'apps/v1', kind, metadata: { name }, spec: { ...counted, ...ordered, selector, template } };
}
