/**
 * metrics.k8s.io/v1beta1: what nodes and pods use. Upstream's comes with
 * metrics-server; here the API server answers it itself. By hand, since these
 * types are not among those of the Kubernetes repository.
 */
import type { ResourceData, TypeData } from './data/format.ts';

export const metricsGroup = 'metrics.k8s.io';
export const metricsVersion = 'v1beta1';

const types = 'io.k8s.metrics.pkg.apis.metrics.v1beta1';
const gvk = (kind: string) => [{ group: metricsGroup, version: metricsVersion, kind }];
const metadata = { shape: { ref: 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' }, number: 1 } as const;
const stamped = { timestamp: { shape: 'time', number: 2 }, window: { shape: 'string', number: 3 } } as const;
const amounts = { shape: { map: 'quantity' } } as const;
const listOf = (kind: string): TypeData => ({
  fields: {
    apiVersion: { shape: 'string' },
    kind: { shape: 'string' },
    metadata: { shape: { ref: 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta' }, number: 1 },
    items: { shape: { list: { ref: `${types}.${kind}` } }, number: 2 },
  },
  required: ['metadata', 'items'],
  gvk: gvk(`${kind}List`),
});
const kindFields = { apiVersion: { shape: 'string' }, kind: { shape: 'string' }, metadata } as const;

export const metricsTypes: Readonly<Record<string, TypeData>> = {
  [`${types}.NodeMetrics`]: { fields: { ...kindFields, ...stamped, usage: { ...amounts, number: 4 } }, required: ['timestamp', 'window', 'usage'], gvk: gvk('NodeMetrics') },
  [`${types}.NodeMetricsList`]: listOf('NodeMetrics'),
  [`${types}.PodMetrics`]: {
    fields: { ...kindFields, ...stamped, containers: { shape: { list: { ref: `${types}.ContainerMetrics` } }, number: 4 } },
    required: ['timestamp', 'window', 'containers'],
    gvk: gvk('PodMetrics'),
  },
  [`${types}.PodMetricsList`]: listOf('PodMetrics'),
  [`${types}.ContainerMetrics`]: { fields: { name: { shape: 'string', number: 1 }, usage: { ...amounts, number: 2 } }, required: ['name', 'usage'] },
};

const shared = { group: metricsGroup, version: metricsVersion, verbs: ['get', 'list'], shortNames: [], categories: [], subresources: [] };

export const metricsResources: readonly ResourceData[] = [
  { ...shared, resource: 'nodes', singular: '', kind: 'NodeMetrics', namespaced: false, type: `${types}.NodeMetrics` },
  { ...shared, resource: 'pods', singular: '', kind: 'PodMetrics', namespaced: true, type: `${types}.PodMetrics` },
];
