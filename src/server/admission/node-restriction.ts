/**
 * What a node may write: itself, its mirror pods, the status of pods bound to
 * it, tokens for them. The node authorizer has let the request through without
 * having seen its content; here it is seen.
 */
import { isDeepStrictEqual } from 'node:util';
import { notFound } from '../../api/errors.ts';
import type { KubeObject } from '../../api/object.ts';
import type { TokenRequest } from '../../api/types/authentication-v1.ts';
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.ts';
import type { CSIDriver } from '../../api/types/storage-v1.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.ts';
import { goQuote } from '../../api/validation/go-format.ts';
import type { Authorizer } from '../access/contract.ts';
import { nodeIdentity } from '../access/users.ts';
import { requestText } from './certificates.ts';
import type { ParseCertificateRequest } from './certificates.ts';
import type { AdmissionPlugin, AdmissionRequest, ClusterView } from './contract.ts';
import { apiReferenceOf } from './pod-references.ts';
import { isMirrorPod, mirrorPodAnnotation, podOf, refuse } from './requests.ts';

const nodeLeaseNamespace = 'kube-node-lease';
const kubeletSigners = new Set([
  'kubernetes.io/kubelet-serving',
  'kubernetes.io/kube-apiserver-client-kubelet',
]);

export class NodeRestriction implements AdmissionPlugin {
  readonly name = 'NodeRestriction';
  readonly #view: ClusterView;
  readonly #authorizer: Authorizer;
  readonly #parse: ParseCertificateRequest;

  constructor(view: ClusterView, authorizer: Authorizer, parse: ParseCertificateRequest) {
    this.#view = view;
    this.#authorizer = authorizer;
    this.#parse = parse;
  }

  handles({ attributes }: AdmissionRequest): boolean {
    return nodeIdentity(attributes.user) !== undefined;
  }

  mutate(request: AdmissionRequest): void | Promise<void> {
    const nodeName = nodeIdentity(request.attributes.user) ?? '';
    if (nodeName === '')
      throw refuse(
        request,
        `could not determine node from user ${goQuote(request.attributes.user.username)}`,
      );
    const { group, resource } = request.resource;
    switch (group === '' ? resource : `${resource}.${group}`) {
      case 'pods':
        return this.#admitPod(request, nodeName);
      case 'nodes':
        return admitNode(request, nodeName);
      case 'persistentvolumeclaims':
        return admitClaim(request, nodeName);
      case 'serviceaccounts':
        return this.#admitToken(request, nodeName);
      case 'leases.coordination.k8s.io':
        return admitLease(request, nodeName);
      case 'csinodes.storage.k8s.io':
        return admitOwnName(
          request,
          nodeName,
          'can only access CSINode with the same name as the requesting node',
        );
      case 'resourceslices.resource.k8s.io':
        return admitResourceSlice(request, nodeName);
      case 'certificatesigningrequests.certificates.k8s.io':
        return this.#admitCertificateRequest(request, nodeName);
      default:
        return undefined;
    }
  }

  #admitPod(request: AdmissionRequest, nodeName: string): void {
    const { operation, attributes } = request;
    switch (attributes.subresource) {
      case '':
        if (operation === 'CREATE') return this.#admitMirrorPod(request, nodeName);
        if (operation !== 'DELETE')
          throw refuse(
            request,
            `unexpected operation ${goQuote(operation)}, node ${goQuote(nodeName)} can only create and delete mirror pods`,
          );
        if (this.#pod(request, request.name).spec?.nodeName !== nodeName)
          throw refuse(
            request,
            `node ${goQuote(nodeName)} can only delete pods with spec.nodeName set to itself`,
          );
        return;
      case 'status':
        return admitPodStatus(request, nodeName);
      case 'eviction':
        if (operation !== 'CREATE') throw refuse(request, `unexpected operation ${operation}`);
        if (
          this.#pod(request, attributes.name || (request.object?.metadata.name ?? '')).spec?.nodeName !==
          nodeName
        )
          throw refuse(request, `node ${nodeName} can only evict pods with spec.nodeName set to itself`);
        return;
      default:
        throw refuse(
          request,
          `unexpected pod subresource ${goQuote(attributes.subresource)}, only 'status' and 'eviction' are allowed`,
        );
    }
  }

