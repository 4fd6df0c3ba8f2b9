/** networking.k8s.io/v1. */
import type { KubeObject } from '../../../api/object.ts';
import type { Ingress } from '../../../api/types/networking-v1.ts';
import type { Strategy } from '../strategy.ts';
import { allOfMetadata, strategyOf } from './status-and-generation.ts';

const classAnnotation = 'kubernetes.io/ingress.class';

function ingressWarnings(object: KubeObject, old: KubeObject | undefined): string[] {
  const annotated = object.metadata.annotations?.[classAnnotation] !== undefined;
  if (old || !annotated || (object as unknown as Ingress).spec?.ingressClassName !== undefined) return [];
  return [`annotation "${classAnnotation}" is deprecated, please use 'spec.ingressClassName' instead`];
}

export const strategies: Readonly<Record<string, Strategy>> = {
  'networking.k8s.io/ingresses': strategyOf(
    { status: { loadBalancer: {} }, counted: ['spec'] },
    { allowUnconditionalUpdate: true, warnings: ingressWarnings },
  ),
  'networking.k8s.io/ingressclasses': strategyOf({ counted: ['spec'] }, { allowUnconditionalUpdate: true }),
  'networking.k8s.io/networkpolicies': strategyOf({ counted: ['spec'] }, { allowUnconditionalUpdate: true }),
  'networking.k8s.io/servicecidrs': strategyOf(
    { status: {}, statusKeeps: allOfMetadata },
    { allowUnconditionalUpdate: true },
  ),
  'networking.k8s.io/ipaddresses': strategyOf({}, { allowUnconditionalUpdate: true }),
};
