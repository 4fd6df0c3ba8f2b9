/**
 * What a proxied request is for: `name`, `name:port` or `scheme:name:port` of a
 * pod, a Service or a node. Rules and wording are upstream's (ResourceLocation
 * of pkg/registry/core/pod, service/storage and node).
 */
import { BlockList, isIP } from 'node:net';
import * as errors from '../../../api/errors.ts';
import { parseLabelSelector } from '../../../api/selectors/parse-label-selector.ts';
import type { Pod, Service } from '../../../api/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../../../api/types/discovery-v1.ts';
import { storagePrefixOf } from '../../../api/catalogue.ts';
import { assert } from '../../../base/assert.ts';
import { parseBytes } from '../../watchcache/encoding.ts';
import type { Backend } from '../backends/backend-client.ts';
import { nodeAddress } from '../backends/node-address.ts';
import type { ResourceCall } from '../call.ts';

interface Asked {
  readonly scheme: string;
  readonly name: string;
  readonly port: string;
}

const kinds: Readonly<Record<string, (call: ResourceCall, asked: Asked) => Backend | Promise<Backend>>> = { pods: podBackend, services: serviceBackend, nodes: nodeBackend };

/** Throws ApiError. */
export async function backendOf(call: ResourceCall): Promise<Backend> {
  const { info } = call;
  const kind = kinds[info.resource];
  assert(kind, 'the table of subresources names those that have a proxy');
  const asked = askedFor(info.name);
  if (!asked) throw errors.badRequest(`invalid ${info.resource.slice(0, -1)} request ${JSON.stringify(info.name)}`);
  return kind(call, asked);
}

function askedFor(id: string): Asked | undefined {
  const parts = id.split(':');
  const [scheme = '', name = '', port = ''] = parts.length === 3 ? parts : ['', ...parts];
  const isValid = parts.length <= 3 && name !== '' && ['', 'http', 'https'].includes(scheme);
  return isValid ? { scheme, name, port } : undefined;
}

async function podBackend({ parts, stored, info }: ResourceCall, { scheme, name, port }: Asked): Promise<Backend> {
  const { spec, status } = (await parts.registry.mustGet(stored, info.namespace, name)).object as unknown as Pod;
  const declared = spec.containers.flatMap(({ ports }) => ports ?? [])[0]?.containerPort;
  return outside(scheme, status?.podIPs?.[0]?.ip ?? '', port === '' && declared !== undefined ? String(declared) : port);
}

function nodeBackend({ parts }: ResourceCall, { scheme, name, port }: Asked): Backend {
  const own = nodeAddress(parts.view, name);
  return port === '' || Number(port) === own.port ? own : outside(scheme, own.host, port);
}

async function serviceBackend(call: ResourceCall, { scheme, name, port }: Asked): Promise<Backend> {
  const { parts, info } = call;
  const service = parts.view.get('', 'services', info.namespace, name) as Service | undefined;
  if (!service) throw errors.notFound({ group: '', kind: /^\d+$/.test(port) ? 'services' : 'endpoints', name });
  const portName = nameOfPort(service, port);
  const slices = await slicesOf(call, name);
  if (slices.every(({ endpoints }) => !endpoints?.length)) throw errors.serviceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`);
  const found = slices.flatMap((slice) => {
    const target = slice.ports?.find((one) => (one.name ?? '') === portName)?.port;
    return target === undefined ? [] : (slice.endpoints ?? []).filter((endpoint) => isProxied(call, endpoint)).map(({ addresses }) => ({ host: addresses[0] as string, port: String(target) }));
  });
  const chosen = found[parts.random.below(found.length)];
  if (!chosen) throw errors.serviceUnavailable(`no endpoints available for service ${JSON.stringify(info.name)}`);
  return outside(scheme, chosen.host, chosen.port);
}

/** A number is that of a port of the Service, whatever it is called. */
function nameOfPort({ spec, metadata }: Service, port: string): string {
  if (!/^-?\d+$/.test(port)) return port;
  const found = spec?.ports?.find((one) => one.port === Number(port));
  if (!found) throw errors.serviceUnavailable(`no service port ${port} found for service ${JSON.stringify(metadata.name)}`);
  return found.name ?? '';
}

async function slicesOf({ parts, info }: ResourceCall, service: string): Promise<EndpointSlice[]> {
  const cache = parts.caches.cache(storagePrefixOf('discovery.k8s.io', 'endpointslices'));
  assert(cache, 'endpoint slices are always kept');
  const { entries } = await cache.list({ namespace: info.namespace, labelSelector: parseLabelSelector(`kubernetes.io/service-name=${service}`), fieldSelector: undefined });
  return [...entries].map(({ bytes }) => parseBytes(bytes) as unknown as EndpointSlice);
}

/** Ready, and truly the address of a pod: what else an author of endpoints writes is not reached by the server for them. */
function isProxied({ parts, info }: ResourceCall, { addresses, conditions, targetRef }: Endpoint): boolean {
  if (conditions?.ready === false || targetRef?.kind !== 'Pod' || targetRef.namespace !== info.namespace) return false;
  const pod = parts.view.get('', 'pods', info.namespace, targetRef.name ?? '') as Pod | undefined;
  return pod?.status?.podIPs?.some(({ ip }) => ip === addresses[0]) ?? false;
}

const notGlobal = new BlockList();
for (const [network, bits] of [['127.0.0.0', 8], ['169.254.0.0', 16], ['224.0.0.0', 4], ['0.0.0.0', 32], ['255.255.255.255', 32]] as const) notGlobal.addSubnet(network, bits, 'ipv4');
for (const [network, bits] of [['::1', 128], ['::', 128], ['fe80::', 10], ['ff00::', 8]] as const) notGlobal.addSubnet(network, bits, 'ipv6');

/** Whoever may write a status shall not lead the server to its own machine. */
function outside(scheme: string, host: string, port: string): Backend {
  const family = isIP(host);
  if (family === 0 || notGlobal.check(host, family === 6 ? 'ipv6' : 'ipv4')) throw errors.badRequest('address not allowed');
  const secure = scheme === 'https';
  const number = port === '' ? (secure ? 443 : 80) : Number(port);
  if (!(number >= 1 && number <= 65_535)) throw errors.serviceUnavailable(`error trying to reach service: dial tcp: lookup tcp/${port}: unknown port`);
  return { scheme: secure ? 'https' : 'http', host, port: number, isNode: false };
}

