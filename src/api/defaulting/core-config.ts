/** Namespaces, secrets, events and the kinds that limit and count: everything of core/v1 that holds no pod, port or volume. */
import type { KubeObject } from '../object.ts';
import type { Event, LimitRange, LimitRangeItem, Namespace, Node, ResourceQuota, Secret } from '../types/core-v1.ts';
import { roundAmounts } from './core-parts.ts';
import type { Defaulters } from './kind-defaulter.ts';
import { defaulter } from './kind-defaulter.ts';

/** stringData is for writing only: its texts become data, and win over what stands there. */
function defaultSecret(secret: Secret): void {
  secret.type ||= 'Opaque';
  const { stringData } = secret;
  if (stringData === undefined) return;
  delete secret.stringData;
  const data = { ...secret.data };
  for (const [key, text] of Object.entries(stringData)) data[key] = Buffer.from(text, 'utf8').toString('base64');
  if (Object.keys(data).length) secret.data = data;
}

function defaultNamespace(object: KubeObject): void {
  const namespace = object as unknown as Namespace;
  namespace.spec ??= {};
  namespace.status ??= {};
  namespace.status.phase ||= 'Active';
  const { name } = object.metadata;
  // A generated name is not known yet: the strategy labels it then.
  if (name) (object.metadata.labels ??= {})['kubernetes.io/metadata.name'] = name;
}

/** None of it is optional on the wire. */
const unknownNodeInfo = {
  ...{ machineID: '', systemUUID: '', bootID: '', kernelVersion: '', osImage: '', containerRuntimeVersion: '' },
  ...{ kubeletVersion: '', kubeProxyVersion: '', operatingSystem: '', architecture: '' },
};

function defaultNode(node: Node): void {
  const spec = (node.spec ??= {});
  // Two forms of one list: the older one rules where both are given and differ.
  if (spec.podCIDR && spec.podCIDRs?.[0] !== spec.podCIDR) spec.podCIDRs = [spec.podCIDR];
  else if (spec.podCIDRs?.[0]) spec.podCIDR = spec.podCIDRs[0];
  const status = (node.status ??= {});
  if (!status.allocatable && status.capacity) status.allocatable = { ...status.capacity };
  // Written by every heartbeat and not optional on the wire.
  status.daemonEndpoints ??= {};
  status.daemonEndpoints.kubeletEndpoint ??= { Port: 0 };
  status.nodeInfo ??= { ...unknownNodeInfo };
  roundAmounts(status.capacity);
  roundAmounts(status.allocatable);
}

function defaultLimitRangeItem(item: LimitRangeItem): void {
  if (item.type === 'Container') {
    item.default = { ...item.max, ...item.default };
    item.defaultRequest = { ...item.min, ...item.default, ...item.defaultRequest };
    if (Object.keys(item.default).length === 0) delete item.default;
    if (Object.keys(item.defaultRequest).length === 0) delete item.defaultRequest;
  }
  for (const amounts of [item.max, item.min, item.default, item.defaultRequest, item.maxLimitRequestRatio]) roundAmounts(amounts);
}

function defaultQuota(quota: ResourceQuota): void {
  quota.spec ??= {};
  quota.status ??= {};
  roundAmounts(quota.spec.hard);
  roundAmounts(quota.status.hard);
  roundAmounts(quota.status.used);
}

/** Not optional on the wire: events carry them even where they say nothing. */
function defaultEvent(event: Event): void {
  event.source ??= {};
  event.reportingComponent ??= '';
  event.reportingInstance ??= '';
}

export const defaulters: Defaulters = {
  '/v1/Namespace': defaultNamespace,
  '/v1/Node': defaulter<Node>(defaultNode),
  '/v1/Secret': defaulter<Secret>(defaultSecret),
  '/v1/LimitRange': defaulter<LimitRange>((range) => range.spec?.limits?.forEach(defaultLimitRangeItem)),
  '/v1/ResourceQuota': defaulter<ResourceQuota>(defaultQuota),
  '/v1/Event': defaulter<Event>(defaultEvent),
};
