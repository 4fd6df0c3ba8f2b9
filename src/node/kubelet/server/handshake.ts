/**
 * How a connection to a node changes its protocol: to a WebSocket, to SPDY, or to
 * SPDY inside a WebSocket. Refusals are upstream's, word for word, since clients
 * choose by them what to try next (streaming/pkg/httpstream/httpstream.go).
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, WebSocketServer, type WebSocket } from 'ws';
import { NodeError } from './served-node.ts';

/** A request that asks to change the protocol of its connection. */
export interface UpgradeRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What has come behind the request. */
  readonly head: Buffer;
}

const tunnelPrefix = 'SPDY/3.1+';

export function asksForWebSocket({ request }: UpgradeRequest): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket';
}

/** Whether a WebSocket shall carry SPDY frames. */
export function asksForTunnel(upgrade: UpgradeRequest): boolean {
  return asksForWebSocket(upgrade) && webSocketProtocols(upgrade.request).some(isTunnel);
}

/** Makes the handshake. A client that names no protocol gets the oldest of numbered channels. Throws NodeError. */
export function acceptWebSocket(upgrade: UpgradeRequest, protocols: readonly string[], onOpen: (connection: WebSocket) => void): void {
  const offered = webSocketProtocols(upgrade.request);
  const chosen = offered.find((protocol) => protocols.includes(protocol));
  if (chosen === undefined && offered.length > 0) throw new NodeError(403, `requested protocol(s) are not supported: [${offered.join(' ')}]; supports [${protocols.join(' ')}]\n`);
  openWebSocket(upgrade, chosen, onOpen);
}

/** Throws NodeError. */
export function acceptSpdy(upgrade: UpgradeRequest, protocols: readonly string[]): { readonly transport: Duplex; readonly protocol: string } {
  const { request, socket, head } = upgrade;
  if (request.headers.upgrade?.toLowerCase() !== 'spdy/3.1') throw new NodeError(400, 'unable to upgrade: missing upgrade headers in request\n');
  const offered = listOf(request.headers['x-stream-protocol-version']);
  if (offered.length === 0) throw new NodeError(400, `unable to upgrade: header X-Stream-Protocol-Version does not exist in request with ${Object.keys(request.headers).length} headers\n`);
  const protocol = offered.find((one) => protocols.includes(one));
  if (protocol === undefined) {
    const message = `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${protocols.join(' ')}]\n`;
    throw new NodeError(403, message, { 'x-accepted-stream-protocol-versions': protocols });
  }
  if (head.length > 0) socket.unshift(head);
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`);
  return { transport: socket, protocol };
}

/** The transport is the content of the WebSocket's messages. Throws NodeError. */
export function acceptTunnel(upgrade: UpgradeRequest, protocols: readonly string[], onOpen: (transport: Duplex) => void): void {
  const offered = webSocketProtocols(upgrade.request).filter(isTunnel);
  const chosen = offered.find((protocol) => protocols.includes(protocol.slice(tunnelPrefix.length)));
  if (chosen === undefined) throw new NodeError(403, `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${protocols.join(' ')}]\n`);
  openWebSocket(upgrade, chosen, (connection) => onOpen(createWebSocketStream(connection)));
}

function openWebSocket({ request, socket, head }: UpgradeRequest, protocol: string | undefined, onOpen: (connection: WebSocket) => void): void {
  const server = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: 32 << 20, handleProtocols: () => protocol ?? false });
  server.handleUpgrade(request, socket, head, onOpen);
}

function isTunnel(protocol: string): boolean {
  return protocol.startsWith(tunnelPrefix) && protocol.endsWith('.k8s.io');
}

function webSocketProtocols({ headers }: IncomingMessage): string[] {
  return listOf(headers['sec-websocket-protocol']);
}

function listOf(header: string | string[] | undefined): string[] {
  return String(header ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}
