/**
 * The plugins that upstream has on by default, in upstream's order. Webhooks
 * and policies, which see the object as the others have made it, come in as
 * `extensions`; quota is charged last, for what nobody has refused.
 */
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { Authorizer } from '../access/contract.ts';
import type { RbacAuthorizer } from '../access/rbac.ts';
import { RbacEscalation } from '../access/rbac-escalation.ts';
import { CertificateApproval, CertificateSigning, CertificateSubjectRestriction } from './certificates.ts';
import type { ParseCertificateRequest } from './certificates.ts';
import type { AdmissionPlugin, ClusterView, ClusterWriter } from './contract.ts';
import { LimitRanger } from './limit-ranger.ts';
import { NamespaceLifecycle } from './namespace-lifecycle.ts';
import { NodeRestriction } from './node-restriction.ts';
import { defaultTolerationSeconds, PodTopologyLabels, taintNodesByCondition } from './pod-defaults.ts';
import { NodeDeclaredFeatureValidator } from './node-declared-features.ts';
import { PodResizeValidator } from './pod-resize.ts';
import { PodSecurity } from './pod-security/pod-security.ts';
import { PriorityAdmission } from './priority.ts';
import { ResourceQuotaAdmission } from './resource-quota.ts';
import { RuntimeClassAdmission } from './runtime-class.ts';
import { ServiceAccountAdmission } from './service-account.ts';
import {
  DefaultIngressClass,
  DefaultStorageClass,
  PersistentVolumeClaimResize,
  storageObjectInUseProtection,
} from './storage-plugins.ts';

export interface PluginParts {
  readonly view: ClusterView;
  /** Asked for when it is needed: it is made of what admission is part of. */
  readonly writer: () => ClusterWriter;
  /** The whole union, for what plugins ask on the caller's behalf. */
  readonly authorizer: Authorizer;
  readonly rbac: RbacAuthorizer;
  readonly parseCertificateRequest: ParseCertificateRequest;
  readonly clock: Clock;
  readonly random: Random;
}

export function standardPlugins(
  parts: PluginParts,
  extensions: readonly AdmissionPlugin[] = [],
): AdmissionPlugin[] {
  const { view, writer, authorizer, rbac, parseCertificateRequest, clock, random } = parts;
  return [
    new NamespaceLifecycle(view),
    new RbacEscalation(rbac, authorizer),
    new LimitRanger(view),
    new ServiceAccountAdmission(view, clock, random),
    new NodeRestriction(view, authorizer, parseCertificateRequest),
    taintNodesByCondition,
    new PodSecurity(view, clock),
    new PriorityAdmission(view),
    defaultTolerationSeconds,
    new DefaultStorageClass(view),
    storageObjectInUseProtection,
    new PersistentVolumeClaimResize(view),
    new RuntimeClassAdmission(view),
    new CertificateApproval(authorizer),
    new CertificateSigning(authorizer),
    new CertificateSubjectRestriction(parseCertificateRequest),
    new DefaultIngressClass(view),
    new PodTopologyLabels(view),
    new NodeDeclaredFeatureValidator(view),
    new PodResizeValidator(view),
    ...extensions,
    new ResourceQuotaAdmission(view, writer, clock),
  ];
}
