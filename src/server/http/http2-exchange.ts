import http2 from 'node:http2';
import type { ExchangeHandler, ExchangeRequest, PeerCertificate, Responder } from '../../base/exchange.ts';
import { bodyOf, emptyBody } from './body.ts';
import { withRepeated } from './repeated-headers.ts';

/** Turns one HTTP/2 stream into an exchange. */
export function receiveHttp2(
  stream: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
  rawHeaders: readonly string[],
  peer: PeerCertificate | undefined,
  remoteAddress: string,
  handler: ExchangeHandler,
): void {
  // A reset by the peer is not an error of ours; the close event tells the rest.
  stream.on('error', () => {});
  const method = headers[':method'] ?? 'GET';
  const request: ExchangeRequest = {
    method,
    target: headers[':path'] ?? '/',
    headers: withRepeated(headers as Readonly<Record<string, string>>, rawHeaders),
    body:
      stream.endAfterHeaders || method === 'GET' || method === 'HEAD'
        ? emptyBody
        : bodyOf(stream, headers['content-length'], () => stream.rstCode !== http2.constants.NGHTTP2_NO_ERROR),
    ...(peer ? { peerCertificate: peer } : {}),
    remoteAddress,
  };
  handler(request, respondTo(stream, method === 'HEAD'));
}

function respondTo(stream: http2.ServerHttp2Stream, headOnly: boolean): Responder {
  return {
    head(status, headers) {
      if (stream.destroyed || stream.headersSent) return;
      stream.respond({ ':status': status, ...(headers as http2.OutgoingHttpHeaders) }, { endStream: headOnly });
    },
    write(chunks) {
      if (stream.destroyed || stream.writableEnded) return true;
      if (chunks.length === 1) stream.write(chunks[0]);
      else {
        stream.cork();
        for (const chunk of chunks) stream.write(chunk);
        stream.uncork();
      }
      return !stream.writableNeedDrain;
    },
    end(chunks) {
      if (stream.destroyed || stream.writableEnded) return;
      if (chunks && chunks.length > 1) {
        stream.cork();
        for (const chunk of chunks) stream.write(chunk);
        stream.end();
        stream.uncork();
      } else if (chunks?.length) stream.end(chunks[0]);
      else stream.end();
    },
    destroy() {
      stream.destroy(new Error('the answer broke off'));
    },
    get closed() {
      return stream.destroyed || stream.closed;
    },
    onDrain(callback) {
      stream.on('drain', callback);
    },
    onClose(callback) {
      if (stream.destroyed) callback();
      else stream.once('close', callback);
    },
  };
}

