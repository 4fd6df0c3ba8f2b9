/**
 * Approves what kubelets ask for themselves: their first client certificate, to
 * whoever may create `nodeclient`, and the next one, to whoever has the last and
 * may create `selfnodeclient`. All else waits for people or other approvers.
 */
import type { SubjectAccessReview } from '../../api/types/authorization-v1.ts';
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.ts';
import { certificateSigningRequests } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { enqueueChanges, reconciler } from '../runtime/reconciler.ts';
import type { ReadRequest } from './contract.ts';
import { isDecided, isIssued, pemOf } from './request-state.ts';
import { kubeletClientProblem, kubeletClientSigner } from './signers.ts';

const group = 'certificates.k8s.io';
const resource = 'certificatesigningrequests';

export interface Permission {
  readonly subresource: 'selfnodeclient' | 'nodeclient';
  readonly message: string;
}

const self: Permission = { subresource: 'selfnodeclient', message: 'Auto approving self kubelet client certificate after SubjectAccessReview.' };
const first: Permission = { subresource: 'nodeclient', message: 'Auto approving kubelet client certificate after SubjectAccessReview.' };

/** Any of which lets the request be approved, the narrower one first. */
export function permissionsFor({ spec }: CertificateSigningRequest, read: () => ReturnType<ReadRequest>): readonly Permission[] {
  if (spec.signerName !== kubeletClientSigner) return [];
  const requested = read();
  if (kubeletClientProblem(requested, spec.usages ?? []) !== undefined) return [];
  return spec.username === requested.commonName ? [self, first] : [first];
}

export function certificateApprover(read: ReadRequest): ControllerFactory {
  return (context) => {
    const { client } = context;
    const all = context.informers.get(certificateSigningRequests);
    const loop = reconciler(context, { name: 'certificatesigningrequest-approving-controller', workers: 5, reconcile });
    enqueueChanges(all, loop.queue);
    return loop;

    async function reconcile(name: string, signal: AbortSignal): Promise<void> {
      const request = all.get(name);
      if (!request || isIssued(request) || isDecided(request)) return;
      for (const { subresource, message } of permissionsFor(request, () => read(pemOf(request)))) {
        if (!(await mayCreate(request, subresource, signal))) continue;
        const conditions = [...(request.status?.conditions ?? []), { type: 'Approved', status: 'True', reason: 'AutoApproved', message }];
        await client.updateSubresource(certificateSigningRequests, 'approval', { ...request, status: { ...request.status, conditions } }, { signal });
        return;
      }
    }

    async function mayCreate({ spec }: CertificateSigningRequest, subresource: string, signal: AbortSignal): Promise<boolean> {
      const review: SubjectAccessReview = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        metadata: {},
        spec: {
          user: spec.username,
          uid: spec.uid,
          groups: spec.groups,
          extra: spec.extra,
          resourceAttributes: { group, resource, subresource, verb: 'create', version: '*' },
        },
      };
      const { status } = await client.json<SubjectAccessReview>('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', review, { signal });
      return status?.allowed ?? false;
    }
  };
}
