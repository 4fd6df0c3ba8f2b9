/** flowcontrol.apiserver.k8s.io/v1. */
import type { FlowSchema, PriorityLevelConfiguration } from '../types/flowcontrol-v1.ts';
import { defaulter, type Defaulters } from './kind-defaulter.ts';

function defaultPriorityLevel(level: PriorityLevelConfiguration): void {
  level.status ??= {};
  const { limited, exempt } = level.spec ?? {};
  if (exempt) {
    exempt.nominalConcurrencyShares ??= 0;
    exempt.lendablePercent ??= 0;
  }
  if (!limited) return;
  limited.nominalConcurrencyShares ??= 30;
  limited.lendablePercent ??= 0;
  const queuing = limited.limitResponse?.queuing;
  if (!queuing) return;
  queuing.handSize ||= 8;
  queuing.queues ||= 64;
  queuing.queueLengthLimit ||= 50;
}

export const defaulters: Defaulters = {
  'flowcontrol.apiserver.k8s.io/v1/FlowSchema': defaulter<FlowSchema>((schema) => {
    schema.status ??= {};
    if (schema.spec) schema.spec.matchingPrecedence ||= 1000;
  }),
  'flowcontrol.apiserver.k8s.io/v1/PriorityLevelConfiguration':
    defaulter<PriorityLevelConfiguration>(defaultPriorityLevel),
};
