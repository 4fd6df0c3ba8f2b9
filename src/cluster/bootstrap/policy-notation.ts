/**
 * RBAC rules in one line each:
 *
 *   <verbs> <groups> <resources> [<resource names>]
 *   <verbs> paths <non-resource paths>
 *
 * Lists are joined by commas; the core group is `core`; `read` stands for get,
 * list and watch, `write` for create, update, patch, delete and
 * deletecollection.
 */
import type { PolicyRule } from '../../api/types/rbac-v1.ts';

const verbAliases: Readonly<Record<string, readonly string[]>> = {
  read: ['get', 'list', 'watch'],
  write: ['create', 'delete', 'deletecollection', 'patch', 'update'],
};

export const recordEvents = 'create,patch,update core,events.k8s.io events';

export function parseRule(text: string): PolicyRule {
  const [verbText = '', groups = '', resources = '', names] = text.split(' ');
  const verbs = verbText.split(',').flatMap((verb) => verbAliases[verb] ?? [verb]);
  verbs.sort();
  if (groups === 'paths') return { nonResourceURLs: resources.split(','), verbs };
  return {
    apiGroups: groups.split(',').map((group) => (group === 'core' ? '' : group)),
    ...(names === undefined ? {} : { resourceNames: names.split(',') }),
    resources: resources.split(','),
    verbs,
  };
}
