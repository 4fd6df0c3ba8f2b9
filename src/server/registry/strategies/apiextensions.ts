/** apiextensions.k8s.io/v1: every version that objects may ever have been stored in is remembered in the status. */
import type { KubeObject } from '../../../api/object.ts';
import type { CustomResourceDefinition } from '../../../api/types/apiextensions-v1.ts';
import type { Strategy } from '../strategy.ts';
import { strategyOf } from './status-and-generation.ts';

function rememberStoredVersion(object: KubeObject): void {
  const definition = object as unknown as CustomResourceDefinition;
  const stored = definition.spec?.versions?.find(({ storage }) => storage)?.name;
  const known = definition.status?.storedVersions ?? [];
  if (stored === undefined || known.includes(stored)) return;
  definition.status = { ...definition.status, storedVersions: [...known, stored] };
}

export const strategies: Readonly<Record<string, Strategy>> = {
  'apiextensions.k8s.io/customresourcedefinitions': strategyOf(
    {
      status: { conditions: null, acceptedNames: { plural: '', kind: '' }, storedVersions: null },
      counted: ['spec'],
      create: rememberStoredVersion,
      update: rememberStoredVersion,
    },
    { allowUnconditionalUpdate: false },
  ),
};
