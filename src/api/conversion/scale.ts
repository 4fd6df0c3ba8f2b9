/** The scale subresource of the built-in workloads: one small form for reading and setting how many pods there shall be. */
import { conflict, type ApiError } from '../errors.ts';
import { parseGroupVersion, type KubeObject } from '../object.ts';
import { labelsText, selectorText } from '../tables/selector-text.ts';
import type { Scale } from '../types/autoscaling-v1.ts';
import type { LabelSelector } from '../types/meta-v1.ts';

/** What a ReplicationController, ReplicaSet, Deployment and StatefulSet have in common. */
interface Scalable {
  readonly spec?: {
    readonly replicas?: number;
    readonly selector?: LabelSelector | Readonly<Record<string, string>>;
  };
  readonly status?: { readonly replicas?: number };
}

/** The selector is a plain set of labels in a ReplicationController, a label selector in the others. */
function selectorOf({ kind }: KubeObject, spec: Scalable['spec']): string {
  if (kind === 'ReplicationController')
    return labelsText(spec?.selector as Readonly<Record<string, string>> | undefined);
  return selectorText(spec?.selector as LabelSelector | undefined) ?? '';
}

export function scaleOf(object: KubeObject): Scale {
  const { spec, status } = object as Scalable;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const replicas = spec?.replicas ?? 0;
  const selector = selectorOf(object, spec);
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: replicas === 0 ? {} : { replicas },
    status: { replicas: status?.replicas ?? 0, ...(selector !== '' && { selector }) },
  };
}

/**
 * The object with the number of pods that the scale asks for. It carries the
 * scale's resourceVersion, so that the write compares with what the client
 * read; none means that the client does not care. Throws a conflict where the
 * scale was read from an object that has since been replaced.
 */
export function applyScale<T extends KubeObject>(object: T, scale: Scale): T {
  const { uid = '', resourceVersion = '' } = scale.metadata ?? {};
  if (uid !== '' && uid !== object.metadata.uid) throw replaced(object, uid);
  return {
    ...object,
    metadata: { ...object.metadata, resourceVersion: resourceVersion === '' ? undefined : resourceVersion },
    spec: { ...(object['spec'] as object), replicas: scale.spec?.replicas ?? 0 },
  };
}

function replaced({ apiVersion = '', kind = '', metadata }: KubeObject, uid: string): ApiError {
  const subject = {
    group: parseGroupVersion(apiVersion).group,
    kind: `${kind.toLowerCase()}s/scale`,
    name: metadata.name ?? '',
  };
  return conflict(
    subject,
    `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`,
  );
}
