/** Which resource a cache holds. All served versions of a resource share one cache, in the storage version. */
import type { ResourceInfo } from '../../api/catalogue.ts';
import {
  indexedFieldsOf,
  selectableFieldsOf,
  type SelectableFields,
} from '../../api/selectors/field-labels.ts';

export interface CachedResource {
  /** `/registry/<group or core>/<resource>/`. */
  readonly storagePrefix: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly selectable: SelectableFields;
  /** The selectable fields that are indexed. */
  readonly indexedFields: readonly string[];
}

/** What is cached for an entry of the catalogue. Custom resources bring the fields that their definition makes selectable. */
export function cachedResourceOf(
  info: Pick<ResourceInfo, 'storagePrefix' | 'group' | 'storageVersion' | 'resource' | 'kind' | 'namespaced'>,
  selectable: SelectableFields = selectableFieldsOf(info.group, info.resource),
): CachedResource {
  const { storagePrefix, group, storageVersion, resource, kind, namespaced } = info;
  return {
    storagePrefix,
    group,
    version: storageVersion,
    resource,
    kind,
    namespaced,
    selectable,
    indexedFields: indexedFieldsOf(group, resource),
  };
}
