/**
 * One HTTP exchange without its socket. The server wing answers exchanges; the
 * listener (HTTP/1.1, HTTP/2), the same thread and another thread are three
 * ways to bring one. What travels is the same in all three, so nothing but the
 * composition root knows which it is.
 */
import type { Duplex } from 'node:stream';

export interface ExchangeRequest {
  readonly method: string;
  /** Path and query exactly as sent, e.g. `/api/v1/pods?watch=1`. */
  readonly target: string;
  /** Names in lower case. The values of a header that is a list (`isListed`) come one a line. */
  readonly headers: Readonly<Record<string, string>>;
  /** The whole body, once it has arrived; empty where there is none. Rejects with ApiError 413/400 from the listener. */
  body(): Promise<Uint8Array>;
  /**
   * In place of `body`, for those who pass it on: as it comes and however long it is, no faster than it is
   * taken. Breaks off with an error where its sender does. Left out where the body is there already.
   */
  parts?(): AsyncIterable<Uint8Array>;
  /** Set by in-process transports: who asks. The listener leaves it out, and authentication decides. */
  readonly identity?: UserInfo;
  /** The verified client certificate's subject, where TLS brought one. */
  readonly peerCertificate?: PeerCertificate | undefined;
  readonly remoteAddress: string;
}

/** Headers that are sent once for each of their values: of those that servers read here, the lists of an impersonated user. */
export function isListed(header: string): boolean {
  return header === 'impersonate-group' || header.startsWith('impersonate-extra-');
}

/** As authentication.k8s.io/v1 UserInfo. */
export interface UserInfo {
  readonly username: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface PeerCertificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** SHA-256 of the certificate, hex. */
  readonly fingerprint: string;
}

/**
 * Where an answer goes. `head` once, then any number of `write`s, then `end`.
 * `write` takes all the chunks of one turn of the loop at once: the listener
 * turns them into one system call. Chunks may be retained and must not be
 * changed afterwards.
 */
export interface Responder {
  head(status: number, headers: Readonly<Record<string, string | readonly string[]>>): void;
  /** False when the peer is slow and the buffer is full: wait for `onDrain` before writing more. */
  write(chunks: readonly Uint8Array[]): boolean;
  end(chunks?: readonly Uint8Array[]): void;
  /** Ends the stream abruptly; the peer sees a broken response, not a short one. */
  destroy(): void;
  readonly closed: boolean;
  /** Called each time a full buffer has emptied. */
  onDrain(callback: () => void): void;
  /** Called once when the exchange is over, for whatever reason. */
  onClose(callback: () => void): void;
  /**
   * There where the client asks to change the protocol of its connection: answers 101
   * with these headers, names and values in turn, and hands the connection over.
   */
  readonly takeOver?: (headers: readonly string[]) => Duplex;
}

export type ExchangeHandler = (request: ExchangeRequest, responder: Responder) => void;
