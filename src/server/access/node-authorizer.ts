/**
 * What a node (user system:node:<name> in group system:nodes) may do: its own
 * Node, Lease and CSINode, the pods bound to it, and whatever those pods refer
 * to. Where a rule cannot see the object's content, the NodeRestriction
 * admission plugin goes on from here.
 */
import { goQuote } from '../../api/validation/go-format.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.ts';
import type { PolicyRule } from '../../api/types/rbac-v1.ts';
import type { ClusterView } from '../admission/contract.ts';
import type { Authorizer, Decision, RequestAttributes } from './contract.ts';
import { NodeReferences } from './node-references.ts';
import type { ReferenceKind } from './node-references.ts';
import { ruleAllows } from './policy-rules.ts';
import { nodeIdentity } from './users.ts';

const nodeLeaseNamespace = 'kube-node-lease';
const allowed: Decision = { decision: 'allow', reason: '' };

function noOpinion(reason: string): Decision {
  return { decision: 'no-opinion', reason };
}

/** True where `selector` says `field=value`, whatever else it says. */
export function selectsExactly(selector: string, field: string, value: string): boolean {
  return selector.split(',').some((term) => term === `${field}=${value}` || term === `${field}==${value}`);
}

export class NodeAuthorizer implements Authorizer {
  readonly #view: ClusterView;
  readonly #references: NodeReferences;
  readonly #rules: readonly PolicyRule[];

  /** `rules` are those of the system:node cluster role: what every node may do with all other resources. */
  constructor(view: ClusterView, rules: readonly PolicyRule[]) {
    this.#view = view;
    this.#references = new NodeReferences(view);
    this.#rules = rules;
  }

  close(): void {
    this.#references.close();
  }

  authorize(attributes: RequestAttributes): Decision {
    const nodeName = nodeIdentity(attributes.user);
    if (nodeName === undefined) return noOpinion('');
    if (nodeName === '') return noOpinion(`unknown node for user ${goQuote(attributes.user.username)}`);
    return (
      (attributes.isResource ? this.#authorizeOwn(nodeName, attributes) : undefined) ??
      this.#authorizeAny(attributes)
    );
  }

  #authorizeAny(attributes: RequestAttributes): Decision {
    return this.#rules.some((rule) => ruleAllows(rule, attributes)) ? allowed : noOpinion('');
  }

  /** Undefined where the resource is nobody's in particular. */
  #authorizeOwn(nodeName: string, attributes: RequestAttributes): Decision | undefined {
    const { group, resource, subresource } = attributes;
    switch (group === '' ? resource : `${resource}.${group}`) {
      case 'secrets':
      case 'configmaps':
        return this.#authorizeRead(nodeName, attributes);
      case 'persistentvolumeclaims':
        return subresource === 'status'
          ? this.#authorizeClaimStatus(nodeName, attributes)
          : this.#authorizeGet(nodeName, attributes);
      case 'persistentvolumes':
      case 'resourceclaims.resource.k8s.io':
      case 'volumeattachments.storage.k8s.io':
        return this.#authorizeGet(nodeName, attributes);
      case 'serviceaccounts':
        return this.#authorizeServiceAccount(nodeName, attributes);
      case 'leases.coordination.k8s.io':
        return authorizeLease(nodeName, attributes);
      case 'csinodes.storage.k8s.io':
        return authorizeCsiNode(nodeName, attributes);
      case 'resourceslices.resource.k8s.io':
        return this.#authorizeResourceSlice(nodeName, attributes);
      case 'nodes':
        return authorizeNode(nodeName, attributes);
      case 'pods':
        return this.#authorizePod(nodeName, attributes);
      default:
        return undefined;
    }
  }

  #authorizeRead(nodeName: string, attributes: RequestAttributes): Decision {
    if (!['get', 'list', 'watch'].includes(attributes.verb))
      return noOpinion('can only read resources of this type');
    if (attributes.subresource !== '') return noOpinion('cannot read subresource');
    if (attributes.namespace === '') return noOpinion('can only read namespaced object of this type');
    return this.#authorizeRelated(nodeName, attributes);
  }

  #authorizeGet(nodeName: string, attributes: RequestAttributes): Decision {
    if (attributes.verb !== 'get') return noOpinion('can only get individual resources of this type');
    if (attributes.subresource !== '') return noOpinion('cannot get subresource');
    return this.#authorizeRelated(nodeName, attributes);
  }

  #authorizeClaimStatus(nodeName: string, attributes: RequestAttributes): Decision {
    if (attributes.verb !== 'update' && attributes.verb !== 'patch')
      return noOpinion('can only get/update/patch this type');
    return this.#authorizeRelated(nodeName, attributes);
  }

  #authorizeServiceAccount(nodeName: string, attributes: RequestAttributes): Decision {
    if (attributes.verb === 'get' && attributes.subresource === '')
      return this.#authorizeRead(nodeName, attributes);
    if (attributes.verb !== 'create' || attributes.name === '')
      return noOpinion('can only create tokens for individual service accounts');
    if (attributes.subresource !== 'token')
      return noOpinion('can only create token subresource of serviceaccount');
    return this.#authorizeRelated(nodeName, attributes);
  }

  #authorizeResourceSlice(nodeName: string, attributes: RequestAttributes): Decision {
    if (attributes.subresource !== '') return noOpinion('cannot authorize ResourceSlice subresources');
    switch (attributes.verb) {
      case 'create':
        return allowed;
      case 'get':
      case 'update':
      case 'patch':
      case 'delete':
        return this.#authorizeRelated(nodeName, attributes);
      case 'watch':
      case 'list':
      case 'deletecollection':
        return selectsExactly(attributes.fieldSelector, 'spec.nodeName', nodeName)
          ? allowed
          : noOpinion('can only list/watch/deletecollection resourceslices with nodeName field selector');
      default:
        return noOpinion(
          'only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection',
        );
    }
  }

  #authorizePod(nodeName: string, attributes: RequestAttributes): Decision {
    switch (`${attributes.subresource} ${attributes.verb}`) {
      case ' get':
        return this.#authorizeGet(nodeName, attributes);
      case ' list':
      case ' watch':
        if (selectsExactly(attributes.fieldSelector, 'spec.nodeName', nodeName)) return allowed;
        if (attributes.name !== '') return this.#authorizeRelated(nodeName, attributes);
        return noOpinion('can only list/watch pods with spec.nodeName field selector');
      case ' create':
      case ' delete':
      case 'status update':
      case 'status patch':
      case 'eviction create':
        return allowed;
      default:
        return noOpinion('');
    }
  }

  #authorizeRelated(nodeName: string, attributes: RequestAttributes): Decision {
    const { resource, namespace, name } = attributes;
    if (name === '') return noOpinion('No Object name found');
    return this.#isRelated(nodeName, resource, namespace, name)
      ? allowed
      : noOpinion(`no relationship found between node '${nodeName}' and this object`);
  }

  #isRelated(nodeName: string, resource: string, namespace: string, name: string): boolean {
    switch (resource) {
      case 'persistentvolumes': {
        const claim = (
          this.#view.get('', 'persistentvolumes', '', name) as unknown as PersistentVolume | undefined
        )?.spec?.claimRef;
        return (
          claim !== undefined &&
          this.#references.has(nodeName, 'persistentvolumeclaims', claim.namespace ?? '', claim.name ?? '')
        );
      }
      case 'volumeattachments':
        return this.#nodeNameIn('storage.k8s.io', 'volumeattachments', name) === nodeName;
      case 'resourceslices':
        return this.#nodeNameIn('resource.k8s.io', 'resourceslices', name) === nodeName;
      case 'secrets':
        return (
          this.#references.has(nodeName, 'secrets', namespace, name) ||
          this.#isSecretOfVolume(nodeName, namespace, name)
        );
      default:
        return this.#references.has(nodeName, resource as ReferenceKind, namespace, name);
    }
  }

  #nodeNameIn(group: string, resource: string, name: string): string | undefined {
    const spec = this.#view.get(group, resource, '', name)?.['spec'] as { nodeName?: string } | undefined;
    return spec?.nodeName;
  }

  /** Secrets by which the kubelet mounts the volumes of its pods. */
  #isSecretOfVolume(nodeName: string, namespace: string, name: string): boolean {
    for (const claim of this.#references.claimsOf(nodeName)) {
      const volumeName = (
        this.#view.get('', 'persistentvolumeclaims', claim.namespace, claim.name) as unknown as
          PersistentVolumeClaim | undefined
      )?.spec?.volumeName;
      const volume =
        volumeName &&
        (this.#view.get('', 'persistentvolumes', '', volumeName) as unknown as PersistentVolume | undefined);
      if (
        !volume ||
        volume.spec?.claimRef?.namespace !== claim.namespace ||
        volume.spec.claimRef.name !== claim.name
      )
        continue;
      if (
        secretsOf(volume).some(
          (secret) => secret.name === name && (secret.namespace || claim.namespace) === namespace,
        )
      )
        return true;
    }
    return false;
  }
}

