/**
 * Which secrets, config maps, claims and service accounts the pods of a node
 * refer to. What a bound pod refers to hardly changes, so each pod is read once
 * after its binding, however often its status changes, and again only when its
 * node asks for something that none of its pods is known to refer to.
 */
import type { Container, EphemeralContainer, Pod, Volume } from '../../api/types/core-v1.ts';
import type { ClusterView } from '../admission/contract.ts';

const mirrorAnnotation = 'kubernetes.io/config.mirror';

export type ReferenceKind =
  'pods' | 'secrets' | 'configmaps' | 'persistentvolumeclaims' | 'serviceaccounts' | 'resourceclaims';

interface BoundPod {
  readonly nodeName: string;
  readonly references: readonly string[];
  /** It has changed since it was read: an ephemeral container or a claim's name may have come in. */
  isStale: boolean;
}

export function referenceKey(kind: ReferenceKind, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}

export class NodeReferences {
  readonly #view: ClusterView;
  readonly #stop: () => void;
  readonly #pods = new Map<string, BoundPod>();
  /** By node: how many of its pods refer to each thing. */
  readonly #nodes = new Map<string, Map<string, number>>();
  /** Pods not read since they changed. */
  readonly #unread = new Map<string, { readonly namespace: string; readonly name: string }>();
  #loaded = false;

  constructor(view: ClusterView) {
    this.#view = view;
    this.#stop = view.onChange('', 'pods', ({ namespace, name, deleted }) => {
      const key = `${namespace}/${name}`;
      if (deleted) {
        this.#unread.delete(key);
        this.#drop(key);
        return;
      }
      const pod = this.#pods.get(key);
      if (pod) pod.isStale = true;
      else this.#unread.set(key, { namespace, name });
    });
  }

  close(): void {
    this.#stop();
  }

  has(nodeName: string, kind: ReferenceKind, namespace: string, name: string): boolean {
    const key = referenceKey(kind, namespace, name);
    const isKnown = () => this.#nodes.get(nodeName)?.has(key) ?? false;
    return isKnown() || (this.#readPending() && isKnown()) || (this.#readStale(nodeName) && isKnown());
  }

  /** `namespace/name` of the claims that the node's pods use. */
  *claimsOf(nodeName: string): Iterable<{ namespace: string; name: string }> {
    this.#readPending();
    for (const key of this.#nodes.get(nodeName)?.keys() ?? []) {
      const [kind, namespace = '', name = ''] = key.split('/');
      if (kind === 'persistentvolumeclaims') yield { namespace, name };
    }
  }

  #readPending(): boolean {
    if (!this.#loaded) {
      this.#loaded = true;
      this.#unread.clear();
      for (const pod of this.#view.list('', 'pods')) this.#take(pod as unknown as Pod);
      return true;
    }
    if (this.#unread.size === 0) return false;
    const pending = [...this.#unread.values()];
    this.#unread.clear();
    for (const { namespace, name } of pending) {
      const pod = this.#view.get('', 'pods', namespace, name);
      if (pod) this.#take(pod as unknown as Pod);
    }
    return true;
  }

  #readStale(nodeName: string): boolean {
    let found = false;
    for (const reference of [...(this.#nodes.get(nodeName)?.keys() ?? [])]) {
      const [kind, namespace = '', name = ''] = reference.split('/');
      if (kind !== 'pods' || !this.#pods.get(`${namespace}/${name}`)?.isStale) continue;
      const pod = this.#view.get('', 'pods', namespace, name);
      if (pod) this.#take(pod as unknown as Pod);
      found = true;
    }
    return found;
  }

  #take(pod: Pod): void {
    const nodeName = pod.spec?.nodeName;
    // Not bound yet: its binding will be announced as a change.
    if (!nodeName) return;
    const key = `${pod.metadata.namespace}/${pod.metadata.name}`;
    this.#drop(key);
    const references = referencesOf(pod);
    this.#pods.set(key, { nodeName, references, isStale: false });
    let counts = this.#nodes.get(nodeName);
    if (!counts) {
      counts = new Map();
      this.#nodes.set(nodeName, counts);
    }
    for (const reference of references) counts.set(reference, (counts.get(reference) ?? 0) + 1);
  }

  #drop(key: string): void {
    const pod = this.#pods.get(key);
    if (!pod) return;
    this.#pods.delete(key);
    const counts = this.#nodes.get(pod.nodeName);
    if (!counts) return;
    for (const reference of pod.references) {
      const count = (counts.get(reference) ?? 0) - 1;
      if (count > 0) counts.set(reference, count);
      else counts.delete(reference);
    }
    if (counts.size === 0) this.#nodes.delete(pod.nodeName);
  }
}

/** Everything a pod lets its node read, each once. */
function referencesOf(pod: Pod): string[] {
  const namespace = pod.metadata.namespace ?? '';
  const podName = pod.metadata.name ?? '';
  const found = new Set<string>([referenceKey('pods', namespace, podName)]);
  // A node makes mirror pods itself: they must not open anything to it.
  if (pod.metadata.annotations && mirrorAnnotation in pod.metadata.annotations) return [...found];
  const add = (kind: ReferenceKind, name: string | undefined) => {
    if (name) found.add(referenceKey(kind, namespace, name));
  };
  const { spec } = pod;
  add('serviceaccounts', spec?.serviceAccountName);
  for (const secret of spec?.imagePullSecrets ?? []) add('secrets', secret.name);
  const containers: (Container | EphemeralContainer)[] = [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ];
  for (const { env = [], envFrom = [] } of containers) {
    for (const source of envFrom) {
      add('secrets', source.secretRef?.name);
      add('configmaps', source.configMapRef?.name);
    }
    for (const { valueFrom } of env) {
      add('secrets', valueFrom?.secretKeyRef?.name);
      add('configmaps', valueFrom?.configMapKeyRef?.name);
    }
  }
  for (const volume of spec?.volumes ?? []) addVolume(volume, podName, add);
  const statuses = new Map(
    (pod.status?.resourceClaimStatuses ?? []).map((status) => [status.name, status.resourceClaimName]),
  );
  for (const claim of spec?.resourceClaims ?? [])
    add('resourceclaims', claim.resourceClaimName ?? statuses.get(claim.name));
  return [...found];
}

function addVolume(
  volume: Volume,
  podName: string,
  add: (kind: ReferenceKind, name: string | undefined) => void,
): void {
  add('secrets', volume.secret?.secretName);
  add('configmaps', volume.configMap?.name);
  for (const source of volume.projected?.sources ?? []) {
    add('secrets', source.secret?.name);
    add('configmaps', source.configMap?.name);
  }
  for (const source of [
    volume.cephfs,
    volume.flexVolume,
    volume.iscsi,
    volume.rbd,
    volume.scaleIO,
    volume.storageos,
  ])
    add('secrets', source?.secretRef?.name);
  add('secrets', volume.azureFile?.secretName);
  add('secrets', volume.csi?.nodePublishSecretRef?.name);
  add('persistentvolumeclaims', volume.persistentVolumeClaim?.claimName);
  if (volume.ephemeral) add('persistentvolumeclaims', `${podName}-${volume.name}`);
}
