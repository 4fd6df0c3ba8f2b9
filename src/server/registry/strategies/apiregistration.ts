/** apiregistration.k8s.io/v1: what this server answers itself is there from the start. */
import { formatTime } from '../../../base/clock.ts';
import type { KubeObject } from '../../../api/object.ts';
import type { APIService } from '../../../api/types/apiregistration-v1.ts';
import type { Strategy, StrategyContext } from '../strategy.ts';
import { allOfMetadata, strategyOf } from './status-and-generation.ts';

function markLocalAvailable(object: KubeObject, { now }: StrategyContext): void {
  const service = object as unknown as APIService;
  if (service.spec?.service) return;
  const lastTransitionTime = formatTime(now);
  service.status = {
    conditions: [
      {
        type: 'Available',
        status: 'True',
        lastTransitionTime,
        reason: 'Local',
        message: 'Local APIServices are always available',
      },
    ],
  };
}

export const strategies: Readonly<Record<string, Strategy>> = {
  'apiregistration.k8s.io/apiservices': strategyOf(
    { status: {}, create: markLocalAvailable, statusKeeps: allOfMetadata },
    { allowUnconditionalUpdate: false },
  ),
};
