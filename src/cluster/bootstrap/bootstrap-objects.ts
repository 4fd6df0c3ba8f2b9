/**
 * What a cluster holds before anyone has asked for anything, in the order of
 * creation. Data only: the composition root writes it.
 */
import { localProvisioner, localStorageClass } from '../../api/local-volumes.ts';
import { clusterInfo, clusterInfoField } from '../../api/bootstrap-tokens.ts';
import type { KubeObject } from '../../api/object.ts';
import { formatTime } from '../../base/clock.ts';
import { anonymousKubeconfig } from '../pki/kubeconfig.ts';
import { bootstrapFlowSchemas, bootstrapPriorityLevels } from './flow-control.ts';
import { joiningClusterRoleBindings, joiningClusterRoles, joiningRole, joiningRoleBinding } from './joining.ts';
import {
  bootstrapClusterRoleBindings,
  bootstrapClusterRoles,
  bootstrapRoleBindings,
  bootstrapRoles,
} from './rbac-policy.ts';
import { reconcile } from './reconciliation.ts';
import type { Reconciliation } from './reconciliation.ts';

export interface BootstrapOptions {
  /** Epoch milliseconds. */
  readonly now: number;
  /** The address of the service `kubernetes`: the first of the first CIDR. */
  readonly serviceAddress: string;
  readonly serviceCidrs: readonly string[];
  /** Where the API server listens. */
  readonly apiServerPort: number;
  /** By which others reach it; not a loopback address, which endpoints may not have. Undefined: no endpoints. */
  readonly advertiseAddress?: string;
  /** PEM. */
  readonly clientAuthority: string;
  readonly frontProxyAuthority: string;
}

export interface BootstrapObject {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  /** Complete, defaults and status included; its namespace is in the metadata. */
  readonly object: KubeObject;
  /** Who owns its fields; left out, the API server. */
  readonly manager?: string;
  /** What has to be done where the object exists already. */
  readonly reconcile: (existing: KubeObject) => Reconciliation;
}

/** The part of upstream's server that makes these. */
const flowControlManager = 'api-priority-and-fairness-config-producer-v1';

const namespaces = ['kube-system', 'kube-public', 'kube-node-lease', 'default'];

function namespaceObject(name: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  };
}

function priorityClasses(): KubeObject[] {
  const one = (name: string, value: number, description: string): KubeObject => ({
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name },
    value,
    description,
    preemptionPolicy: 'PreemptLowerPriority',
  });
  return [
    one(
      'system-node-critical',
      2_000_001_000,
      'Used for system critical pods that must not be moved from their current node.',
    ),
    one(
      'system-cluster-critical',
      2_000_000_000,
      'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
    ),
  ];
}

/** Costs nothing until a pod that uses such a claim has a node. */
function storageClass(): KubeObject {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: localStorageClass, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: localProvisioner,
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'WaitForFirstConsumer',
    allowVolumeExpansion: true,
  };
}

function extensionAuthentication({ clientAuthority, frontProxyAuthority }: BootstrapOptions): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'extension-apiserver-authentication', namespace: 'kube-system' },
    data: {
      'client-ca-file': clientAuthority,
      'requestheader-allowed-names': '["front-proxy-client"]',
      'requestheader-client-ca-file': frontProxyAuthority,
      'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
      'requestheader-group-headers': '["X-Remote-Group"]',
      'requestheader-username-headers': '["X-Remote-User"]',
    },
  };
}

/** How strangers find the cluster, and by which authority they know that it is the one they look for. */
function clusterInformation({ advertiseAddress = '127.0.0.1', apiServerPort, clientAuthority }: BootstrapOptions): KubeObject {
  const host = advertiseAddress.includes(':') ? `[${advertiseAddress}]` : advertiseAddress;
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { ...clusterInfo },
    data: { [clusterInfoField]: anonymousKubeconfig(`https://${host}:${apiServerPort}`, clientAuthority) },
  };
}

/** Secret-based tokens count as unused since this day until they are used. */
function tokenTracking({ now }: BootstrapOptions): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'kube-apiserver-legacy-service-account-token-tracking', namespace: 'kube-system' },
    data: { since: formatTime(now).slice(0, 10) },
  };
}

