/** resource.k8s.io/v1. */
import { formatTime } from '../../../base/clock.ts';
import type { KubeObject } from '../../../api/object.ts';
import type { ResourceSlice } from '../../../api/types/resource-v1.ts';
import type { Strategy, StrategyContext } from '../strategy.ts';
import { allOfMetadata, strategyOf } from './status-and-generation.ts';

const unconditional = { allowUnconditionalUpdate: true };

/** A taint without a time was added now. */
function stampTaints(object: KubeObject, { now }: StrategyContext): void {
  const slice = object as unknown as ResourceSlice;
  if (!slice.spec?.devices?.some(({ taints }) => taints?.some(({ timeAdded }) => !timeAdded))) return;
  const timeAdded = formatTime(now);
  const devices = slice.spec.devices.map((device) =>
    device.taints
      ? {
          ...device,
          taints: device.taints.map((taint) => ({ ...taint, timeAdded: taint.timeAdded ?? timeAdded })),
        }
      : device,
  );
  slice.spec = { ...slice.spec, devices };
}

export const strategies: Readonly<Record<string, Strategy>> = {
  'resource.k8s.io/deviceclasses': strategyOf({ counted: ['spec'] }, unconditional),
  'resource.k8s.io/resourceclaims': strategyOf({ status: {}, statusKeeps: allOfMetadata }, unconditional),
  'resource.k8s.io/resourceclaimtemplates': strategyOf({}, unconditional),
  'resource.k8s.io/resourceslices': strategyOf(
    { counted: ['spec'], create: stampTaints, update: (object, _, context) => stampTaints(object, context) },
    unconditional,
  ),
};
