/**
 * Requests as they are: no client library between the test and the wire, so
 * that what no well-behaved client would send can be sent. HTTP/2 and HTTP/1.1.
 */
import http2 from 'node:http2';
import https from 'node:https';
import tls from 'node:tls';
import { parseKubeconfig, type ConnectionConfig } from '../../src/client/kubeconfig.ts';

export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Where to connect and as whom. */
export interface Endpoint {
  readonly url: URL;
  readonly tls: tls.SecureContextOptions;
}

/** The administrator of the kubeconfig; `anonymous` leaves the client certificate out. */
export function endpointOf(kubeconfig: string, options: { anonymous?: boolean } = {}): Endpoint {
  const { server, ca, cert, key }: ConnectionConfig = parseKubeconfig(kubeconfig);
  const identity = options.anonymous || !cert || !key ? {} : { cert, key };
  return { url: new URL(server), tls: { ...(ca ? { ca } : {}), ...identity } };
}

/** One HTTP/2 connection; dispose closes it. */
export class Http2Connection implements Disposable {
  readonly session: http2.ClientHttp2Session;

  constructor(endpoint: Endpoint) {
    this.session = http2.connect(endpoint.url.origin, { ...endpoint.tls, settings: { enablePush: false } });
    this.session.on('error', () => {});
  }

  /** Headers sent, nothing more: for bodies that come slowly, or never. */
  open(request: RawRequest): http2.ClientHttp2Stream {
    const headers = { ':method': request.method ?? 'GET', ':path': request.path, ...request.headers };
    return this.session.request(headers, { endStream: false });
  }

  async send(request: RawRequest): Promise<RawAnswer> {
    const stream = this.open(request);
    stream.end(request.body);
    return answerOf(stream);
  }

  [Symbol.dispose](): void {
    this.session.destroy();
  }
}

export function answerOf(stream: http2.ClientHttp2Stream): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let status = 0;
    let headers: RawAnswer['headers'] = {};
    const chunks: Buffer[] = [];
    stream.on('response', (received) => {
      status = Number(received[':status']);
      headers = received as RawAnswer['headers'];
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A server may answer, and then refuse the rest of a body by a reset: the answer counts.
    stream.on('error', (error) => (status === 0 ? reject(error) : resolve({ status, headers, text: Buffer.concat(chunks).toString('utf8') })));
    stream.on('end', () => resolve({ status, headers, text: Buffer.concat(chunks).toString('utf8') }));
    stream.on('close', () => reject(new Error('the stream was closed without an answer')));
  });
}

export function sendHttp1(endpoint: Endpoint, request: RawRequest): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = https.request(
      new URL(request.path, endpoint.url),
      { ...endpoint.tls, agent: false, method: request.method ?? 'GET', headers: { ...request.headers } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString('utf8') }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(request.body);
  });
}

/** A TLS connection on which the test writes every byte itself. */
export function rawSocket(endpoint: Endpoint): Promise<tls.TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ ...endpoint.tls, host: endpoint.url.hostname, port: Number(endpoint.url.port), ALPNProtocols: ['http/1.1'] }, () => resolve(socket));
    socket.once('error', reject);
  });
}
