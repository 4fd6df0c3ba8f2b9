import type tls from 'node:tls';
import type { PeerCertificate } from '../../base/exchange.ts';

/** What is known of a connection's other end; looked up once a connection. */
export interface Origin {
  readonly peer: PeerCertificate | undefined;
  readonly address: string;
}

export function originOf(socket: tls.TLSSocket): Origin {
  const address = socket.remoteAddress ?? '';
  if (!socket.authorized) return { peer: undefined, address };
  const { subject, fingerprint256 } = socket.getPeerCertificate();
  if (!subject?.CN) return { peer: undefined, address };
  const organizations = subject.O === undefined ? [] : Array.isArray(subject.O) ? subject.O : [subject.O];
  const fingerprint = fingerprint256.replaceAll(':', '').toLowerCase();
  return { peer: { commonName: String(subject.CN), organizations, fingerprint }, address };
}
