import type { UserInfo } from '../../base/exchange.ts';
import type { Transport } from '../transport.ts';

/** Speaks as `user` over a transport whose own credentials may impersonate. Closing it leaves the transport open: others use it too. */
export function impersonating(transport: Transport, user: UserInfo): Transport {
  const identity: Record<string, string> = { 'impersonate-user': user.username };
  // system:authenticated is the server's to add.
  const groups = user.groups.filter((group) => group !== 'system:authenticated');
  if (groups.length) identity['impersonate-group'] = groups.join(', ');
  return {
    request: (request) => transport.request({ ...request, headers: { ...request.headers, ...identity } }),
    stream: (request) => transport.stream({ ...request, headers: { ...request.headers, ...identity } }),
    close: () => Promise.resolve(),
  };
}
