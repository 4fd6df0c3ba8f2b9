/**
 * How a client reaches the API. Three ways exist (HTTP/2 over TLS, the same
 * thread, another thread); what is built on a transport cannot tell which it is.
 */
export interface ClientRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query, e.g. `/api/v1/pods?limit=500`. */
  readonly target: string;
  /** Names in lower case; not changed any more, so that a set can be known by its identity. The values of a header that is a list (base/exchange.ts) are one a line. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
  /** It can wait for others of this client. */
  readonly background?: boolean;
}

export interface ClientResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface ClientStream {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Ends when the server ends the response; throws where the connection breaks. Leaving the loop cancels the request. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface Transport {
  request(request: ClientRequest): Promise<ClientResponse>;
  /** For watches and other bodies without an end. */
  stream(request: ClientRequest): Promise<ClientStream>;
  close(): Promise<void>;
}
