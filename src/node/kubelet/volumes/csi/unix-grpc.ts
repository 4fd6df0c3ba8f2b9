/** Calls to a gRPC service behind a unix socket. */
import { Client, credentials, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import type { Method } from '../../../../base/grpc-table.ts';

/** What the service answered with, in the words of upstream's clients. */
export class RpcError extends Error {
  readonly code: number;
  constructor({ code, details }: ServiceError) {
    super(`rpc error: code = ${codeName(code)} desc = ${details}`);
    this.code = code;
  }
}

function codeName(code: number): string {
  const name = status[code] ?? 'UNKNOWN';
  return name
    .split('_')
    .map((word) => word[0] + word.slice(1).toLowerCase())
    .join('');
}

export class UnixGrpc {
  readonly #client: Client;

  constructor(socketPath: string) {
    this.#client = new Client(`unix://${socketPath}`, credentials.createInsecure());
  }

  /** Rejects with RpcError. */
  call<Request, Response>(method: Method<Request, Response>, request: Request, timeoutMs: number): Promise<Response> {
    return new Promise((resolve, reject) => {
      const options = { deadline: performance.timeOrigin + performance.now() + timeoutMs };
      this.#client.makeUnaryRequest(method.path, method.requestSerialize, method.responseDeserialize, request, options, (error, response) => {
        if (error) reject(new RpcError(error));
        else resolve(response as Response);
      });
    });
  }

  close(): void {
    this.#client.close();
  }
}
