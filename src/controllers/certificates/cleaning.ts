/** Removes certificate requests that nobody needs any more: what was answered an hour ago, what nobody answered in a day, what has expired. */
import { X509Certificate } from 'node:crypto';
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.ts';
import { isNotFound } from '../../client/failure.ts';
import { certificateSigningRequests } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { periodically } from '../runtime/reconciler.ts';

const name = 'certificatesigningrequest-cleaner-controller';
const hourMs = 3_600_000;
const answeredMs = hourMs;
const unansweredMs = 24 * hourMs;

export function isOver({ metadata, status = {} }: CertificateSigningRequest, nowMs: number): boolean {
  const isOld = (time: string | undefined, ageMs: number) => time !== undefined && nowMs - Date.parse(time) > ageMs;
  const conditions = status.conditions ?? [];
  if (conditions.length === 0) return isOld(metadata.creationTimestamp, unansweredMs);
  return conditions.some(({ type, lastUpdateTime }) => {
    if (type !== 'Approved') return isOld(lastUpdateTime, answeredMs);
    if (!status.certificate) return isOld(lastUpdateTime, unansweredMs);
    return isOld(lastUpdateTime, answeredMs) || hasExpired(status.certificate, nowMs);
  });
}

/** What cannot be read is somebody's own form of certificate, and stays. */
function hasExpired(certificate: string, nowMs: number): boolean {
  try {
    return new X509Certificate(Buffer.from(certificate, 'base64')).validToDate.getTime() < nowMs;
  } catch {
    return false;
  }
}

export const certificateCleaner: ControllerFactory = (context) => {
  const all = context.informers.get(certificateSigningRequests);
  return {
    name,
    run: (signal) =>
      periodically(context, name, hourMs, signal, async () => {
        for (const request of [...all.values()]) {
          if (!isOver(request, context.clock.now())) continue;
          await context.client.delete(certificateSigningRequests, request.metadata, { signal }).catch((error: unknown) => {
            if (!isNotFound(error)) throw error;
          });
        }
      }),
  };
};