  #pod({ namespace, oldObject }: AdmissionRequest, name: string): Pod {
    const pod =
      this.#view.get('', 'pods', namespace, name) ??
      (oldObject?.metadata.name === name ? oldObject : undefined);
    if (!pod) throw notFound({ group: '', kind: 'pods', name });
    return podOf(pod);
  }

  #admitMirrorPod(request: AdmissionRequest, nodeName: string): void {
    const pod = podOf(request.object);
    const quoted = goQuote(nodeName);
    if (!isMirrorPod(pod))
      throw refuse(
        request,
        `pod does not have "${mirrorPodAnnotation}" annotation, node ${quoted} can only create mirror pods`,
      );
    if (pod.spec?.nodeName !== nodeName)
      throw refuse(request, `node ${quoted} can only create pods with spec.nodeName set to itself`);
    const owners = pod.metadata.ownerReferences ?? [];
    if (owners.length > 1)
      throw refuse(
        request,
        `node ${quoted} can only create pods with a single owner reference set to itself`,
      );
    const [owner] = owners;
    if (!owner || owner.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== nodeName)
      throw refuse(request, `node ${quoted} can only create pods with an owner reference set to itself`);
    if (!owner.controller)
      throw refuse(
        request,
        `node ${quoted} can only create pods with a controller owner reference set to itself`,
      );
    if (owner.blockOwnerDeletion)
      throw refuse(request, `node ${quoted} must not set blockOwnerDeletion on an owner reference`);
    const node = this.#view.get('', 'nodes', '', nodeName);
    if (!node) throw notFound({ group: '', kind: 'nodes', name: nodeName });
    if (owner.uid !== node.metadata.uid)
      throw refuse(
        request,
        `node ${nodeName} UID mismatch: expected ${owner.uid} got ${node.metadata.uid ?? ''}`,
      );
    const reference = apiReferenceOf(pod);
    if (reference !== undefined)
      throw refuse(request, `node ${quoted} can not create pods that reference ${reference}`);
  }

  #admitToken(request: AdmissionRequest, nodeName: string): void | Promise<void> {
    if (request.operation !== 'CREATE' || request.attributes.subresource !== 'token') return;
    const { spec } = request.object as unknown as TokenRequest;
    const reference = spec?.boundObjectRef;
    if (!reference || reference.apiVersion !== 'v1' || reference.kind !== 'Pod' || !reference.name)
      throw refuse(request, 'node requested token not bound to a pod');
    if (!reference.uid) throw refuse(request, 'node requested token with a pod binding without a uid');
    const pod = this.#view.get('', 'pods', request.namespace, reference.name);
    if (!pod) throw notFound({ group: '', kind: 'pods', name: reference.name });
    if (reference.uid !== pod.metadata.uid)
      throw refuse(
        request,
        `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
      );
    if (podOf(pod).spec?.nodeName !== nodeName)
      throw refuse(request, 'node requested token bound to a pod scheduled on a different node');
    return this.#admitAudiences(request, podOf(pod), spec.audiences ?? []);
  }

  /** A token for an audience that no volume of the pod asks for needs permission. */
  #admitAudiences(request: AdmissionRequest, pod: Pod, audiences: readonly string[]): void | Promise<void> {
    if (audiences.length > 1) throw refuse(request, 'node may only request 0 or 1 audiences');
    const audience = audiences[0] ?? '';
    if (this.#mentionsAudience(pod, audience)) return;
    return this.#admitAudience(request, audience);
  }

  async #admitAudience(request: AdmissionRequest, audience: string): Promise<void> {
    const { attributes, namespace } = request;
    const question = {
      ...attributes,
      verb: 'request-serviceaccounts-token-audience',
      group: '',
      version: 'v1',
      resource: audience,
      subresource: '',
      namespace,
      name: attributes.name,
    };
    if ((await this.#authorizer.authorize(question)).decision === 'allow') return;
    throw refuse(
      request,
      `audience ${goQuote(audience)} not found in pod spec volume, ${attributes.user.username} is not authorized to request tokens for this audience`,
    );
  }

  #mentionsAudience({ metadata, spec }: Pod, audience: string): boolean {
    return (spec?.volumes ?? []).some((volume) => {
      if (
        volume.projected?.sources?.some(
          ({ serviceAccountToken: token }) => token && (token.audience ?? '') === audience,
        )
      )
        return true;
      const claimName = volume.ephemeral
        ? `${metadata.name ?? ''}-${volume.name}`
        : volume.persistentVolumeClaim?.claimName;
      const driver =
        volume.csi?.driver ??
        (claimName === undefined ? undefined : this.#driverOfClaim(metadata.namespace ?? '', claimName));
      if (driver === undefined) return false;
      const found = this.#view.get('storage.k8s.io', 'csidrivers', '', driver) as unknown as
        CSIDriver | undefined;
      return found?.spec.tokenRequests?.some((token) => token.audience === audience) ?? false;
    });
  }

  #driverOfClaim(namespace: string, claimName: string): string | undefined {
    const claim = this.#view.get('', 'persistentvolumeclaims', namespace, claimName) as unknown as
      PersistentVolumeClaim | undefined;
    const volumeName = claim?.spec?.volumeName;
    const volume = volumeName
      ? (this.#view.get('', 'persistentvolumes', '', volumeName) as unknown as PersistentVolume | undefined)
      : undefined;
    return volume?.spec?.csi?.driver;
  }

  #admitCertificateRequest(request: AdmissionRequest, nodeName: string): void {
    if (request.operation !== 'CREATE') return;
    const object = request.object as unknown as CertificateSigningRequest;
    if (!kubeletSigners.has(object.spec.signerName)) return;
    let commonName: string;
    try {
      ({ commonName } = this.#parse(requestText(object)));
    } catch (error) {
      throw refuse(request, `unable to parse csr: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (commonName !== `system:node:${nodeName}`)
      throw refuse(request, `can only create a node CSR with CN=system:node:${nodeName}`);
  }
}

