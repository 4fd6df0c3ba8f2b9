/** storage.k8s.io/v1. */
import type { KubeObject } from '../../../api/object.ts';
import type { CSIDriver } from '../../../api/types/storage-v1.ts';
import { equalObjects } from '../equality.ts';
import type { Strategy } from '../strategy.ts';
import { allOfMetadata, strategyOf } from './status-and-generation.ts';

const tokensInSecrets =
  'spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes';

function driverWarnings(object: KubeObject, old: KubeObject | undefined): string[] {
  const { spec } = object as unknown as CSIDriver;
  if (!spec?.tokenRequests?.length || spec.serviceAccountTokenInSecrets !== undefined) return [];
  return old && equalObjects((old as unknown as CSIDriver).spec?.tokenRequests, spec.tokenRequests)
    ? []
    : [tokensInSecrets];
}

const conditional = { allowUnconditionalUpdate: false };
const unconditional = { allowUnconditionalUpdate: true };
const csiDriver = strategyOf({ counted: ['spec'] }, { ...conditional, warnings: driverWarnings });

export const strategies: Readonly<Record<string, Strategy>> = {
  'storage.k8s.io/storageclasses': strategyOf({}, unconditional),
  'storage.k8s.io/volumeattributesclasses': strategyOf({}, unconditional),
  'storage.k8s.io/volumeattachments': strategyOf(
    { status: { attached: false }, statusKeeps: allOfMetadata },
    conditional,
  ),
  // A new driver has no generation; its first change makes it 1.
  'storage.k8s.io/csidrivers': { ...csiDriver, prepareForCreate: () => {} },
  'storage.k8s.io/csinodes': strategyOf({}, conditional),
  'storage.k8s.io/csistoragecapacities': strategyOf({}, conditional),
};
