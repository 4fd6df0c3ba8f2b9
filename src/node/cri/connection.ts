/**
 * Calls to a runtime over its unix socket. Every call has a deadline; none is
 * repeated here, since each of them has a caller that is asked again anyway.
 */
import { Client, credentials, Metadata, status, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js';
import type { Clock } from '../../base/clock.ts';
import type { Method } from '../../base/grpc-table.ts';
import { containerdNamespace } from './containerd-api.ts';

/** What the runtime answered instead. Its message is what the runtime said, without gRPC's frame. */
export class CriError extends Error {
  override readonly name = 'CriError';
  readonly code: status;

  constructor({ code, details }: { readonly code: status; readonly details: string }) {
    super(details);
    this.code = code;
  }

  /** As upstream prints it where it does not take the frame off. */
  get framed(): string {
    return `rpc error: code = ${codeNames[this.code] ?? 'Unknown'} desc = ${this.message}`;
  }
}

/** As Go's gRPC names them. */
const codeNames: Readonly<Partial<Record<status, string>>> = {
  [status.CANCELLED]: 'Canceled',
  [status.UNKNOWN]: 'Unknown',
  [status.INVALID_ARGUMENT]: 'InvalidArgument',
  [status.DEADLINE_EXCEEDED]: 'DeadlineExceeded',
  [status.NOT_FOUND]: 'NotFound',
  [status.ALREADY_EXISTS]: 'AlreadyExists',
  [status.PERMISSION_DENIED]: 'PermissionDenied',
  [status.RESOURCE_EXHAUSTED]: 'ResourceExhausted',
  [status.FAILED_PRECONDITION]: 'FailedPrecondition',
  [status.ABORTED]: 'Aborted',
  [status.OUT_OF_RANGE]: 'OutOfRange',
  [status.UNIMPLEMENTED]: 'Unimplemented',
  [status.INTERNAL]: 'Internal',
  [status.UNAVAILABLE]: 'Unavailable',
  [status.DATA_LOSS]: 'DataLoss',
  [status.UNAUTHENTICATED]: 'Unauthenticated',
};

/** Upstream's runtimeRequestTimeout. */
const callTimeoutMs = 120_000;
/** CRI lets a runtime answer with what a command wrote: 16 MiB of each stream. */
const answerBytesMax = 40 << 20;

export class CriConnection {
  readonly #client: Client;
  readonly #clock: Clock;

  constructor(socket: string, clock: Clock) {
    this.#clock = clock;
    this.#client = new Client(`unix:${socket}`, credentials.createInsecure(), {
      'grpc.max_receive_message_length': answerBytesMax,
      'grpc.max_send_message_length': -1,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
    });
  }

  /** Rejects with CriError. `Infinity`: as long as it takes. */
  call<Request, Response>(method: Method<Request, Response>, request: Request, timeoutMs = callTimeoutMs): Promise<Response> {
    return this.#call(method, request, new Metadata(), timeoutMs);
  }

  /** The same, of containerd's own services. */
  callContainerd<Request, Response>(method: Method<Request, Response>, request: Request): Promise<Response> {
    const metadata = new Metadata();
    metadata.set('containerd-namespace', containerdNamespace);
    return this.#call(method, request, metadata, callTimeoutMs);
  }

  #call<Request, Response>({ path, requestSerialize, responseDeserialize }: Method<Request, Response>, request: Request, metadata: Metadata, timeoutMs: number): Promise<Response> {
    const options = timeoutMs === Infinity ? {} : { deadline: this.#clock.now() + timeoutMs };
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, options, (error, response) => {
        if (error) reject(new CriError(error));
        else resolve(response as Response);
      });
    });
  }

  /** Until the signal aborts; what ends it otherwise is a CriError. */
  async *stream<Request, Response>({ path, requestSerialize, responseDeserialize }: Method<Request, Response>, request: Request, signal: AbortSignal): AsyncGenerator<Response> {
    const answers: ClientReadableStream<Response> = this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
    const cancel = () => answers.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      for await (const answer of answers) yield answer as Response;
    } catch (error) {
      if (!signal.aborted) throw new CriError(error as ServiceError);
    } finally {
      signal.removeEventListener('abort', cancel);
      cancel();
    }
  }

  close(): void {
    this.#client.close();
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof CriError && error.code === status.NOT_FOUND;
}

export function isAlreadyThere(error: unknown): boolean {
  return error instanceof CriError && error.code === status.ALREADY_EXISTS;
}

export function isUnimplemented(error: unknown): boolean {
  return error instanceof CriError && error.code === status.UNIMPLEMENTED;
}

export function isDeadlineExceeded(error: unknown): boolean {
  return error instanceof CriError && error.code === status.DEADLINE_EXCEEDED;
}
