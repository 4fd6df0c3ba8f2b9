/**
 * API versions of kinds that are on their way out by 1.36. Every request for
 * one is answered with a warning that says so. The table is upstream's
 * (APILifecycleDeprecated, -Removed and -Replacement of the kinds).
 */
import type { ResourceInfo } from '../../api/catalogue.ts';

interface Lifecycle {
  /** The minor release of v1 that deprecated it, and the one without it. */
  readonly since: number;
  readonly goneIn?: number;
  readonly replacement?: string;
}

/** Beta and alpha versions are served only where they are switched on. */
const deprecated: Readonly<Record<string, Lifecycle>> = {
  'v1 ComponentStatus': { since: 19 },
  'v1 Endpoints': { since: 33, replacement: 'discovery.k8s.io/v1 EndpointSlice' },
  'admissionregistration.k8s.io/v1alpha1 MutatingAdmissionPolicy': { since: 35, goneIn: 38 },
  'admissionregistration.k8s.io/v1alpha1 MutatingAdmissionPolicyBinding': { since: 35, goneIn: 38 },
  'certificates.k8s.io/v1alpha1 ClusterTrustBundle': { since: 34, goneIn: 37 },
  'coordination.k8s.io/v1alpha2 LeaseCandidate': { since: 35, goneIn: 38 },
  'coordination.k8s.io/v1beta1 LeaseCandidate': { since: 36, goneIn: 39 },
  'networking.k8s.io/v1beta1 IPAddress': { since: 34, goneIn: 37 },
  'networking.k8s.io/v1beta1 ServiceCIDR': { since: 34, goneIn: 37 },
  'resource.k8s.io/v1alpha3 DeviceTaintRule': { since: 36, goneIn: 39 },
  'resource.k8s.io/v1beta1 DeviceClass': { since: 35, goneIn: 38 },
  'resource.k8s.io/v1beta1 ResourceClaim': { since: 35, goneIn: 38 },
  'resource.k8s.io/v1beta1 ResourceClaimTemplate': { since: 35, goneIn: 38 },
  'resource.k8s.io/v1beta1 ResourceSlice': { since: 35, goneIn: 38 },
  'resource.k8s.io/v1beta2 DeviceClass': { since: 36, goneIn: 39 },
  'resource.k8s.io/v1beta2 ResourceClaim': { since: 36, goneIn: 39 },
  'resource.k8s.io/v1beta2 ResourceClaimTemplate': { since: 36, goneIn: 39 },
  'resource.k8s.io/v1beta2 ResourceSlice': { since: 36, goneIn: 39 },
  'storage.k8s.io/v1beta1 VolumeAttributesClass': { since: 34, goneIn: 37, replacement: 'storage.k8s.io/v1 VolumeAttributesClass' },
};

/** Made once a resource: every request asks. */
const texts = new WeakMap<ResourceInfo, string>();

/** What the client is told, or '' for what stays. */
export function deprecationOf(resource: ResourceInfo): string {
  let text = texts.get(resource);
  if (text === undefined) texts.set(resource, (text = deprecationText(resource)));
  return text;
}

function deprecationText({ group, version, kind }: ResourceInfo): string {
  const name = `${group === '' ? '' : `${group}/`}${version} ${kind}`;
  const lifecycle = deprecated[name];
  if (!lifecycle) return '';
  const { since, goneIn, replacement } = lifecycle;
  return `${name} is deprecated in v1.${since}+${goneIn === undefined ? '' : `, unavailable in v1.${goneIn}+`}${replacement === undefined ? '' : `; use ${replacement}`}`;
}
