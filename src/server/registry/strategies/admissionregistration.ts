/** admissionregistration.k8s.io/v1. */
import type { Strategy } from '../strategy.ts';
import { allOfMetadata, strategyOf } from './status-and-generation.ts';

const conditional = { allowUnconditionalUpdate: false };
const webhooks = strategyOf({ counted: ['webhooks'] }, conditional);
const specOnly = strategyOf({ counted: ['spec'] }, conditional);

export const strategies: Readonly<Record<string, Strategy>> = {
  'admissionregistration.k8s.io/validatingwebhookconfigurations': webhooks,
  'admissionregistration.k8s.io/mutatingwebhookconfigurations': webhooks,
  'admissionregistration.k8s.io/validatingadmissionpolicies': strategyOf(
    { status: {}, counted: ['spec'], statusKeeps: allOfMetadata },
    conditional,
  ),
  'admissionregistration.k8s.io/validatingadmissionpolicybindings': specOnly,
  'admissionregistration.k8s.io/mutatingadmissionpolicies': specOnly,
  'admissionregistration.k8s.io/mutatingadmissionpolicybindings': specOnly,
};
