/** What Go's dialer and client say of a connection that failed: users and tests know these words. */
const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
};

export function dialFailure(error: Error, address: string, signal: AbortSignal): string {
  if (signal.aborted) return `dial tcp ${address}: i/o timeout`;
  const { code = '' } = error as NodeJS.ErrnoException;
  return `dial tcp ${address}: ${reasons[code] ?? error.message}`;
}

export function connectionFailure(error: Error, url: URL, signal: AbortSignal): string {
  if (signal.aborted) return 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code in reasons) return dialFailure(error, url.host, signal);
  if (code === 'ECONNRESET') return error.message === 'socket hang up' ? 'EOF' : 'read: connection reset by peer';
  // TLS was spoken to a server that does not.
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'EPROTO') return 'http: server gave HTTP response to HTTPS client';
  return error.message;
}
