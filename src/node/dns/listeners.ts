/** The sockets that queries come by. */
import { createSocket } from 'node:dgram';
import type { Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, isIPv6 } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { DnsResponder } from './responder.ts';
import { serveConnection } from './tcp-connection.ts';

export interface ListenAddress {
  readonly address: string;
  /** 0 takes a free one, the same for both protocols. */
  readonly port: number;
}

const udpBufferBytes = 1 << 20;
const connectionsMax = 512;
/** Two protocols have to find the same free port. */
const portAttempts = 20;

export interface Listener {
  readonly port: number;
  close(): void;
}

export async function listenDns({ address, port }: ListenAddress, responder: DnsResponder, clock: Clock, logger: Logger): Promise<Listener> {
  for (let attempt = 1; ; attempt++) {
    const tcp = await listenTcp(address, port, responder, clock);
    try {
      const udp = await listenUdp(address, tcp.port, responder, logger);
      return { port: tcp.port, close: () => void (udp.close(), tcp.close()) };
    } catch (error) {
      tcp.close();
      if (port !== 0 || attempt === portAttempts) throw error;
    }
  }
}

async function listenUdp(address: string, port: number, responder: DnsResponder, logger: Logger): Promise<UdpSocket> {
  const ipv6 = isIPv6(address);
  const socket = createSocket({ type: ipv6 ? 'udp6' : 'udp4', recvBufferSize: udpBufferBytes, sendBufferSize: udpBufferBytes, ...(ipv6 ? { ipv6Only: true } : {}) });
  socket.on('message', (message, { address: client, port: clientPort }) => {
    // From port 0 nobody asks, and nothing can be sent there.
    if (clientPort === 0) return;
    responder.receive(message, 'udp', (response) => {
      if (response) send(socket, response, clientPort, client);
    });
  });
  socket.bind({ address, port, exclusive: true });
  await once(socket, 'listening');
  socket.on('error', (error) => logger.error('the socket for queries failed', { address, error }));
  return socket;
}

/** What cannot be sent is lost, as anything over UDP may be. */
function send(socket: UdpSocket, response: Buffer, port: number, address: string): void {
  try {
    socket.send(response, port, address, () => {});
  } catch {
    // Closed, while the answer was on its way.
  }
}

async function listenTcp(address: string, port: number, responder: DnsResponder, clock: Clock): Promise<Listener> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    serveConnection(socket, responder, clock);
  });
  server.maxConnections = connectionsMax;
  server.listen({ host: address, port, ...(isIPv6(address) ? { ipv6Only: true } : {}) });
  await once(server, 'listening');
  const close = () => {
    server.close();
    for (const socket of open) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, close };
}
