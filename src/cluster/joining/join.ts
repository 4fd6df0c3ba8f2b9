/**
 * How a machine becomes a node of a cluster that it knows only by an address and
 * a bootstrap token: it reads, from a server it does not trust yet, what the
 * cluster says of itself; believes it where somebody who knows the token has
 * signed it (and where the authority has the hash that was given); and asks, by
 * the token, for a certificate of its own.
 */
import { bootstrapTokenForm, clusterInfo, clusterInfoField, signatureField } from '../../api/bootstrap-tokens.ts';
import { isSignedBy } from '../../api/token-signature.ts';
import type { Clock } from '../../base/clock.ts';
import { Client } from '../../client/client.ts';
import { configMaps } from '../../client/resources.ts';
import { http2Transport } from '../../client/transports/http2.ts';
import { nodeClientRequest, requestCertificate } from '../certificate-request.ts';
import { userAgents } from '../identities.ts';
import { formatKubeconfig } from '../pki/kubeconfig.ts';
import { componentSubjects } from '../pki/pki.ts';
import { authorityHash, readClusterInfo } from './tokens.ts';

export interface JoinOptions {
  /** `https://host:port`. */
  readonly server: string;
  readonly token: string;
  /** `sha256:…` of the authority's key; left out: the token's proof alone is enough. */
  readonly authorityHash?: string | undefined;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const signedWithinMs = 10 * 60_000;

/** Resolves to the node's kubeconfig. */
export async function join(options: JoinOptions): Promise<string> {
  const { server, token, nodeName, clock, signal } = options;
  const authorityCertificate = await discoverAuthority(options);
  const transport = http2Transport({ server, ca: authorityCertificate, token }, { clock, shared: true });
  try {
    const client = new Client(transport, { clock, userAgent: userAgents.kubelet });
    const subject = componentSubjects.node(nodeName);
    const certified = await requestCertificate(client, { subject, namePrefix: 'node-csr-', ...nodeClientRequest }, { clock, withinMs: signedWithinMs, signal });
    return formatKubeconfig({ server, authorityCertificate, user: subject.commonName, client: certified });
  } finally {
    await transport.close();
  }
}

/** PEM of the cluster's authority. Nothing secret is sent: whoever answers learns an address. */
async function discoverAuthority({ server, token, authorityHash: wanted, clock, signal }: JoinOptions): Promise<string> {
  const [, id] = bootstrapTokenForm.exec(token) ?? [];
  if (id === undefined) throw new Error('a token has the form abcdef.0123456789abcdef');
  const transport = http2Transport({ server, insecure: true }, { clock, shared: true });
  try {
    const { data } = await new Client(transport, { clock, userAgent: userAgents.kubelet }).get(configMaps, clusterInfo, { signal });
    const content = data?.[clusterInfoField] ?? '';
    const proof = data?.[signatureField(id)];
    if (proof === undefined) throw new Error(`the cluster at ${server} knows no token ${id}, or it has expired`);
    if (!isSignedBy(proof, content, token)) throw new Error(`whoever answers at ${server} does not know the token`);
    const { ca } = readClusterInfo(content);
    if (wanted !== undefined && authorityHash(ca) !== wanted) throw new Error(`the authority of the cluster at ${server} has the hash ${authorityHash(ca)}, not ${wanted}`);
    return ca;
  } finally {
    await transport.close();
  }
}
