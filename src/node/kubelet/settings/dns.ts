/** The resolver configuration of a pod. Rules and limits are upstream's (pkg/kubelet/network/dns). */
import type { Pod, PodDNSConfig } from '../../../api/types/core-v1.ts';
import type { SandboxSettings } from '../runtime.ts';

type Dns = NonNullable<SandboxSettings['dns']>;

export interface ClusterDns {
  /** Addresses of the cluster's DNS; none: pods resolve as their node does. */
  readonly servers: readonly string[];
  readonly domain: string;
}

const clusterOptions = ['ndots:5'];
const serversMax = 3;
const searchesMax = 32;
const searchLineMax = 2048;
const searchLengthMax = 253;

/** `warn` is told of what had to be left out. */
export function podDns(pod: Pod, cluster: ClusterDns, node: Dns, warn: (reason: string, message: string) => void): Dns {
  const base = baseOf(pod, cluster, node, warn);
  const merged = pod.spec.dnsConfig ? merge(base, pod.spec.dnsConfig) : base;
  return fit(merged, (message) => warn('DNSConfigForming', message));
}

function baseOf(pod: Pod, cluster: ClusterDns, node: Dns, warn: (reason: string, message: string) => void): Dns {
  const { dnsPolicy = 'ClusterFirst', hostNetwork } = pod.spec;
  if (dnsPolicy === 'None') return { servers: [], searches: [], options: [] };
  if (dnsPolicy === 'Default' || (dnsPolicy === 'ClusterFirst' && hostNetwork)) return node;
  if (cluster.servers.length === 0) {
    const { name, namespace, uid } = pod.metadata;
    warn(
      'MissingClusterDNS',
      `pod: "${name}_${namespace}(${uid})". kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.`,
    );
    return node;
  }
  const searches = cluster.domain === '' ? [] : [`${pod.metadata.namespace}.svc.${cluster.domain}`, `svc.${cluster.domain}`, cluster.domain];
  return { servers: cluster.servers, searches: [...new Set([...searches, ...node.searches])], options: clusterOptions };
}

function merge(base: Dns, { nameservers = [], searches = [], options = [] }: PodDNSConfig): Dns {
  const named = new Map(base.options.map((option) => [option.split(':', 1)[0] ?? '', option]));
  for (const { name = '', value } of options) named.set(name, value ? `${name}:${value}` : name);
  return {
    servers: [...new Set([...base.servers, ...nameservers])],
    searches: [...new Set([...base.searches, ...searches])],
    options: [...named.values()],
  };
}

/** What resolvers can bear. */
function fit({ servers, searches, options }: Dns, warn: (message: string) => void): Dns {
  const fewServers = servers.slice(0, serversMax);
  if (fewServers.length < servers.length) warn(`Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${fewServers.join(' ')}`);
  const fewSearches = searches.slice(0, searchesMax).filter(({ length }) => length <= searchLengthMax);
  while (fewSearches.join(' ').length > searchLineMax) fewSearches.pop();
  if (fewSearches.length < searches.length) warn(`Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${fewSearches.join(' ')}`);
  return { servers: fewServers, searches: fewSearches, options };
}

/** A resolv.conf as the node has it. Of `search` and of each option the last wins. */
export function parseResolvConf(text: string): Dns {
  const servers: string[] = [];
  let searches: string[] = [];
  const options = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [keyword, ...rest] = line.trim().split(/\s+/);
    if (keyword === 'nameserver' && rest[0]) servers.push(rest[0]);
    else if (keyword === 'search') searches = rest.filter((domain) => domain !== '.').map((domain) => domain.replace(/\.$/, ''));
    else if (keyword === 'options') for (const option of rest) options.set(option.split(':', 1)[0] ?? '', option);
  }
  return { servers, searches, options: [...options.values()] };
}
