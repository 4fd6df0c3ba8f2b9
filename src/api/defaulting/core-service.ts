/** Services and endpoints. Cluster IPs, IP families and node ports are the strategy's: they need the allocator. */
import type { Endpoints, Service, ServicePort } from '../types/core-v1.ts';
import type { Defaulters } from './kind-defaulter.ts';
import { defaulter } from './kind-defaulter.ts';

const clientIpAffinitySeconds = 10800;

function defaultService(service: Service): void {
  service.status ??= {};
  service.status.loadBalancer ??= {};
  const spec = service.spec;
  if (!spec) return;
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'ClientIP' && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: clientIpAffinitySeconds } };
  }
  spec.type ||= 'ClusterIP';
  for (const port of spec.ports ?? []) defaultPort(port);
  if (isReachableFromOutside(service)) spec.externalTrafficPolicy ||= 'Cluster';
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type !== 'LoadBalancer') return;
  spec.allocateLoadBalancerNodePorts ??= true;
  for (const ingress of service.status.loadBalancer.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP';
}

function defaultPort(port: ServicePort): void {
  port.protocol ||= 'TCP';
  if (!port.targetPort) port.targetPort = port.port;
}

/** Node ports, load balancers and external IPs bring traffic from outside the cluster. */
export function isReachableFromOutside({ spec }: Service): boolean {
  if (spec?.type === 'LoadBalancer' || spec?.type === 'NodePort') return true;
  return spec?.type === 'ClusterIP' && (spec.externalIPs?.length ?? 0) > 0;
}

function defaultEndpoints(endpoints: Endpoints): void {
  for (const subset of endpoints.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= 'TCP';
}

export const defaulters: Defaulters = {
  '/v1/Service': defaulter<Service>(defaultService),
  '/v1/Endpoints': defaulter<Endpoints>(defaultEndpoints),
};
