/** flowcontrol.apiserver.k8s.io/v1. */
import type { Strategy } from '../strategy.ts';
import { allOfMetadata, strategyOf } from './status-and-generation.ts';

const strategy = strategyOf(
  { status: {}, counted: ['spec'], statusKeeps: allOfMetadata },
  { allowUnconditionalUpdate: true },
);

export const strategies: Readonly<Record<string, Strategy>> = {
  'flowcontrol.apiserver.k8s.io/flowschemas': strategy,
  'flowcontrol.apiserver.k8s.io/prioritylevelconfigurations': strategy,
};
