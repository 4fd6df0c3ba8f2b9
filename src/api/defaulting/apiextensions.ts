/** apiextensions.k8s.io/v1: names that follow from the kind. */
import type { CustomResourceDefinition } from '../types/apiextensions-v1.ts';
import { defaultService } from './admissionregistration.ts';
import { defaulter, type Defaulters } from './kind-defaulter.ts';

function defaultDefinition(definition: CustomResourceDefinition): void {
  const spec = definition.spec;
  if (!spec) return;
  const names = spec.names;
  if (names?.kind) {
    names.singular ||= names.kind.toLowerCase();
    names.listKind ||= `${names.kind}List`;
  }
  spec.conversion ??= { strategy: 'None' };
  defaultService(spec.conversion.webhook?.clientConfig?.service);
  const status = (definition.status ??= {});
  // Not optional on the wire.
  status.conditions ??= null as unknown as [];
  status.acceptedNames ??= { plural: '', kind: '' };
  const stored = spec.versions?.find(({ storage }) => storage);
  if (!status.storedVersions?.length && stored) status.storedVersions = [stored.name];
}

export const defaulters: Defaulters = {
  'apiextensions.k8s.io/v1/CustomResourceDefinition': defaulter<CustomResourceDefinition>(defaultDefinition),
};