function secretsOf({
  spec,
}: PersistentVolume): { name?: string | undefined; namespace?: string | undefined }[] {
  const { csi } = spec ?? {};
  const references = [
    spec?.azureFile && { name: spec.azureFile.secretName, namespace: spec.azureFile.secretNamespace },
    spec?.cephfs?.secretRef,
    spec?.flexVolume?.secretRef,
    spec?.iscsi?.secretRef,
    spec?.rbd?.secretRef,
    spec?.scaleIO?.secretRef,
    spec?.storageos?.secretRef,
    csi?.nodePublishSecretRef,
    csi?.nodeStageSecretRef,
    csi?.nodeExpandSecretRef,
  ];
  return references.filter((reference) => reference !== undefined);
}

const ownObjectVerbs = ['get', 'create', 'update', 'patch', 'delete'];

function authorizeLease(nodeName: string, { verb, namespace, name }: RequestAttributes): Decision {
  if (!ownObjectVerbs.includes(verb))
    return noOpinion('can only get, create, update, patch, or delete a node lease');
  if (namespace !== nodeLeaseNamespace)
    return noOpinion(`can only access leases in the "${nodeLeaseNamespace}" system namespace`);
  if (verb !== 'create' && name !== nodeName)
    return noOpinion('can only access node lease with the same name as the requesting node');
  return allowed;
}

function authorizeCsiNode(nodeName: string, { verb, subresource, name }: RequestAttributes): Decision {
  if (!ownObjectVerbs.includes(verb))
    return noOpinion('can only get, create, update, patch, or delete a CSINode');
  if (subresource !== '') return noOpinion('cannot authorize CSINode subresources');
  if (verb !== 'create' && name !== nodeName)
    return noOpinion('can only access CSINode with the same name as the requesting node');
  return allowed;
}

function authorizeNode(nodeName: string, { verb, subresource, name }: RequestAttributes): Decision {
  switch (`${subresource} ${verb}`) {
    case ' create':
    case ' update':
    case ' patch':
    case 'status update':
    case 'status patch':
      return allowed;
    case ' get':
    case ' list':
    case ' watch':
      if (name === nodeName) return allowed;
      return noOpinion(
        name === ''
          ? `node '${nodeName}' cannot read all nodes, only its own Node object`
          : `node '${nodeName}' cannot read '${name}', only its own Node object`,
      );
    default:
      return noOpinion('');
  }
}
