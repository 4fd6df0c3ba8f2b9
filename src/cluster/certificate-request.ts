/** Gets a certificate by the certificates API: a key of our own, and somebody who approves and signs. */
import type { Clock } from '../base/clock.ts';
import type { Client } from '../client/client.ts';
import { certificateSigningRequests } from '../client/resources.ts';
import { exportPrivateKey, generateKey, type CertifiedKey, type Subject } from './pki/certificate.ts';
import { createCertificateRequest } from './pki/csr.ts';

export interface WantedCertificate {
  readonly subject: Subject;
  /** Host names and IP addresses, of servers. */
  readonly names?: readonly string[];
  readonly signerName: string;
  readonly usages: readonly string[];
  /** The request is named by it and a suffix. */
  readonly namePrefix: string;
}

export interface RequestTerms {
  readonly clock: Clock;
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

export const nodeClientRequest = { signerName: 'kubernetes.io/kube-apiserver-client-kubelet', usages: ['digital signature', 'client auth'] } as const;

/** Rejects where it is refused, or does not come in time. */
export async function requestCertificate(client: Client, wanted: WantedCertificate, { clock, withinMs, signal: stopping }: RequestTerms): Promise<CertifiedKey> {
  const key = generateKey();
  const pem = createCertificateRequest(wanted.subject, key.privateKey, wanted.names);
  const request = await client.create(certificateSigningRequests, {
    metadata: { generateName: wanted.namePrefix },
    spec: { request: Buffer.from(pem).toString('base64'), signerName: wanted.signerName, usages: [...wanted.usages] },
  });
  const { name, resourceVersion } = request.metadata;
  const late = new AbortController();
  const timer = clock.after(withinMs, () => late.abort(new Error(`no certificate for ${wanted.subject.commonName} within ${withinMs / 1000} s`)));
  const signal = AbortSignal.any([late.signal, stopping]);
  try {
    const events = await client.watch(certificateSigningRequests, { fieldSelector: `metadata.name=${name}`, resourceVersion: resourceVersion ?? '', signal });
    for await (const batch of events)
      for (const { object } of batch) {
        const refusal = object.status?.conditions?.find(({ type, status }) => (type === 'Denied' || type === 'Failed') && status === 'True');
        if (refusal) throw new Error(`the certificate for ${wanted.subject.commonName} was refused: ${refusal.message ?? refusal.reason ?? refusal.type}`);
        const certificate = object.status?.certificate;
        if (certificate) return { certificate: Buffer.from(certificate, 'base64').toString('utf8'), privateKey: exportPrivateKey(key.privateKey) };
      }
    throw new Error(`the watch for the certificate of ${wanted.subject.commonName} ended`);
  } catch (error) {
    // Nobody waits for it any more. Those who may not delete it leave it to the cleaner.
    await client.delete(certificateSigningRequests, { name }).catch(() => {});
    throw signal.aborted ? signal.reason : error;
  } finally {
    timer.cancel();
  }
}
