/** The built-in resources that Coxswain's own components use, typed. */
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from '../api/types/admissionregistration-v1.ts';
import type {
  CustomResourceDefinition,
} from '../api/types/apiextensions-v1.ts';
import type {
  APIService,
} from '../api/types/apiregistration-v1.ts';
import type {
  ControllerRevision,
  DaemonSet,
  Deployment,
  ReplicaSet,
  StatefulSet,
} from '../api/types/apps-v1.ts';
import type {
  TokenReview,
} from '../api/types/authentication-v1.ts';
import type {
  SubjectAccessReview,
} from '../api/types/authorization-v1.ts';
import type {
  HorizontalPodAutoscaler,
} from '../api/types/autoscaling-v2.ts';
import type {
  CronJob,
  Job,
} from '../api/types/batch-v1.ts';
import type {
  CertificateSigningRequest,
} from '../api/types/certificates-v1.ts';
import type {
  Lease,
} from '../api/types/coordination-v1.ts';
import type {
  ConfigMap,
  Endpoints,
  Event,
  LimitRange,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodTemplate,
  ReplicationController,
  ResourceQuota,
  Secret,
  Service,
  ServiceAccount,
} from '../api/types/core-v1.ts';
import type {
  EndpointSlice,
} from '../api/types/discovery-v1.ts';
import type {
  Event as EventsV1Event,
} from '../api/types/events-v1.ts';
import type {
  FlowSchema,
  PriorityLevelConfiguration,
} from '../api/types/flowcontrol-v1.ts';
import type {
  IPAddress,
  Ingress,
  IngressClass,
  NetworkPolicy,
  ServiceCIDR,
} from '../api/types/networking-v1.ts';
import type {
  RuntimeClass,
} from '../api/types/node-v1.ts';
import type {
  PodDisruptionBudget,
} from '../api/types/policy-v1.ts';
import type {
  ClusterRole,
  ClusterRoleBinding,
  Role,
  RoleBinding,
} from '../api/types/rbac-v1.ts';
import type {
  DeviceClass,
  ResourceClaim,
  ResourceClaimTemplate,
  ResourceSlice,
} from '../api/types/resource-v1.ts';
import type {
  PriorityClass,
} from '../api/types/scheduling-v1.ts';
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from '../api/types/storage-v1.ts';
import type { Resource } from './resource.ts';

