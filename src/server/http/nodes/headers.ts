/** What passes a proxy, and what is between two neighbours only (RFC 9110, 7.6.1) or the server's own business. */
const kept = new Set(['accept', 'accept-encoding', 'accept-language', 'content-type', 'range', 'user-agent', 'if-none-match', 'if-modified-since']);
const ofHandshakes = /^(?:upgrade$|sec-websocket-|x-stream-protocol-version$|origin$)/;
const ofConnections = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade']);

/** Who asks is proved to the server alone: credentials and the like stay here. */
export function forwardedHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => kept.has(name)));
}

export function handshakeHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const own = Object.entries(headers).filter(([name]) => kept.has(name) || ofHandshakes.test(name));
  return { ...Object.fromEntries(own), connection: 'Upgrade' };
}

/** Of an answer, as it is passed on. */
export function plainHeaders(headers: NodeJS.Dict<string | string[]>): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) if (value !== undefined && !ofConnections.has(name)) plain[name] = Array.isArray(value) ? value.join(', ') : value;
  return plain;
}
