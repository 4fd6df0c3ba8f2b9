/** What the server tells the author of a service that works, but perhaps not as meant. */
import type { KubeObject } from '../../../api/object.ts';
import type { Service } from '../../../api/types/core-v1.ts';
import { isHeadless } from '../../../api/validation/core-service.ts';

export function serviceWarnings(object: KubeObject): string[] {
  const { spec = {} } = object as unknown as Service;
  const warnings: string[] = [];
  if (object.metadata.annotations?.['service.kubernetes.io/topology-aware-hints'] !== undefined) {
    warnings.push('annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead');
  }
  const isNamed = spec.type === 'ExternalName';
  const hasExternalIps = (spec.externalIPs?.length ?? 0) > 0;
  if (isHeadless(spec)) {
    if (spec.loadBalancerIP) warnings.push('spec.loadBalancerIP is ignored for headless services');
    if (hasExternalIps) warnings.push('spec.externalIPs is ignored for headless services');
    if (spec.sessionAffinity !== 'None') warnings.push('spec.SessionAffinity is ignored for headless services');
  } else if (hasExternalIps && !isNamed) {
    warnings.push('spec.externalIPs is deprecated and may no longer be implemented in some clusters');
  }
  if (isNamed && hasExternalIps) warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (!isNamed && spec.externalName) warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  if (spec.trafficDistribution === 'PreferClose') {
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  }
  return warnings;
}
