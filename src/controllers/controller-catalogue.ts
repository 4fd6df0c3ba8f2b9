/** All controllers, by name. */
import { bootstrapSigner } from './bootstrap-token/bootstrap-signer.ts';
import { tokenCleaner } from './bootstrap-token/token-cleaner.ts';
import { certificateApprover } from './certificates/approving.ts';
import { certificateCleaner } from './certificates/cleaning.ts';
import type { CertificateAuthority } from './certificates/contract.ts';
import { certificateSigner } from './certificates/signing.ts';
import { clusterDnsController } from './cluster-dns/cluster-dns.ts';
import { attachDetachController } from './attach-detach/attach-detach.ts';
import { clusterRoleAggregationController } from './clusterrole-aggregation/clusterrole-aggregation.ts';
import { cronJobController } from './cronjob/cronjob-controller.ts';
import { daemonSetController } from './daemonset/daemonset-controller.ts';
import { deploymentController } from './deployment/deployment-controller.ts';
import { disruptionController } from './disruption/disruption.ts';
import { endpointSliceController } from './endpointslice/endpoint-slice-controller.ts';
import { endpointSliceMirroringController } from './endpointslice/endpoint-slice-mirroring-controller.ts';
import { endpointsController } from './endpointslice/endpoints-controller.ts';
import { ephemeralVolumeController } from './ephemeral-volume/ephemeral-volume.ts';
import { garbageCollector } from './garbagecollector/garbage-collector.ts';
import { jobController } from './job/job-controller.ts';
import { localProvisionerController } from './local-provisioner/local-provisioner.ts';
import { loadBalancerController } from './load-balancer/load-balancer.ts';
import { namespaceController } from './namespace/namespace-controller.ts';
import { nodeIpamController, type ClusterNetworks } from './node-ipam/node-ipam.ts';
import { nodeLifecycleController } from './node-lifecycle/node-lifecycle.ts';
import { persistentVolumeBinder } from './persistent-volume/binder.ts';
import { podGarbageCollector } from './podgc/podgc.ts';
import { replicaSetController, replicationControllerController } from './replication/replication.ts';
import { resourceQuotaController } from './resourcequota/resourcequota.ts';
import type { ControllerFactory } from './runtime/context.ts';
import { rootCaPublisher } from './serviceaccount/root-ca-publisher.ts';
import { serviceAccountController } from './serviceaccount/service-account.ts';
import { tokenSecretController } from './serviceaccount/token-secrets.ts';
import type { SignLegacyToken } from './serviceaccount/token-secrets.ts';
import { statefulSetController } from './statefulset/statefulset-controller.ts';
import { attributesClassProtectionController, claimProtectionController, volumeProtectionController } from './storage-protection/storage-protection.ts';
import { taintEvictionController } from './taint-eviction/taint-eviction.ts';
import { ttlAfterFinishedController } from './ttl-after-finished/ttl-after-finished.ts';
import { volumeExpandController } from './volume-expand/volume-expand.ts';

export interface ControllerSettings {
  /** PEM of the authority behind the API server's certificate; without it nothing publishes it. */
  readonly rootCa?: string;
  /** Signs the tokens of legacy token secrets; without it such secrets stay empty. */
  readonly signLegacyToken?: SignLegacyToken;
  /** Signs certificate requests; without it nobody approves or signs any. */
  readonly authority?: CertificateAuthority;
  /** Of which nodes get their blocks of pod addresses; without it they bring their own. */
  readonly clusterNetworks?: ClusterNetworks;
  /** Blocks out of which Services of type LoadBalancer get addresses; without any they wait for somebody else. */
  readonly loadBalancerPool?: readonly string[];
}

export interface CatalogueEntry {
  readonly name: string;
  readonly create: ControllerFactory;
}

export function controllerCatalogue(settings: ControllerSettings): readonly CatalogueEntry[] {
  const { rootCa, signLegacyToken, authority, clusterNetworks, loadBalancerPool } = settings;
  return [
    { name: 'replicationcontroller', create: replicationControllerController },
    { name: 'replicaset', create: replicaSetController },
    { name: 'statefulset', create: statefulSetController },
    { name: 'daemonset', create: daemonSetController },
    { name: 'job', create: jobController },
    { name: 'cronjob', create: cronJobController },
    { name: 'deployment', create: deploymentController },
    { name: 'endpointslice', create: endpointSliceController },
    { name: 'endpoints', create: endpointsController },
    { name: 'endpointslicemirroring', create: endpointSliceMirroringController },
    { name: 'cluster-dns', create: clusterDnsController },
    { name: 'namespace', create: namespaceController },
    { name: 'nodelifecycle', create: nodeLifecycleController },
    { name: 'taint-eviction', create: taintEvictionController },
    ...(clusterNetworks?.cidrs.length ? [{ name: 'node-ipam-controller', create: nodeIpamController(clusterNetworks) }] : []),
    ...(loadBalancerPool?.length ? [{ name: 'service-lb-controller', create: loadBalancerController(loadBalancerPool) }] : []),
    { name: 'podgc', create: podGarbageCollector },
    { name: 'resourcequota', create: resourceQuotaController },
    { name: 'disruption', create: disruptionController },
    { name: 'clusterrole-aggregation', create: clusterRoleAggregationController },
    { name: 'ttl-after-finished', create: ttlAfterFinishedController },
    { name: 'persistentvolume-binder', create: persistentVolumeBinder },
    { name: 'persistentvolume-attach-detach', create: attachDetachController },
    { name: 'persistentvolume-expander', create: volumeExpandController },
    { name: 'ephemeral-volume', create: ephemeralVolumeController },
    { name: 'local-provisioner', create: localProvisionerController },
    { name: 'persistentvolumeclaim-protection', create: claimProtectionController },
    { name: 'persistentvolume-protection', create: volumeProtectionController },
    { name: 'volumeattributesclass-protection', create: attributesClassProtectionController },
    { name: 'serviceaccount', create: serviceAccountController },
    ...(authority
      ? [
          { name: 'certificatesigningrequest-approving-controller', create: certificateApprover(authority.read) },
          { name: 'certificatesigningrequest-signing-controller', create: certificateSigner(authority) },
        ]
      : []),
    { name: 'certificatesigningrequest-cleaner-controller', create: certificateCleaner },
    { name: 'bootstrap-signer-controller', create: bootstrapSigner },
    { name: 'token-cleaner-controller', create: tokenCleaner },
    ...(rootCa
      ? [
          { name: 'root-ca-certificate-publisher', create: rootCaPublisher(rootCa) },
          { name: 'serviceaccount-token', create: tokenSecretController(rootCa, signLegacyToken) },
        ]
      : []),
    // Last: it watches on its own only what nobody before it watches.
    { name: 'garbagecollector', create: garbageCollector },
  ];
}
