/** Links of a page behind a proxy, as they lead through it: upstream's rules (apimachinery/pkg/util/proxy/transport.go). */
import { posix } from 'node:path';

export interface ProxiedPage {
  /** The path of the proxy: what stands before the paths of the backend. */
  readonly prefix: string;
  /** By which names the backend may call itself: as it was reached, and as the client called the server. */
  readonly backendHost: string;
  readonly requestHost: string;
}

const parts = /^(?:([^:/?#]+):)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/s;

/** Gives what leads elsewhere, or is relative, back as it is. */
export function rewriteLink(link: string, { prefix, backendHost, requestHost }: ProxiedPage): string {
  const [, scheme, host = '', path = '', rest = ''] = parts.exec(link) ?? [];
  const leadsElsewhere = host !== '' && host !== backendHost && host !== requestHost;
  if (leadsElsewhere || !path.startsWith('/') || (scheme !== undefined && host === '')) return link;
  const origin = host !== '' && host === requestHost ? `${scheme === undefined ? '' : `${scheme}:`}//${host}` : '';
  if (path.startsWith(prefix)) return `${origin}${path}${rest}`;
  const joined = posix.join(prefix, path);
  return `${origin}${joined}${path.endsWith('/') && !joined.endsWith('/') ? '/' : ''}${rest}`;
}
