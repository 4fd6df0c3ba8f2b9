/** Configuration, identity and policy: config maps, secrets, quotas, RBAC bindings, certificates, admission. */
import type {
  MutatingAdmissionPolicy,
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from '../types/admissionregistration-v1.ts';
import type { CertificateSigningRequest } from '../types/certificates-v1.ts';
import type { ClusterTrustBundle, PodCertificateRequest } from '../types/certificates-v1beta1.ts';
import type { ConfigMap, ResourceQuota, Secret, ServiceAccount } from '../types/core-v1.ts';
import type { RoleBinding } from '../types/rbac-v1.ts';
import { labelsCell, quantityCell } from './cells.ts';
import { humanDuration, since } from './elapsed.ts';
import { ageColumn, integer, nameColumn, table, text, wide, type Tables } from './table.ts';

function sizeOf(map: Readonly<Record<string, unknown>> | undefined): number {
  return map ? Object.keys(map).length : 0;
}

/** `resource: used/hard` of the limits (`limits.*`) or of everything else. */
function quotaCell({ status }: ResourceQuota, limits: boolean): string {
  return Object.keys(status?.hard ?? {})
    .filter((resource) => resource.startsWith('limits.') === limits)
    .sort()
    .map(
      (resource) =>
        `${resource}: ${quantityCell(status?.used?.[resource])}/${quantityCell(status?.hard?.[resource])}`,
    )
    .join(', ');
}

// Role and ClusterRole are not here: upstream serves them with the default columns.
const roleBindingTable = table<RoleBinding>(
  [
    nameColumn,
    text('Role', 'Role that is granted'),
    ageColumn,
    wide('Users', 'Users that have the role'),
    wide('Groups', 'Groups that have the role'),
    wide('ServiceAccounts', 'Service accounts that have the role'),
  ],
  ({ metadata, roleRef, subjects = [] }, now) => {
    const of = (kind: string) => subjects.filter((subject) => subject.kind === kind);
    return [
      metadata.name ?? '',
      `${roleRef?.kind}/${roleRef?.name}`,
      since(metadata.creationTimestamp, now),
      of('User')
        .map(({ name }) => name)
        .join(', '),
      of('Group')
        .map(({ name }) => name)
        .join(', '),
      of('ServiceAccount')
        .map(({ namespace, name }) => `${namespace ?? ''}/${name}`)
        .join(', '),
    ];
  },
);

function signingConditionCell({ status }: CertificateSigningRequest): string {
  const has = (wanted: string) => status?.conditions?.some(({ type }) => type === wanted);
  const verdict = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  return `${verdict}${has('Failed') ? ',Failed' : ''}${status?.certificate ? ',Issued' : ''}`;
}

const webhooksTable = table<ValidatingWebhookConfiguration | MutatingWebhookConfiguration>(
  [nameColumn, integer('Webhooks', 'How many webhooks are registered'), ageColumn],
  ({ metadata, webhooks }, now) => [
    metadata.name ?? '',
    webhooks?.length ?? 0,
    since(metadata.creationTimestamp, now),
  ],
);

const policyBindingTable = table<ValidatingAdmissionPolicyBinding>(
  [
    nameColumn,
    text('PolicyName', 'Policy that is bound'),
    text('ParamRef', 'Object with the parameters'),
    ageColumn,
  ],
  ({ metadata, spec }, now) => [
    metadata.name ?? '',
    spec?.policyName ?? '',
    // Without a namespace it cannot be told from here whether the parameters are namespaced.
    spec?.paramRef?.name
      ? `${spec.paramRef.namespace || '*'}/${spec.paramRef.name}`
      : selectorDump(spec?.paramRef?.selector),
    since(metadata.creationTimestamp, now),
  ],
);

/** Upstream prints the selector as its language prints a structure; so do we. */
function selectorDump(
  selector: NonNullable<ValidatingAdmissionPolicyBinding['spec']['paramRef']>['selector'],
): string {
  if (!selector) return '<unset>';
  const labels = Object.keys(selector.matchLabels ?? {})
    .sort()
    .map((key) => `${key}: ${selector.matchLabels?.[key]},`)
    .join('');
  const expressions = (selector.matchExpressions ?? [])
    .map(
      ({ key, operator, values }) =>
        `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${(values ?? []).join(' ')}],},`,
    )
    .join('');
  return `&LabelSelector{MatchLabels:map[string]string{${labels}},MatchExpressions:[]LabelSelectorRequirement{${expressions}},}`;
}

const paramKindColumn = text('ParamKind', 'Kind of the parameters');

function paramKindCell(
  kind: { apiVersion?: string | undefined; kind?: string | undefined } | undefined,
): string {
  return kind ? `${kind.apiVersion ?? ''}/${kind.kind ?? ''}` : '<unset>';
}

const core: Tables = {
  '/ConfigMap': table<ConfigMap>(
    [nameColumn, text('Data', 'How many entries it has'), ageColumn],
    ({ metadata, data, binaryData }, now) => [
      metadata.name ?? '',
      sizeOf(data) + sizeOf(binaryData),
      since(metadata.creationTimestamp, now),
    ],
  ),
  '/Secret': table<Secret>(
    [nameColumn, text('Type', 'What the secret is for'), text('Data', 'How many entries it has'), ageColumn],
    ({ metadata, type, data }, now) => [
      metadata.name ?? '',
      type ?? '',
      sizeOf(data),
      since(metadata.creationTimestamp, now),
    ],
  ),
  '/ServiceAccount': table<ServiceAccount>([nameColumn, ageColumn], ({ metadata }, now) => [
    metadata.name ?? '',
    since(metadata.creationTimestamp, now),
  ]),
  '/ResourceQuota': table<ResourceQuota>(
    [
      nameColumn,
      text('Request', 'Used and allowed amounts of requests and objects'),
      text('Limit', 'Used and allowed amounts of limits'),
      ageColumn,
    ],
    (quota, now) => [
      quota.metadata.name ?? '',
      quotaCell(quota, false),
      quotaCell(quota, true),
      since(quota.metadata.creationTimestamp, now),
    ],
  ),
};

const access: Tables = {
  'rbac.authorization.k8s.io/RoleBinding': roleBindingTable,
  'rbac.authorization.k8s.io/ClusterRoleBinding': roleBindingTable,
  'certificates.k8s.io/CertificateSigningRequest': table<CertificateSigningRequest>(
    [
      nameColumn,
      ageColumn,
      text('SignerName', 'Who shall sign'),
      text('Requestor', 'Who asks'),
      text('RequestedDuration', 'How long the certificate shall be valid'),
      text('Condition', 'State of the request'),
    ],
    (request, now) => {
      const { metadata, spec } = request;
      return [
        metadata.name ?? '',
        since(metadata.creationTimestamp, now),
        spec?.signerName || '<none>',
        spec?.username ?? '',
        spec?.expirationSeconds === undefined ? '<none>' : humanDuration(spec.expirationSeconds * 1000),
        signingConditionCell(request),
      ];
    },
  ),
  'certificates.k8s.io/ClusterTrustBundle': table<ClusterTrustBundle>(
    [nameColumn, text('SignerName', 'Signer that the bundle belongs to')],
    ({ metadata, spec }) => [metadata.name ?? '', spec?.signerName || '<none>'],
  ),
  'certificates.k8s.io/PodCertificateRequest': table<PodCertificateRequest>(
    [
      nameColumn,
      text('PodName', 'Pod that the certificate is for'),
      text('ServiceAccountName', 'Service account of the pod'),
      text('NodeName', 'Node of the pod'),
      text('SignerName', 'Who shall sign'),
      text('State', 'State of the request'),
      text('UnverifiedUserAnnotations', 'What the pod asks of the signer'),
    ],
    ({ metadata, spec, status }) => [
      metadata.name ?? '',
      spec?.podName ?? '',
      spec?.serviceAccountName ?? '',
      spec?.nodeName ?? '',
      spec?.signerName ?? '',
      status?.conditions?.findLast(({ type }) => ['Issued', 'Denied', 'Failed'].includes(type))?.type ??
        'Pending',
      labelsCell(spec?.unverifiedUserAnnotations),
    ],
  ),
};

const admission: Tables = {
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': webhooksTable,
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': webhooksTable,
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy': table<ValidatingAdmissionPolicy>(
    [nameColumn, integer('Validations', 'How many validations it has'), paramKindColumn, ageColumn],
    ({ metadata, spec }, now) => [
      metadata.name ?? '',
      spec?.validations?.length ?? 0,
      paramKindCell(spec?.paramKind),
      since(metadata.creationTimestamp, now),
    ],
  ),
  'admissionregistration.k8s.io/MutatingAdmissionPolicy': table<MutatingAdmissionPolicy>(
    [nameColumn, integer('Mutations', 'How many mutations it has'), paramKindColumn, ageColumn],
    ({ metadata, spec }, now) => [
      metadata.name ?? '',
      spec?.mutations?.length ?? 0,
      paramKindCell(spec?.paramKind),
      since(metadata.creationTimestamp, now),
    ],
  ),
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding': policyBindingTable,
  'admissionregistration.k8s.io/MutatingAdmissionPolicyBinding': policyBindingTable,
};

export const configurationTables: Tables = { ...core, ...access, ...admission };
