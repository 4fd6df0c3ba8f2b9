import type { UserInfo } from '../../base/exchange.ts';
import type { Transport } from '../transport.ts';

/** Speaks as `user` over a transport whose own credentials may impersonate. Closing it leaves the transport open: others use it too. */
export function impersonating(transport: Transport, user: UserInfo): Transport {
  const identity: Record<string, string> = { 'impersonate-user': user.username };
  // system:authenticated is the server's to add.
  const groups = user.groups.filter((group) => group !== 'system:authenticated');
  if (groups.length) identity['impersonate-group'] = groups.join('\n');
  if (user.uid !== undefined) identity['impersonate-uid'] = user.uid;
  for (const [key, values] of Object.entries(user.extra ?? {})) identity[`impersonate-extra-${encodeURIComponent(key).toLowerCase()}`] = values.join('\n');
  return {
    request: (request) => transport.request({ ...request, headers: { ...request.headers, ...identity } }),
    stream: (request) => transport.stream({ ...request, headers: { ...request.headers, ...identity } }),
    close: () => Promise.resolve(),
  };
}
