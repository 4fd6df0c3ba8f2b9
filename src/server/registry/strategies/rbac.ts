/** rbac.authorization.k8s.io/v1: no generation, and PUT creates. */
import type { Strategy } from '../strategy.ts';
import { strategyOf } from './status-and-generation.ts';

const strategy = strategyOf({}, { allowCreateOnUpdate: true, allowUnconditionalUpdate: true });

export const strategies: Readonly<Record<string, Strategy>> = {
  'rbac.authorization.k8s.io/roles': strategy,
  'rbac.authorization.k8s.io/rolebindings': strategy,
  'rbac.authorization.k8s.io/clusterroles': strategy,
  'rbac.authorization.k8s.io/clusterrolebindings': strategy,
};
