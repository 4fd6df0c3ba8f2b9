/** Which objects of the API a pod refers to. */
import type { Container, EphemeralContainer, Pod, Volume } from '../../api/types/core-v1.ts';

export function containersOf({ spec }: Pod): (Container | EphemeralContainer)[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])];
}

export function refersToSecrets(pod: Pod): boolean {
  return (
    (pod.spec?.imagePullSecrets?.length ?? 0) > 0 ||
    (pod.spec?.volumes ?? []).some(volumeRefersToSecret) ||
    containersOf(pod).some(
      ({ env = [], envFrom = [] }) =>
        env.some((one) => one.valueFrom?.secretKeyRef) || envFrom.some((one) => one.secretRef),
    )
  );
}

function volumeRefersToSecret(volume: Volume): boolean {
  const sources = [
    volume.cephfs,
    volume.flexVolume,
    volume.iscsi,
    volume.rbd,
    volume.scaleIO,
    volume.storageos,
  ];
  return Boolean(
    volume.secret ??
    volume.azureFile ??
    volume.csi?.nodePublishSecretRef ??
    (sources.some((source) => source?.secretRef) ||
      volume.projected?.sources?.some((source) => source.secret)),
  );
}

function refersToConfigMaps(pod: Pod): boolean {
  return (
    (pod.spec?.volumes ?? []).some(
      (volume) => volume.configMap ?? volume.projected?.sources?.some((source) => source.configMap),
    ) ||
    containersOf(pod).some(
      ({ env = [], envFrom = [] }) =>
        env.some((one) => one.valueFrom?.configMapKeyRef) || envFrom.some((one) => one.configMapRef),
    )
  );
}

/** The first kind of object that a pod refers to, in upstream's words; undefined where it needs nothing of the API. */
export function apiReferenceOf(pod: Pod): string | undefined {
  if (pod.spec?.serviceAccountName) return 'serviceaccounts';
  if (refersToSecrets(pod)) return 'secrets';
  if (refersToConfigMaps(pod)) return 'configmaps';
  if (pod.spec?.resourceClaims?.length) return 'resourceclaims';
  for (const volume of pod.spec?.volumes ?? []) {
    if (volume.csi) return 'csidrivers (via CSI volumes)';
    if (volume.glusterfs) return 'endpoints (via glusterFS volumes)';
    if (volume.persistentVolumeClaim) return 'persistentvolumeclaims';
    if (volume.ephemeral) return 'persistentvolumeclaims (via ephemeral volumes)';
    for (const source of volume.projected?.sources ?? []) {
      if (source.serviceAccountToken) return 'serviceaccounts (via projected volumes)';
      if (source.clusterTrustBundle) return 'clustertrustbundles';
      if (source.podCertificate) return 'podcertificates';
    }
  }
  return undefined;
}
