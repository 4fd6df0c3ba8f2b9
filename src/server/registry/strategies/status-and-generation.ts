/**
 * The two rules that almost every resource has, with what varies as data: the
 * status is set through its subresource only, and metadata.generation counts
 * the changes of what the user asks for. Objects may share parts with the
 * stored one on update, so nothing below the top level is changed in place.
 */
import type { KubeObject, ObjectMeta } from '../../../api/object.ts';
import { equalObjects } from '../equality.ts';
import type { Strategy, StrategyContext } from '../strategy.ts';

export interface Rules {
  /** The status of a new object. Left out: the kind has no status. */
  readonly status?: Readonly<Record<string, unknown>>;
  /** Fields whose change raises the generation. Left out: the kind has no generation. */
  readonly counted?: readonly string[];
  /** The same, of the metadata. */
  readonly countedMetadata?: readonly ('labels' | 'annotations')[];
  /** What of the metadata an update of the status may not touch. */
  readonly statusKeeps?: readonly (keyof ObjectMeta)[];
  /** What else is done to a new object. */
  create?(object: KubeObject, context: StrategyContext): void;
  /** What else is done to a changed one, before changes are counted. Not called for subresources. */
  update?(object: KubeObject, old: KubeObject, context: StrategyContext): void;
  /** Replaces the rule for a subresource; false where there is none. */
  subresource?(object: KubeObject, old: KubeObject, name: string, context: StrategyContext): boolean;
}

/** Upstream: metav1.ResetObjectMetaForStatus. */
export const allOfMetadata: readonly (keyof ObjectMeta)[] = [
  'labels',
  'annotations',
  'finalizers',
  'ownerReferences',
];

export function strategyOf(rules: Rules, more: Strategy = {}): Strategy {
  return {
    ...more,
    prepareForCreate(object, context) {
      if (rules.status) object['status'] = { ...rules.status };
      if (rules.counted) object.metadata.generation = 1;
      rules.create?.(object, context);
    },
    prepareForUpdate(object, old, subresource, context) {
      if (rules.subresource?.(object, old, subresource, context)) return;
      if (subresource === 'status') {
        keepAllButStatus(object, old, rules.statusKeeps ?? []);
        return;
      }
      if (rules.status) setOrDelete(object, 'status', old['status']);
      rules.update?.(object, old, context);
      if (counts(rules, object, old)) object.metadata.generation = (old.metadata.generation ?? 0) + 1;
    },
  };
}

/** For what a client may change through a subresource, the rest being as it was. */
export function keepAllButStatus(
  object: KubeObject,
  old: KubeObject,
  metadataToo: readonly (keyof ObjectMeta)[],
): void {
  for (const field of new Set([...Object.keys(object), ...Object.keys(old)]))
    if (field !== 'metadata' && field !== 'status') setOrDelete(object, field, old[field]);
  for (const field of metadataToo)
    setOrDelete(object.metadata as Record<string, unknown>, field, old.metadata[field]);
}

function setOrDelete(target: Record<string, unknown>, field: string, value: unknown): void {
  if (value === undefined) delete target[field];
  else target[field] = value;
}

function counts({ counted = [], countedMetadata = [] }: Rules, object: KubeObject, old: KubeObject): boolean {
  return (
    counted.some((field) => !equalObjects(object[field], old[field])) ||
    countedMetadata.some((field) => !equalObjects(object.metadata[field], old.metadata[field]))
  );
}