function serviceCidr({ serviceCidrs, now }: BootstrapOptions): KubeObject {
  const ready = {
    type: 'Ready',
    status: 'True',
    lastTransitionTime: formatTime(now),
    reason: '',
    message: 'Kubernetes default Service CIDR is ready',
  };
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name: 'kubernetes' },
    spec: { cidrs: [...serviceCidrs] },
    status: { conditions: [ready] },
  };
}

function ipFamilyOf(address: string): 'IPv4' | 'IPv6' {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

function serviceIpAddress({ serviceAddress }: BootstrapOptions): KubeObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IPAddress',
    metadata: {
      name: serviceAddress,
      labels: {
        'ipaddress.kubernetes.io/ip-family': ipFamilyOf(serviceAddress),
        'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
      },
    },
    spec: { parentRef: { group: '', resource: 'services', namespace: 'default', name: 'kubernetes' } },
  };
}

function kubernetesService({ serviceAddress, apiServerPort }: BootstrapOptions): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { component: 'apiserver', provider: 'kubernetes' },
    },
    spec: {
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: apiServerPort }],
      clusterIP: serviceAddress,
      clusterIPs: [serviceAddress],
      type: 'ClusterIP',
      sessionAffinity: 'None',
      ipFamilies: [ipFamilyOf(serviceAddress)],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
    },
    status: { loadBalancer: {} },
  };
}

function kubernetesEndpoints(address: string, port: number): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' },
    },
    subsets: [{ addresses: [{ ip: address }], ports: [{ name: 'https', port, protocol: 'TCP' }] }],
  };
}

function kubernetesEndpointSlice(address: string, port: number): KubeObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': 'kubernetes' },
    },
    addressType: ipFamilyOf(address),
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  };
}

export function bootstrapObjects(options: BootstrapOptions): BootstrapObject[] {
  const { advertiseAddress, apiServerPort } = options;
  const rbac = 'rbac.authorization.k8s.io';
  const flowControl = 'flowcontrol.apiserver.k8s.io';
  const objects: [group: string, resource: string, objects: readonly object[]][] = [
    ['', 'namespaces', namespaces.map(namespaceObject)],
    [rbac, 'clusterroles', [...bootstrapClusterRoles(), ...joiningClusterRoles()]],
    [rbac, 'clusterrolebindings', [...bootstrapClusterRoleBindings(), ...joiningClusterRoleBindings()]],
    [rbac, 'roles', [...bootstrapRoles(), joiningRole()]],
    [rbac, 'rolebindings', [...bootstrapRoleBindings(), joiningRoleBinding()]],
    ['scheduling.k8s.io', 'priorityclasses', priorityClasses()],
    ['storage.k8s.io', 'storageclasses', [storageClass()]],
    [flowControl, 'prioritylevelconfigurations', bootstrapPriorityLevels()],
    [flowControl, 'flowschemas', bootstrapFlowSchemas(formatTime(options.now))],
    ['', 'configmaps', [extensionAuthentication(options), tokenTracking(options), clusterInformation(options)]],
    ['networking.k8s.io', 'servicecidrs', [serviceCidr(options)]],
    ['', 'services', [kubernetesService(options)]],
    ['networking.k8s.io', 'ipaddresses', [serviceIpAddress(options)]],
  ];
  if (advertiseAddress !== undefined) {
    objects.push(['', 'endpoints', [kubernetesEndpoints(advertiseAddress, apiServerPort)]]);
    objects.push([
      'discovery.k8s.io',
      'endpointslices',
      [kubernetesEndpointSlice(advertiseAddress, apiServerPort)],
    ]);
  }
  return objects.flatMap(([group, resource, list]) =>
    (list as readonly KubeObject[]).map((object) => ({
      group,
      version: 'v1',
      resource,
      object,
      ...(group === flowControl ? { manager: flowControlManager } : {}),
      reconcile: (existing: KubeObject) => reconcile(resource, existing, object),
    })),
  );
}
