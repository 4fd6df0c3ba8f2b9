/** Fields that an apply would change and that somebody else owns. */
import { apiError, type ApiError } from '../../../api/errors.ts';
import { goQuote } from '../../../api/validation/go-format.ts';
import type { Comparison } from './compare.ts';
import { intersection, pathsOf } from './field-set.ts';
import { compareText, identifierOf, type Manager, type ManagerEntry } from './managed-fields.ts';
import { pathText } from './path-element.ts';

export interface Conflict {
  readonly manager: Manager;
  readonly path: readonly string[];
}

/** `comparisonAt` says what changes, in the fields of a version. */
export function conflictsWith(others: readonly ManagerEntry[], comparisonAt: (apiVersion: string) => Comparison | undefined): Conflict[] {
  return others.flatMap(({ manager, set }) => {
    const lost = intersection(set, comparisonAt(manager.apiVersion)?.changed);
    return lost ? [...pathsOf(lost)].map((path) => ({ manager, path })) : [];
  });
}

export function applyConflict(conflicts: readonly Conflict[]): ApiError {
  return apiError(409, 'Conflict', messageOf(conflicts), {
    causes: conflicts.map(({ manager, path }) => ({ reason: 'FieldManagerConflict', message: `conflict with ${managerText(manager)}`, field: pathText(path) })),
  });
}

function messageOf(conflicts: readonly Conflict[]): string {
  const [only] = conflicts;
  if (only && conflicts.length === 1) return `Apply failed with 1 conflict: conflict with ${managerText(only.manager)}: ${pathText(only.path)}`;
  const paths = new Map<Manager, string[]>();
  for (const { manager, path } of conflicts) paths.set(manager, [...(paths.get(manager) ?? []), `- ${pathText(path)}`]);
  const managers = [...paths.keys()].sort((a, b) => compareText(identifierOf(a), identifierOf(b)));
  const lines = managers.flatMap((manager) => [`conflicts with ${managerText(manager)}:`, ...(paths.get(manager) as string[])]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}

function managerText({ name, operation, apiVersion, subresource }: Manager): string {
  const text = `${goQuote(name)}${subresource === '' ? '' : ` with subresource ${goQuote(subresource)}`}`;
  return operation === 'Update' ? `${text} using ${apiVersion}` : text;
}
