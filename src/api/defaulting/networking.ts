/** networking.k8s.io/v1. */
import type {
  Ingress,
  IngressClass,
  NetworkPolicy,
  NetworkPolicyPort,
  ServiceCIDR,
} from '../types/networking-v1.ts';
import { defaulter, type Defaulters } from './kind-defaulter.ts';

function defaultNetworkPolicy(policy: NetworkPolicy): void {
  const spec = (policy.spec ??= { podSelector: {} });
  spec.podSelector ??= {};
  // A policy that does not say what it is about is about ingress, and about egress where it has rules for it.
  if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
  for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) defaultPorts(rule.ports);
}

function defaultPorts(ports: NetworkPolicyPort[] | undefined): void {
  for (const port of ports ?? []) port.protocol ??= 'TCP';
}

function defaultIngress(ingress: Ingress): void {
  ingress.status ??= {};
  ingress.status.loadBalancer ??= {};
}

export const defaulters: Defaulters = {
  'networking.k8s.io/v1/NetworkPolicy': defaulter<NetworkPolicy>(defaultNetworkPolicy),
  'networking.k8s.io/v1/Ingress': defaulter<Ingress>(defaultIngress),
  'networking.k8s.io/v1/ServiceCIDR': defaulter<ServiceCIDR>((range) => void (range.status ??= {})),
  'networking.k8s.io/v1/IngressClass': defaulter<IngressClass>(({ spec }) => {
    if (spec?.parameters) spec.parameters.scope ??= 'Cluster';
  }),
};
