/** Which services and controllers select the pods of a namespace: what default spreading goes by. */
import type { LabelSelector, Labels } from '../../api/selectors/label-selector.ts';

export interface Owners {
  serviceSelectors(namespace: string): Iterable<Labels>;
  controllerSelector(namespace: string, kind: string, name: string): LabelSelector | undefined;
}

export const noOwners: Owners = { serviceSelectors: () => [], controllerSelector: () => undefined };
