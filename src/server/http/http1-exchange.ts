import type http from 'node:http';
import type { ExchangeHandler, ExchangeRequest, PeerCertificate, Responder } from '../../base/exchange.ts';
import { bodyOf, emptyBody } from './body.ts';
import { withRepeated } from './repeated-headers.ts';

/** Turns one HTTP/1.1 request into an exchange. */
export function receiveHttp1(
  message: http.IncomingMessage,
  response: http.ServerResponse,
  peer: PeerCertificate | undefined,
  handler: ExchangeHandler,
): void {
  message.on('error', () => {});
  response.on('error', () => {});
  const method = message.method ?? 'GET';
  const hasBody = message.headers['content-length'] !== undefined || message.headers['transfer-encoding'] !== undefined;
  const request: ExchangeRequest = {
    method,
    target: message.url ?? '/',
    headers: withRepeated(message.headers as Readonly<Record<string, string>>, message.rawHeaders),
    ...(hasBody ? { parts: () => message } : {}),
    body: hasBody ? bodyOf(message, message.headers['content-length'], () => !message.complete) : emptyBody,
    ...(peer ? { peerCertificate: peer } : {}),
    remoteAddress: message.socket.remoteAddress ?? '',
  };
  handler(request, respondHttp1(response));
}

export function respondHttp1(response: http.ServerResponse): Responder {
  return {
    head(status, headers) {
      if (response.destroyed || response.headersSent) return;
      response.writeHead(status, headers as http.OutgoingHttpHeaders);
      // A watch may have nothing to say for long; its client waits for the headers.
      response.flushHeaders();
    },
    write(chunks) {
      if (response.destroyed || response.writableEnded) return true;
      response.cork();
      for (const chunk of chunks) response.write(chunk);
      response.uncork();
      return !response.writableNeedDrain;
    },
    end(chunks) {
      if (response.destroyed || response.writableEnded) return;
      response.cork();
      for (const chunk of chunks ?? []) response.write(chunk);
      response.end();
      response.uncork();
    },
    destroy() {
      response.destroy();
    },
    get closed() {
      return response.destroyed || response.closed;
    },
    onDrain(callback) {
      response.on('drain', callback);
    },
    onClose(callback) {
      if (response.destroyed) callback();
      else response.once('close', callback);
    },
  };
}
