/**
 * What a writer hands along with a commit (`Commit.hint`), so that the cache
 * need not parse what was written.
 */
import type { KubeObject } from '../../api/object.ts';
import { selectableFieldsOf } from '../../api/selectors/field-labels.ts';
import type { Labels } from '../../api/selectors/label-selector.ts';

export interface IndexHint {
  readonly labels: Labels | undefined;
  /** In the order of the resource's SelectableFields. */
  readonly fields: readonly string[];
}

/** The hint for an object about to be written. It shares the object's labels: do not change them afterwards. */
export function indexHintOf(
  resource: { readonly group: string; readonly resource: string },
  object: KubeObject,
): IndexHint {
  return {
    labels: object.metadata.labels,
    fields: selectableFieldsOf(resource.group, resource.resource).valuesOf(object),
  };
}
