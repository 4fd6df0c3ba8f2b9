/** Claims, volumes and ingresses: default classes, protection while in use, growth. */
import { defaultStorageClassAnnotations, newestDefault } from '../../api/default-class.ts';
import { compareQuantity, parseQuantity } from '../../api/quantity.ts';
import type { PersistentVolumeClaim } from '../../api/types/core-v1.ts';
import type { Ingress } from '../../api/types/networking-v1.ts';
import type { StorageClass } from '../../api/types/storage-v1.ts';
import type { AdmissionPlugin, AdmissionRequest, ClusterView } from './contract.ts';
import { DerivedFromAll } from './derived.ts';
import { concerns, refuse } from './requests.ts';

const storageGroup = 'storage.k8s.io';
const networkingGroup = 'networking.k8s.io';
const betaStorageClassAnnotation = 'volume.beta.kubernetes.io/storage-class';
const defaultIngressClassAnnotation = 'ingressclass.kubernetes.io/is-default-class';
const ingressClassAnnotation = 'kubernetes.io/ingress.class';

export class DefaultStorageClass implements AdmissionPlugin {
  readonly name = 'DefaultStorageClass';
  readonly #default: DerivedFromAll<string | undefined>;

  constructor(view: ClusterView) {
    this.#default = new DerivedFromAll(view, storageGroup, 'storageclasses', () =>
      newestDefault(view.list(storageGroup, 'storageclasses'), defaultStorageClassAnnotations),
    );
  }

  handles(request: AdmissionRequest): boolean {
    return request.operation === 'CREATE' && concerns(request, '', 'persistentvolumeclaims');
  }

  mutate({ object }: AdmissionRequest): void {
    const { metadata, spec } = object as unknown as PersistentVolumeClaim;
    if (
      !spec ||
      spec.storageClassName !== undefined ||
      metadata.annotations?.[betaStorageClassAnnotation] !== undefined
    )
      return;
    const name = this.#default.get();
    if (name !== undefined) spec.storageClassName = name;
  }
}

export class DefaultIngressClass implements AdmissionPlugin {
  readonly name = 'DefaultIngressClass';
  readonly #default: DerivedFromAll<string | undefined>;

  constructor(view: ClusterView) {
    this.#default = new DerivedFromAll(view, networkingGroup, 'ingressclasses', () =>
      newestDefault(view.list(networkingGroup, 'ingressclasses'), [defaultIngressClassAnnotation]),
    );
  }

  handles(request: AdmissionRequest): boolean {
    return request.operation === 'CREATE' && concerns(request, networkingGroup, 'ingresses');
  }

  mutate({ object }: AdmissionRequest): void {
    const { metadata, spec } = object as unknown as Ingress;
    if (
      !spec ||
      spec.ingressClassName !== undefined ||
      metadata.annotations?.[ingressClassAnnotation] !== undefined
    )
      return;
    const name = this.#default.get();
    if (name !== undefined) spec.ingressClassName = name;
  }
}

const protectionFinalizers: Readonly<Record<string, string>> = {
  '/persistentvolumes': 'kubernetes.io/pv-protection',
  '/persistentvolumeclaims': 'kubernetes.io/pvc-protection',
  'storage.k8s.io/volumeattributesclasses': 'kubernetes.io/vac-protection',
};

/** Storage objects go only when nothing uses them: a finalizer sees to it. */
export const storageObjectInUseProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  handles: ({ operation, attributes, resource }) =>
    operation === 'CREATE' &&
    attributes.subresource === '' &&
    `${resource.group}/${resource.resource}` in protectionFinalizers,
  mutate({ object, resource }) {
    const finalizer = protectionFinalizers[`${resource.group}/${resource.resource}`];
    const finalizers = object?.metadata.finalizers ?? [];
    if (object && finalizer !== undefined && !finalizers.includes(finalizer))
      object.metadata.finalizers = [...finalizers, finalizer];
  },
};

function storageClassOf({ metadata, spec }: PersistentVolumeClaim): string {
  return metadata.annotations?.[betaStorageClassAnnotation] ?? spec?.storageClassName ?? '';
}

function sizeOf({ spec }: PersistentVolumeClaim) {
  return parseQuantity(spec?.resources?.requests?.['storage'] ?? '0');
}

/** Claims grow only while bound, and where their class allows it. */
export class PersistentVolumeClaimResize implements AdmissionPlugin {
  readonly name = 'PersistentVolumeClaimResize';
  readonly #view: ClusterView;

  constructor(view: ClusterView) {
    this.#view = view;
  }

  handles(request: AdmissionRequest): boolean {
    return request.operation === 'UPDATE' && concerns(request, '', 'persistentvolumeclaims');
  }

  validate(request: AdmissionRequest): void {
    const claim = request.object as unknown as PersistentVolumeClaim;
    const old = request.oldObject as unknown as PersistentVolumeClaim;
    if (compareQuantity(sizeOf(claim), sizeOf(old)) <= 0) return;
    if (old.status?.phase !== 'Bound')
      throw refuse(request, 'Only bound persistent volume claims can be expanded');
    const className = storageClassOf(claim);
    const storageClass =
      className !== '' && className === storageClassOf(old)
        ? (this.#view.get(storageGroup, 'storageclasses', '', className) as StorageClass | undefined)
        : undefined;
    if (!storageClass?.allowVolumeExpansion)
      throw refuse(
        request,
        'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
      );
  }
}