function admitPodStatus(request: AdmissionRequest, nodeName: string): void {
  if (request.operation !== 'UPDATE')
    throw refuse(request, `unexpected operation ${goQuote(request.operation)}`);
  const old = podOf(request.oldObject);
  const pod = podOf(request.object);
  const quoted = goQuote(nodeName);
  if (old.spec?.nodeName !== nodeName)
    throw refuse(
      request,
      `node ${quoted} can only update pod status for pods with spec.nodeName set to itself`,
    );
  if (!isDeepStrictEqual(old.metadata.labels ?? {}, pod.metadata.labels ?? {}))
    throw refuse(request, `node ${quoted} cannot update labels through pod status`);
  if (!isDeepStrictEqual(old.status?.resourceClaimStatuses ?? [], pod.status?.resourceClaimStatuses ?? []))
    throw refuse(request, `node ${quoted} cannot update resource claim statues`);
  if (!isDeepStrictEqual(old.status?.extendedResourceClaimStatus, pod.status?.extendedResourceClaimStatus))
    throw refuse(request, `node ${quoted} cannot update extended resource claim status`);
}

function admitNode(request: AdmissionRequest, nodeName: string): void {
  const quoted = goQuote(nodeName);
  const name = request.name || (request.object?.metadata.name ?? '');
  if (name !== nodeName)
    throw refuse(request, `node ${quoted} is not allowed to modify node ${goQuote(name)}`);
  const node = request.object as unknown as Node | undefined;
  if (!node) return;
  if (request.operation === 'CREATE') {
    if (node.spec?.configSource)
      throw refuse(request, `node ${quoted} is not allowed to create pods with a non-nil configSource`);
    const labels = forbiddenLabels(node.metadata.labels, undefined);
    if (labels.length > 0)
      throw refuse(
        request,
        `node ${quoted} is not allowed to set the following labels: ${labels.join(', ')}`,
      );
  }
  if (request.operation === 'UPDATE') {
    const old = request.oldObject as unknown as Node;
    if (node.spec?.configSource && !isDeepStrictEqual(node.spec.configSource, old.spec?.configSource))
      throw refuse(
        request,
        `node ${quoted} is not allowed to update configSource to a new non-nil configSource`,
      );
    if (!isDeepStrictEqual(node.spec?.taints ?? [], old.spec?.taints ?? []))
      throw refuse(request, `node ${quoted} is not allowed to modify taints`);
    if (!isDeepStrictEqual(node.metadata.ownerReferences ?? [], old.metadata.ownerReferences ?? []))
      throw refuse(request, `node ${quoted} is not allowed to modify ownerReferences`);
    const labels = forbiddenLabels(node.metadata.labels, old.metadata.labels);
    if (labels.length > 0) throw refuse(request, `is not allowed to modify labels: ${labels.join(', ')}`);
  }
}

