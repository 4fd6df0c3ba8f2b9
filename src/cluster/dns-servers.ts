/** The DNS servers that questions are forwarded to, as commands take them; undefined for what cannot be read. */
import type { DnsOptions } from '../node/dns/dns.ts';
import { parseUpstreamAddress } from '../node/dns/upstream-address.ts';
import type { UpstreamAddress } from '../node/dns/upstream.ts';

/** `10.0.0.53,10.0.0.54:5353` */
export function parseDnsServers(text: string): readonly UpstreamAddress[] | undefined {
  const servers = text.split(',').map((one) => parseUpstreamAddress(one.trim()));
  return servers.every((server) => server !== undefined) ? servers : undefined;
}

/** Each `corp.example=10.0.0.53,10.0.0.54` */
export function parseStubDomains(texts: readonly string[]): DnsOptions['stubDomains'] | undefined {
  const domains = new Map<string, readonly UpstreamAddress[]>();
  for (const text of texts) {
    const [domain = '', list = ''] = text.split('=');
    const servers = parseDnsServers(list);
    if (domain === '' || !servers) return undefined;
    domains.set(domain, servers);
  }
  return domains;
}
