/** An HTTP/2 listener over TLS for tests of the transport: exchanges come out as they do from the real one. */
import { once } from 'node:events';
import http2 from 'node:http2';
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { ExchangeHandler, Responder } from '../../base/exchange.ts';
import { selfSigned } from './self-signed.ts';

export interface TlsServer {
  readonly url: string;
  readonly ca: string;
  readonly sessions: Set<ServerHttp2Session>;
  close(): Promise<void>;
}

export async function startTlsServer(handler: ExchangeHandler, settings: http2.Settings = {}): Promise<TlsServer> {
  const { cert, key } = selfSigned();
  const server = http2.createSecureServer({ cert, key, settings });
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  server.on('stream', (stream: ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
    stream.on('error', () => {});
    handler(
      {
        method: String(headers[':method']),
        target: String(headers[':path']),
        headers: headers as Record<string, string>,
        body: async () => Buffer.concat(await stream.toArray()),
        remoteAddress: '127.0.0.1',
      },
      responderOf(stream),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ca: cert,
    sessions,
    async close() {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function responderOf(stream: ServerHttp2Stream): Responder {
  return {
    head: (status, headers) => stream.respond({ ':status': status, ...(headers as Record<string, string>) }),
    write(chunks) {
      let free = true;
      for (const chunk of chunks) free = stream.write(chunk);
      return free;
    },
    end(chunks = []) {
      for (const chunk of chunks) stream.write(chunk);
      stream.end();
    },
    destroy: () => void stream.destroy(new Error('broken off')),
    get closed() {
      return stream.destroyed;
    },
    onDrain: (callback) => void stream.on('drain', callback),
    onClose: (callback) => void stream.once('close', callback),
  };
}
