/**
 * Calls to an etcd cluster: one member at a time, the next one when it fails.
 * A call that may have taken effect is never sent twice unless it is harmless
 * to repeat. With a user name each call carries a token, renewed when it ends.
 */
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import {
  Client,
  credentials,
  Metadata,
  status,
  type ChannelCredentials,
  type ClientDuplexStream,
  type ServiceError,
} from '@grpc/grpc-js';
import type { Clock } from '../../base/clock.ts';
import type { Method } from '../../base/grpc-table.ts';
import type { Logger } from '../../base/logger.ts';
import { StoreClosedError } from '../contract.ts';
import { rpc, type KeepAliveResponse, type WatchRequest, type WatchResponse } from './rpc.ts';

export interface EtcdTls {
  /** PEM; the system's authorities where left out. */
  readonly ca?: Uint8Array;
  readonly cert?: Uint8Array;
  readonly key?: Uint8Array;
}

export interface EtcdConnectionOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls;
  readonly auth?: { readonly username: string; readonly password: string };
  readonly clock: Clock;
  readonly logger: Logger;
}

const callDeadlineMs = 10_000;
const retryDelayMs = 100;
/** Rounds through all endpoints before a call gives up. */
const roundsMax = 10;

export class EtcdConnection {
  readonly #options: EtcdConnectionOptions;
  readonly #clients: readonly Client[];
  #current = 0;
  #token: Promise<string> | undefined;
  #closed = false;

  constructor(options: EtcdConnectionOptions) {
    this.#options = options;
    this.#clients = options.endpoints.map((endpoint) => openClient(endpoint, options.tls));
  }

  /** `repeatable`: doing it twice is as good as once. */
  async call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    repeatable: boolean,
  ): Promise<Response> {
    let renewed = false;
    for (let attempt = 1; ; attempt++) {
      if (this.#closed) throw new StoreClosedError('the store is closed');
      const member = this.#current;
      try {
        return await this.#callMember(member, method, request);
      } catch (error) {
        if (isTokenEnded(error) && !renewed) {
          renewed = true;
          this.#token = undefined;
          continue;
        }
        if (!isMemberFailure(error)) throw error;
        this.#leave(member, error);
        const harmless = repeatable || wasNotSent(error);
        if (!harmless || attempt >= roundsMax * this.#clients.length) throw error;
        await this.#options.clock.sleep(retryDelayMs);
      }
    }
  }

  /** Opens a watch stream on the current member; where that fails the next call will be to another. */
  async watch(): Promise<ClientDuplexStream<WatchRequest, WatchResponse>> {
    if (this.#closed) throw new StoreClosedError('the store is closed');
    const member = this.#current;
    const metadata = await this.#metadata();
    const { path, requestSerialize, responseDeserialize } = rpc.watch;
    const stream = this.#client(member).makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      metadata,
    );
    stream.on('error', (error) => {
      if (isTokenEnded(error)) this.#token = undefined;
      if (isMemberFailure(error)) this.#leave(member, error);
    });
    return stream;
  }

  /** One renewal of a lease; etcd has it as a stream only. */
  async keepAlive(lease: string): Promise<KeepAliveResponse> {
    return this.call(rpc.leaseKeepAlive, { ID: lease }, true);
  }

  close(): void {
    this.#closed = true;
    for (const client of this.#clients) client.close();
  }

  async #callMember<Request, Response>(
    member: number,
    method: Method<Request, Response>,
    request: Request,
  ): Promise<Response> {
    const metadata = method.path === rpc.authenticate.path ? new Metadata() : await this.#metadata();
    const deadline = this.#options.clock.now() + callDeadlineMs;
    const { path, requestSerialize, responseDeserialize } = method;
    return new Promise((resolve, reject) => {
      this.#client(member).makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        { deadline },
        (error, response) => {
          if (error) reject(error);
          else resolve(response as Response);
        },
      );
    });
  }

  async #metadata(): Promise<Metadata> {
    const metadata = new Metadata();
    // A member that has lost its leader refuses, and so lets us go on to another.
    metadata.set('hasleader', 'true');
    const { auth } = this.#options;
    if (auth !== undefined) {
      this.#token ??= this.call(
        rpc.authenticate,
        { name: auth.username, password: auth.password },
        true,
      ).then(({ token }) => token);
      this.#token.catch(() => {
        this.#token = undefined;
      });
      metadata.set('token', await this.#token);
    }
    return metadata;
  }

  #client(member: number): Client {
    return this.#clients[member] as Client;
  }

  #leave(member: number, error: unknown): void {
    if (this.#current !== member || this.#closed) return;
    this.#current = (member + 1) % this.#clients.length;
    this.#options.logger.warn('etcd member failed', { endpoint: this.#options.endpoints[member], error });
  }
}

function openClient(endpoint: string, tls: EtcdTls = {}): Client {
  const { protocol, host, hostname } = new URL(endpoint);
  const secure = protocol === 'https:';
  const address = hostname.replace(/^\[|\]$/g, '');
  return new Client(host, secure ? secureCredentials(address, tls) : credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 2_000,
    ...(secure && isIP(address) !== 0 ? { 'grpc.ssl_target_name_override': nameForAddresses } : {}),
  });
}

/**
 * grpc-js sends whatever it is pointed at as the TLS server name, and Node does
 * not let that be an IP address. So a name stands in, and the certificate is
 * checked against the address all the same.
 */
const nameForAddresses = 'etcd';

function secureCredentials(address: string, { ca, cert, key }: EtcdTls): ChannelCredentials {
  const pem = (bytes: Uint8Array | undefined) => (bytes === undefined ? null : Buffer.from(bytes));
  return credentials.createSsl(pem(ca), pem(key), pem(cert), {
    checkServerIdentity: (_name, certificate) => checkServerIdentity(address, certificate),
  });
}

export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error && typeof error.details === 'string';
}

export function isMemberFailure(error: unknown): boolean {
  return (
    isServiceError(error) && (error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED)
  );
}

/** Failed before anything went out, so that even a write may be tried elsewhere. */
export function wasNotSent(error: unknown): boolean {
  return isServiceError(error) && /^(No connection established|Name resolution failed)/.test(error.details);
}

function isTokenEnded(error: unknown): boolean {
  return isServiceError(error) && error.code === status.UNAUTHENTICATED;
}
