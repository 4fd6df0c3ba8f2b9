/** Where pods find the cluster's DNS: agreed on by the nodes that serve it, the controller that publishes it and the kubelets that hand it to pods. */
import { isIPv6 } from 'node:net';
import { parseIp } from './validation/ip.ts';

export const clusterDnsService = { namespace: 'kube-system', name: 'kube-dns' } as const;

/** On a Node that runs a server: its addresses, on port 53, with commas between where it has both families. */
export const dnsAddressAnnotation = 'dns.coxswain.dev/address';

/** The tenth address of the Services' range: `10.96.0.10` of `10.96.0.0/12`. Undefined for what is no range, or a smaller one. */
export function clusterDnsAddress(serviceCidr: string): string | undefined {
  const [network = '', length = ''] = serviceCidr.split('/');
  const parsed = parseIp(network);
  if (!parsed || parsed.bits - Number(length) < 4) return undefined;
  const value = parsed.value + 10n;
  if (!isIPv6(network)) return [24n, 16n, 8n, 0n].map((shift) => Number((value >> shift) & 0xffn)).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  // As the API writes it, with the longest run of zeros left out.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
