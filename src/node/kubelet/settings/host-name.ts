/** What a pod's machine is called, and its /etc/hosts. Rules and texts are upstream's (kubelet_pods.go). */
import type { HostAlias, Pod } from '../../../api/types/core-v1.ts';

const hostnameLengthMax = 63;
const fqdnLengthMax = 64;

export interface PodName {
  readonly hostname: string;
  /** `<subdomain>.<namespace>.svc.<cluster domain>`; empty: it has none. */
  readonly domain: string;
}

export function podName({ metadata, spec }: Pod, clusterDomain: string): PodName {
  if (spec.hostnameOverride) return { hostname: cut(spec.hostnameOverride), domain: '' };
  const hostname = cut(spec.hostname || (metadata.name ?? ''));
  return { hostname, domain: spec.subdomain ? `${spec.subdomain}.${metadata.namespace}.svc.${clusterDomain}` : '' };
}

function cut(hostname: string): string {
  return hostname.length <= hostnameLengthMax ? hostname : hostname.slice(0, hostnameLengthMax).replace(/[-.]+$/, '');
}

/** As the sandbox is to be called: empty on the host's network. Throws where the long name is too long. */
export function sandboxHostname(pod: Pod, clusterDomain: string): string {
  if (pod.spec.hostNetwork && !pod.spec.hostnameOverride) return '';
  const { hostname, domain } = podName(pod, clusterDomain);
  if (!pod.spec.setHostnameAsFQDN || domain === '') return hostname;
  const fqdn = `${hostname}.${domain}`;
  if (fqdn.length > fqdnLengthMax) throw new Error(`failed to construct FQDN from pod hostname and cluster domain, FQDN ${fqdn} is too long (${fqdnLengthMax} characters is the max, ${fqdn.length} characters requested)`);
  return fqdn;
}

const localNames = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
`;

/** `nodesHosts` is the node's own /etc/hosts, for pods on its network. */
export function hostsFile(pod: Pod, { hostname, domain }: PodName, podIps: readonly string[], nodesHosts: string): string {
  const aliases = aliasLines(pod.spec.hostAliases ?? []);
  if (pod.spec.hostNetwork) return `# Kubernetes-managed hosts file (host network).\n${nodesHosts}${aliases}`;
  const names = domain === '' ? hostname : `${hostname}.${domain}\t${hostname}`;
  return `# Kubernetes-managed hosts file.\n${localNames}${podIps.map((ip) => `${ip}\t${names}\n`).join('')}${aliases}`;
}

function aliasLines(aliases: readonly HostAlias[]): string {
  if (aliases.length === 0) return '';
  return `\n# Entries added by HostAliases.\n${aliases.map(({ ip, hostnames }) => `${ip}\t${(hostnames ?? []).join('\t')}\n`).join('')}`;
}
