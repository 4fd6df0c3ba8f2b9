/** Signs approved certificate requests for the cluster's own signers, or says why it cannot. */
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.ts';
import { formatTime } from '../../base/clock.ts';
import { certificateSigningRequests } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { enqueueChanges, reconciler } from '../runtime/reconciler.ts';
import type { CertificateAuthority } from './contract.ts';
import { hasFailed, isApproved, isIssued, pemOf } from './request-state.ts';
import { signers } from './signers.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const longestMs = 365 * 24 * hourMs;
const shortestMs = 10 * minuteMs;
/** So that clocks which are a little behind take it. */
const backdateMs = 5 * minuteMs;
/** Of shorter ones the end is not dated back too: too little would be left. */
const shortMs = 8 * hourMs;

/** From when to when, epoch milliseconds. Throws where the authority has ended. */
export function validity(nowMs: number, expirationSeconds: number | undefined, authorityEndsMs: number): { readonly notBefore: number; readonly notAfter: number } {
  const wantedMs = expirationSeconds === undefined ? longestMs : Math.min(Math.max(expirationSeconds * 1000, shortestMs), longestMs);
  if (nowMs >= authorityEndsMs) throw new Error('the authority of the cluster has expired');
  const ends = nowMs + (wantedMs < shortMs ? wantedMs : wantedMs - backdateMs);
  return { notBefore: nowMs - backdateMs, notAfter: Math.min(ends, authorityEndsMs) };
}

export function certificateSigner(authority: CertificateAuthority): ControllerFactory {
  return (context) => {
    const { client, clock } = context;
    const all = context.informers.get(certificateSigningRequests);
    const loop = reconciler(context, { name: 'certificatesigningrequest-signing-controller', workers: 5, reconcile });
    enqueueChanges(all, loop.queue);
    return loop;

    async function reconcile(name: string, signal: AbortSignal): Promise<void> {
      const request = all.get(name);
      if (!request || isIssued(request) || !isApproved(request) || hasFailed(request)) return;
      const check = signers[request.spec.signerName];
      if (!check) return;
      const problem = check(authority.read(pemOf(request)), request.spec.usages ?? []);
      const status = problem === undefined ? signed(request) : failed(request, problem);
      await client.updateStatus(certificateSigningRequests, { ...request, status: { ...request.status, ...status } }, { signal });
    }

    function signed({ spec, ...request }: CertificateSigningRequest): { readonly certificate: string } {
      const terms = { ...validity(clock.now(), spec.expirationSeconds, authority.notAfter), usages: spec.usages ?? [] };
      return { certificate: Buffer.from(authority.sign(pemOf({ ...request, spec }), terms)).toString('base64') };
    }

    function failed({ status }: CertificateSigningRequest, message: string): Pick<NonNullable<CertificateSigningRequest['status']>, 'conditions'> {
      const condition = { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message, lastUpdateTime: formatTime(clock.now()) };
      return { conditions: [...(status?.conditions ?? []), condition] };
    }
  };
}
