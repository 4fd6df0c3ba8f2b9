/**
 * How the nodes of a fleet outside the cluster's process prove who they are. In
 * both ways each is `system:node:<name>` of `system:nodes` to the server, and
 * passes its node authorizer as that.
 *
 * - certificates: each node asks the cluster's signer for a client certificate
 *   and has a connection of its own, as TLS knows one client a connection.
 * - impersonation: all nodes share a few connections of a user who may
 *   impersonate them, a watch of each being a stream.
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { Client } from '../client/client.ts';
import type { ConnectionConfig } from '../client/kubeconfig.ts';
import type { Transport } from '../client/transport.ts';
import { http2Transport } from '../client/transports/http2.ts';
import { impersonating } from '../client/transports/impersonating.ts';
import { nodeClientRequest, requestCertificate } from './certificate-request.ts';
import { nodeIdentity } from './identities.ts';
import { componentSubjects } from './pki/pki.ts';

export type CredentialKind = 'certificates' | 'impersonation';

export interface NodeCredentials {
  readonly kind: CredentialKind;
  transportFor(nodeName: string): Transport;
  close(): Promise<void>;
}

export interface NodeCredentialsOptions {
  /** A user who may impersonate nodes, or whose requests for their certificates are approved. */
  readonly config: ConnectionConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Signers take their time: upstream's, unless told otherwise, does some ten a second. */
const signedWithinMs = 60_000;
const trialMs = 5000;
/** Beyond this many nodes, connections of their own cost more than they show. */
const certificateNodesMax = 100;

/** Certificates for a small fleet where the cluster signs them, which is tried with the first; else impersonation. */
export async function chooseCredentials(options: NodeCredentialsOptions, nodeNames: readonly string[]): Promise<NodeCredentials> {
  const [first] = nodeNames;
  if (first === undefined || nodeNames.length > certificateNodesMax) return byImpersonation(options);
  const certificates = byCertificates(options);
  try {
    await certificates.prepare(first, trialMs);
    return certificates;
  } catch (error) {
    options.signal.throwIfAborted();
    options.logger.info('the cluster signs no certificates for nodes', { why: error instanceof Error ? error.message : error });
    await certificates.close();
    return byImpersonation(options);
  }
}

export function byImpersonation({ config, clock }: NodeCredentialsOptions): NodeCredentials {
  const transport = http2Transport(config, { clock });
  return {
    kind: 'impersonation',
    transportFor: (name) => impersonating(transport, nodeIdentity(name)),
    close: () => transport.close(),
  };
}

interface CertificateCredentials extends NodeCredentials {
  /** Gets a node's certificate now, in so much time or not at all. */
  prepare(nodeName: string, withinMs: number): Promise<void>;
}

export function byCertificates({ config, clock, signal }: NodeCredentialsOptions): CertificateCredentials {
  const own = http2Transport(config, { clock });
  const client = new Client(own, { clock, userAgent: 'coxswain-hollow' });
  const { cert: _, key: __, token: ___, ...server } = config;
  const transports = new Map<string, Promise<Transport>>();
  const connect = async (name: string, withinMs: number): Promise<Transport> => {
    const wanted = { subject: componentSubjects.node(name), namePrefix: 'coxswain-hollow-', ...nodeClientRequest };
    const { certificate, privateKey } = await requestCertificate(client, wanted, { clock, withinMs, signal });
    return http2Transport({ ...server, cert: certificate, key: privateKey }, { clock, shared: true });
  };
  const transportOf = (name: string, withinMs = signedWithinMs): Promise<Transport> => {
    let transport = transports.get(name);
    if (!transport) {
      transport = connect(name, withinMs);
      transports.set(name, transport);
      // What failed is tried again with the next request.
      transport.catch(() => transports.delete(name));
    }
    return transport;
  };
  return {
    kind: 'certificates',
    prepare: async (name, withinMs) => void (await transportOf(name, withinMs)),
    transportFor: (name) => ({
      request: async (request) => (await transportOf(name)).request(request),
      stream: async (request) => (await transportOf(name)).stream(request),
      close: async () => (await transports.get(name))?.close(),
    }),
    async close() {
      const open = await Promise.allSettled(transports.values());
      await Promise.all([own.close(), ...open.map((result) => (result.status === 'fulfilled' ? result.value.close() : undefined))]);
    },
  };
}
