/** GET of metrics.k8s.io nodes and pods: the objects that are asked for, with what their nodes say that they use. */
import type { ResourceInfo } from '../../../api/catalogue.ts';
import * as errors from '../../../api/errors.ts';
import { metricsGroup, metricsVersion } from '../../../api/metrics-api.ts';
import type { KubeObject } from '../../../api/object.ts';
import { formatQuantity, quantityOf } from '../../../api/quantity.ts';
import type { Pod } from '../../../api/types/core-v1.ts';
import { assert } from '../../../base/assert.ts';
import { formatTime } from '../../../base/clock.ts';
import { parseBytes } from '../../watchcache/encoding.ts';
import type { VirtualCall } from '../call.ts';
import { selectionOf } from '../read-path.ts';
import { sendJson } from '../respond.ts';
import type { Figures, PodFigures, Summary } from './node-usage.ts';

const apiVersion = `${metricsGroup}/${metricsVersion}`;
/** Over which time the usage is an average: the nodes do not say. */
const window = '15s';
const parsedPerTurn = 100;

export async function serveMetrics(call: VirtualCall): Promise<void> {
  const { info, resource } = call;
  const items = resource.resource === 'nodes' ? await nodeMetrics(call) : await podMetrics(call);
  if (info.verb === 'list') return sendJson(call, 200, { kind: `${resource.kind}List`, apiVersion, metadata: {}, items });
  if (items[0]) return sendJson(call, 200, { kind: resource.kind, apiVersion, ...items[0] });
  const name = info.namespace === '' ? info.name : `${info.namespace}/${info.name}`;
  throw errors.notFound({ group: metricsGroup, kind: `${resource.kind === 'NodeMetrics' ? 'nodes' : 'pods'}`, name });
}

async function nodeMetrics(call: VirtualCall): Promise<object[]> {
  const nodes = await selected(call, 'nodes');
  const summaries = await call.parts.usage.of(nodes.map(({ metadata }) => metadata.name ?? ''));
  return nodes.flatMap((node) => {
    const summary = summaries.get(node.metadata.name ?? '');
    return summary ? [{ ...measured(call, node, summary.node), usage: usageOf(summary.node) }] : [];
  });
}

async function podMetrics(call: VirtualCall): Promise<object[]> {
  const pods = (await selected(call, 'pods')) as unknown as Pod[];
  const running = pods.filter(({ spec, status }) => spec.nodeName && status?.phase === 'Running');
  const summaries = await call.parts.usage.of(new Set(running.map(({ spec }) => spec.nodeName as string)));
  const figures = new Map<string, PodFigures>();
  for (const summary of summaries.values()) for (const pod of summary.pods ?? []) figures.set(`${pod.podRef.namespace}/${pod.podRef.name}`, pod);
  return running.flatMap((pod) => {
    const found = figures.get(`${pod.metadata.namespace}/${pod.metadata.name}`);
    if (!found?.containers?.length) return [];
    const containers = found.containers.map((container) => ({ name: container.name, usage: usageOf(container) }));
    return [{ ...measured(call, pod as unknown as KubeObject, found), containers }];
  });
}

/** The objects of the core group that the request is about. */
async function selected(call: VirtualCall, name: 'nodes' | 'pods'): Promise<KubeObject[]> {
  const { parts, info } = call;
  const stored = parts.catalogue.lookup('', 'v1', name) as ResourceInfo;
  const cache = parts.caches.cache(stored.storagePrefix);
  assert(cache, 'nodes and pods are always kept');
  if (info.verb === 'get') {
    const entry = await cache.getFresh(info.namespace, info.name, '');
    return entry ? [parseBytes(entry.bytes)] : [];
  }
  const { entries } = await cache.list({ ...selectionOf({ ...call, info: { ...info, group: '', version: 'v1' }, resource: stored, stored, cache }), resourceVersion: '0' });
  const objects: KubeObject[] = [];
  for (const entry of entries) {
    objects.push(parseBytes(entry.bytes));
    if (objects.length % parsedPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return objects;
}

function measured({ parts }: VirtualCall, { metadata }: KubeObject, { cpu }: Figures | Summary['node']): object {
  const now = formatTime(parts.clock.now());
  const { name, namespace, labels } = metadata;
  return { metadata: { name, ...(namespace ? { namespace } : {}), creationTimestamp: now, ...(labels ? { labels } : {}) }, timestamp: cpu?.time ?? now, window };
}

function usageOf({ cpu, memory }: Figures): Record<string, string> {
  return {
    cpu: formatQuantity({ value: BigInt(cpu?.usageNanoCores ?? 0), scale: -9, format: 'DecimalSI' }),
    memory: formatQuantity(quantityOf(memory?.workingSetBytes ?? 0, 'BinarySI')),
  };
}
