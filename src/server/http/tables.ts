/** metav1.Table of objects, for clients that print. */
import type { ResourceInfo } from '../../api/catalogue.ts';
import type { KubeObject } from '../../api/object.ts';
import { tableFor } from '../../api/tables/table-for.ts';

export type IncludeObject = 'None' | 'Metadata' | 'Object';

export function tableOf(
  stored: ResourceInfo,
  objects: readonly KubeObject[],
  includeObject: IncludeObject,
  now: number,
  metadata: Readonly<Record<string, unknown>>,
): unknown {
  const definition = tableFor(stored.group, stored.kind);
  const ordered = definition.order ? [...objects].sort(definition.order) : objects;
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: objects.length === 1 && metadata['resourceVersion'] === undefined ? { resourceVersion: objects[0]?.metadata.resourceVersion } : metadata,
    columnDefinitions: definition.columns,
    rows: ordered.map((object) => rowOf(definition, object, includeObject, now)),
  };
}

function rowOf(definition: ReturnType<typeof tableFor>, object: KubeObject, includeObject: IncludeObject, now: number): unknown {
  const conditions = definition.conditions?.(object);
  const row: Record<string, unknown> = { cells: definition.cells(object, now) };
  if (conditions?.length) row['conditions'] = conditions;
  if (includeObject === 'Metadata') row['object'] = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
  else if (includeObject === 'Object') row['object'] = object;
  else row['object'] = null;
  return row;
}
