/** What passes a proxy, and what is between two neighbours only (RFC 9110, 7.6.1) or the server's own business. */

export type Headers = Readonly<Record<string, string | readonly string[]>>;

const ofConnections = new Set(['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade']);
/** Who asks is proved to the server alone. */
const ofCallers = /^(?:authorization$|impersonate-|x-remote-)/;
/** Which pages may read an answer is the server's to say. */
const ofOrigins = /^access-control-allow-(?:credentials|headers|methods|origin)$/;

/** Of a request, as it is passed on. */
export function forwardedHeaders(headers: Readonly<Record<string, string>>, remoteAddress: string): Record<string, string> {
  const passed = Object.fromEntries(Object.entries(headers).filter(([name]) => !ofConnections.has(name) && !ofCallers.test(name)));
  const before = headers['x-forwarded-for'];
  return { ...passed, 'x-forwarded-for': before ? `${before}, ${remoteAddress}` : remoteAddress };
}

/** As `forwardedHeaders`, of one that asks to change the protocol. */
export function handshakeHeaders(headers: Readonly<Record<string, string>>, remoteAddress: string): Record<string, string> {
  const { upgrade = '', 'sec-websocket-protocol': protocols } = headers;
  const forwarded: Record<string, string> = { ...forwardedHeaders(headers, remoteAddress), upgrade, connection: 'Upgrade' };
  // Browsers, which cannot set headers, hide their token among the protocols.
  const kept = protocols?.split(',').map((one) => one.trim()).filter((one) => !one.startsWith('base64url.bearer.authorization.k8s.io.'));
  if (kept) forwarded['sec-websocket-protocol'] = kept.join(', ');
  return forwarded;
}

/** Of an answer, as it is passed on. */
export function answerHeaders(headers: NodeJS.Dict<string | string[]>): Headers {
  const passed: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(headers)) if (value !== undefined && !ofConnections.has(name) && !ofOrigins.test(name)) passed[name] = value;
  return passed;
}
