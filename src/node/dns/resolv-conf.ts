/** The servers of a resolv.conf: those that the machine itself asks. */
import { isIP } from 'node:net';
import type { UpstreamAddress } from './upstream.ts';

/** More than resolvers use; a broken file does not make more. */
const serversMax = 15;

export function parseResolvConf(text: string): UpstreamAddress[] {
  const servers: UpstreamAddress[] = [];
  for (const line of text.split('\n')) {
    const [keyword, address = ''] = line.trim().split(/\s+/);
    if (keyword === 'nameserver' && isIP(address) !== 0 && servers.length < serversMax) servers.push({ address });
  }
  return servers;
}
