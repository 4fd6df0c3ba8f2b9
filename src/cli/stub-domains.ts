/** The option --stub-domain, which can be given several times. */
import { parseStubDomains } from '../cluster/dns-servers.ts';
import { UsageError } from './usage-error.ts';

export function stubDomainsOf(texts: readonly string[]) {
  const domains = parseStubDomains(texts);
  if (!domains) throw new UsageError(`--stub-domain takes a domain and the addresses of its servers, as corp.example=10.0.0.53,10.0.0.54; not "${texts.join('", "')}"`);
  return domains;
}