const kubeletLabels = new Set([
  'kubernetes.io/hostname',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
]);

function isWithin(domain: string, parent: string): boolean {
  return domain === parent || domain.endsWith(`.${parent}`);
}

/** The labels that differ and that a node must leave alone: by which one keeps workloads on trusted nodes. */
function forbiddenLabels(
  labels: Readonly<Record<string, string>> = {},
  old: Readonly<Record<string, string>> = {},
): string[] {
  const changed = [...new Set([...Object.keys(labels), ...Object.keys(old)])].filter(
    (key) => labels[key] !== old[key],
  );
  return changed.filter(isForbiddenLabel).sort();
}

function isForbiddenLabel(key: string): boolean {
  const slash = key.indexOf('/');
  const domain = slash < 0 ? '' : key.slice(0, slash);
  if (isWithin(domain, 'node-restriction.kubernetes.io')) return true;
  const isReserved = isWithin(domain, 'kubernetes.io') || isWithin(domain, 'k8s.io');
  return (
    isReserved &&
    !kubeletLabels.has(key) &&
    !isWithin(domain, 'kubelet.kubernetes.io') &&
    !isWithin(domain, 'node.kubernetes.io')
  );
}

function admitClaim(request: AdmissionRequest, nodeName: string): void {
  if (request.attributes.subresource !== 'status') throw refuse(request, 'may only update PVC status');
  if (request.operation !== 'UPDATE')
    throw refuse(request, `unexpected operation ${goQuote(request.operation)}`);
  if (!isDeepStrictEqual(withoutNodeFields(request.oldObject), withoutNodeFields(request.object)))
    throw refuse(
      request,
      `node ${goQuote(nodeName)} is not allowed to update fields other than status.quantity and status.conditions`,
    );
}

/** A claim without what nodes report of it. */
function withoutNodeFields(object: KubeObject | undefined): unknown {
  const { metadata, spec, status } = object as unknown as PersistentVolumeClaim;
  const { resourceVersion: _revision, managedFields: _managed, ...otherMetadata } = metadata;
  const {
    capacity: _capacity,
    conditions: _conditions,
    allocatedResources: _allocated,
    allocatedResourceStatuses: _statuses,
    ...otherStatus
  } = status ?? {};
  return { metadata: otherMetadata, spec, status: otherStatus };
}

function admitOwnName(request: AdmissionRequest, nodeName: string, why: string): void {
  const name = request.operation === 'CREATE' ? request.object?.metadata.name : request.name;
  if (name !== nodeName) throw refuse(request, why);
}

function admitLease(request: AdmissionRequest, nodeName: string): void {
  if (request.namespace !== nodeLeaseNamespace)
    throw refuse(request, `can only access leases in the "${nodeLeaseNamespace}" system namespace`);
  admitOwnName(request, nodeName, 'can only access node lease with the same name as the requesting node');
}

function admitResourceSlice(request: AdmissionRequest, nodeName: string): void {
  const nodeOf = (object: KubeObject | undefined) =>
    (object?.['spec'] as { nodeName?: string } | undefined)?.nodeName;
  if (request.operation === 'CREATE' && nodeOf(request.object) !== nodeName)
    throw refuse(request, 'can only create ResourceSlice with the same NodeName as the requesting node');
  if (request.operation === 'DELETE' && nodeOf(request.oldObject) !== nodeName)
    throw refuse(request, 'can only delete ResourceSlice with the same NodeName as the requesting node');
}