export const configMaps: Resource<ConfigMap> = { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', namespaced: true };
export const endpoints: Resource<Endpoints> = { group: '', version: 'v1', resource: 'endpoints', kind: 'Endpoints', namespaced: true };
export const events: Resource<Event> = { group: '', version: 'v1', resource: 'events', kind: 'Event', namespaced: true };
export const limitRanges: Resource<LimitRange> = { group: '', version: 'v1', resource: 'limitranges', kind: 'LimitRange', namespaced: true };
export const namespaces: Resource<Namespace> = { group: '', version: 'v1', resource: 'namespaces', kind: 'Namespace', namespaced: false };
export const nodes: Resource<Node> = { group: '', version: 'v1', resource: 'nodes', kind: 'Node', namespaced: false };
export const persistentVolumeClaims: Resource<PersistentVolumeClaim> = { group: '', version: 'v1', resource: 'persistentvolumeclaims', kind: 'PersistentVolumeClaim', namespaced: true };
export const persistentVolumes: Resource<PersistentVolume> = { group: '', version: 'v1', resource: 'persistentvolumes', kind: 'PersistentVolume', namespaced: false };
export const pods: Resource<Pod> = { group: '', version: 'v1', resource: 'pods', kind: 'Pod', namespaced: true };
export const podTemplates: Resource<PodTemplate> = { group: '', version: 'v1', resource: 'podtemplates', kind: 'PodTemplate', namespaced: true };
export const replicationControllers: Resource<ReplicationController> = { group: '', version: 'v1', resource: 'replicationcontrollers', kind: 'ReplicationController', namespaced: true };
export const resourceQuotas: Resource<ResourceQuota> = { group: '', version: 'v1', resource: 'resourcequotas', kind: 'ResourceQuota', namespaced: true };
export const secrets: Resource<Secret> = { group: '', version: 'v1', resource: 'secrets', kind: 'Secret', namespaced: true };
export const serviceAccounts: Resource<ServiceAccount> = { group: '', version: 'v1', resource: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true };
export const services: Resource<Service> = { group: '', version: 'v1', resource: 'services', kind: 'Service', namespaced: true };
export const apiServices: Resource<APIService> = { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices', kind: 'APIService', namespaced: false };
export const controllerRevisions: Resource<ControllerRevision> = { group: 'apps', version: 'v1', resource: 'controllerrevisions', kind: 'ControllerRevision', namespaced: true };
export const daemonSets: Resource<DaemonSet> = { group: 'apps', version: 'v1', resource: 'daemonsets', kind: 'DaemonSet', namespaced: true };
export const deployments: Resource<Deployment> = { group: 'apps', version: 'v1', resource: 'deployments', kind: 'Deployment', namespaced: true };
export const replicaSets: Resource<ReplicaSet> = { group: 'apps', version: 'v1', resource: 'replicasets', kind: 'ReplicaSet', namespaced: true };
export const statefulSets: Resource<StatefulSet> = { group: 'apps', version: 'v1', resource: 'statefulsets', kind: 'StatefulSet', namespaced: true };
export const eventsV1: Resource<EventsV1Event> = { group: 'events.k8s.io', version: 'v1', resource: 'events', kind: 'Event', namespaced: true };
export const tokenReviews: Resource<TokenReview> = { group: 'authentication.k8s.io', version: 'v1', resource: 'tokenreviews', kind: 'TokenReview', namespaced: false };
export const subjectAccessReviews: Resource<SubjectAccessReview> = { group: 'authorization.k8s.io', version: 'v1', resource: 'subjectaccessreviews', kind: 'SubjectAccessReview', namespaced: false };
export const horizontalPodAutoscalers: Resource<HorizontalPodAutoscaler> = { group: 'autoscaling', version: 'v2', resource: 'horizontalpodautoscalers', kind: 'HorizontalPodAutoscaler', namespaced: true };
export const cronJobs: Resource<CronJob> = { group: 'batch', version: 'v1', resource: 'cronjobs', kind: 'CronJob', namespaced: true };
export const jobs: Resource<Job> = { group: 'batch', version: 'v1', resource: 'jobs', kind: 'Job', namespaced: true };
export const certificateSigningRequests: Resource<CertificateSigningRequest> = { group: 'certificates.k8s.io', version: 'v1', resource: 'certificatesigningrequests', kind: 'CertificateSigningRequest', namespaced: false };
export const ingressClasses: Resource<IngressClass> = { group: 'networking.k8s.io', version: 'v1', resource: 'ingressclasses', kind: 'IngressClass', namespaced: false };
export const ingresses: Resource<Ingress> = { group: 'networking.k8s.io', version: 'v1', resource: 'ingresses', kind: 'Ingress', namespaced: true };
export const ipAddresses: Resource<IPAddress> = { group: 'networking.k8s.io', version: 'v1', resource: 'ipaddresses', kind: 'IPAddress', namespaced: false };
export const networkPolicies: Resource<NetworkPolicy> = { group: 'networking.k8s.io', version: 'v1', resource: 'networkpolicies', kind: 'NetworkPolicy', namespaced: true };
export const serviceCIDRs: Resource<ServiceCIDR> = { group: 'networking.k8s.io', version: 'v1', resource: 'servicecidrs', kind: 'ServiceCIDR', namespaced: false };
export const podDisruptionBudgets: Resource<PodDisruptionBudget> = { group: 'policy', version: 'v1', resource: 'poddisruptionbudgets', kind: 'PodDisruptionBudget', namespaced: true };
export const clusterRoleBindings: Resource<ClusterRoleBinding> = { group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterrolebindings', kind: 'ClusterRoleBinding', namespaced: false };
export const clusterRoles: Resource<ClusterRole> = { group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterroles', kind: 'ClusterRole', namespaced: false };
export const roleBindings: Resource<RoleBinding> = { group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'rolebindings', kind: 'RoleBinding', namespaced: true };
export const roles: Resource<Role> = { group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'roles', kind: 'Role', namespaced: true };
export const csiDrivers: Resource<CSIDriver> = { group: 'storage.k8s.io', version: 'v1', resource: 'csidrivers', kind: 'CSIDriver', namespaced: false };
export const csiNodes: Resource<CSINode> = { group: 'storage.k8s.io', version: 'v1', resource: 'csinodes', kind: 'CSINode', namespaced: false };
export const csiStorageCapacities: Resource<CSIStorageCapacity> = { group: 'storage.k8s.io', version: 'v1', resource: 'csistoragecapacities', kind: 'CSIStorageCapacity', namespaced: true };
export const storageClasses: Resource<StorageClass> = { group: 'storage.k8s.io', version: 'v1', resource: 'storageclasses', kind: 'StorageClass', namespaced: false };
export const volumeAttachments: Resource<VolumeAttachment> = { group: 'storage.k8s.io', version: 'v1', resource: 'volumeattachments', kind: 'VolumeAttachment', namespaced: false };
export const volumeAttributesClasses: Resource<VolumeAttributesClass> = { group: 'storage.k8s.io', version: 'v1', resource: 'volumeattributesclasses', kind: 'VolumeAttributesClass', namespaced: false };
export const mutatingAdmissionPolicies: Resource<MutatingAdmissionPolicy> = { group: 'admissionregistration.k8s.io', version: 'v1', resource: 'mutatingadmissionpolicies', kind: 'MutatingAdmissionPolicy', namespaced: false };
export const mutatingAdmissionPolicyBindings: Resource<MutatingAdmissionPolicyBinding> = { group: 'admissionregistration.k8s.io', version: 'v1', resource: 'mutatingadmissionpolicybindings', kind: 'MutatingAdmissionPolicyBinding', namespaced: false };
export const mutatingWebhookConfigurations: Resource<MutatingWebhookConfiguration> = { group: 'admissionregistration.k8s.io', version: 'v1', resource: 'mutatingwebhookconfigurations', kind: 'MutatingWebhookConfiguration', namespaced: false };
export const validatingAdmissionPolicies: Resource<ValidatingAdmissionPolicy> = { group: 'admissionregistration.k8s.io', version: 'v1', resource: 'validatingadmissionpolicies', kind: 'ValidatingAdmissionPolicy', namespaced: false };
export const validatingAdmissionPolicyBindings: Resource<ValidatingAdmissionPolicyBinding> = { group: 'admissionregistration.k8s.io', version: 'v1', resource: 'validatingadmissionpolicybindings', kind: 'ValidatingAdmissionPolicyBinding', namespaced: false };
export const validatingWebhookConfigurations: Resource<ValidatingWebhookConfiguration> = { group: 'admissionregistration.k8s.io', version: 'v1', resource: 'validatingwebhookconfigurations', kind: 'ValidatingWebhookConfiguration', namespaced: false };
export const customResourceDefinitions: Resource<CustomResourceDefinition> = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions', kind: 'CustomResourceDefinition', namespaced: false };
export const priorityClasses: Resource<PriorityClass> = { group: 'scheduling.k8s.io', version: 'v1', resource: 'priorityclasses', kind: 'PriorityClass', namespaced: false };
export const leases: Resource<Lease> = { group: 'coordination.k8s.io', version: 'v1', resource: 'leases', kind: 'Lease', namespaced: true };
export const runtimeClasses: Resource<RuntimeClass> = { group: 'node.k8s.io', version: 'v1', resource: 'runtimeclasses', kind: 'RuntimeClass', namespaced: false };
export const endpointSlices: Resource<EndpointSlice> = { group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices', kind: 'EndpointSlice', namespaced: true };
export const deviceClasses: Resource<DeviceClass> = { group: 'resource.k8s.io', version: 'v1', resource: 'deviceclasses', kind: 'DeviceClass', namespaced: false };
export const resourceClaims: Resource<ResourceClaim> = { group: 'resource.k8s.io', version: 'v1', resource: 'resourceclaims', kind: 'ResourceClaim', namespaced: true };
export const resourceClaimTemplates: Resource<ResourceClaimTemplate> = { group: 'resource.k8s.io', version: 'v1', resource: 'resourceclaimtemplates', kind: 'ResourceClaimTemplate', namespaced: true };
export const resourceSlices: Resource<ResourceSlice> = { group: 'resource.k8s.io', version: 'v1', resource: 'resourceslices', kind: 'ResourceSlice', namespaced: false };
export const flowSchemas: Resource<FlowSchema> = { group: 'flowcontrol.apiserver.k8s.io', version: 'v1', resource: 'flowschemas', kind: 'FlowSchema', namespaced: false };
export const priorityLevelConfigurations: Resource<PriorityLevelConfiguration> = { group: 'flowcontrol.apiserver.k8s.io', version: 'v1', resource: 'prioritylevelconfigurations', kind: 'PriorityLevelConfiguration', namespaced: false };
