/**
 * DELETE: preconditions, grace, finalizers and propagation policies. An object
 * goes at once, or is marked (deletionTimestamp, finalizers) and goes with the
 * write that takes the last reason to stay away.
 */
import type { ResourceInfo } from '../../api/catalogue.ts';
import * as errors from '../../api/errors.ts';
import type { KubeObject } from '../../api/object.ts';
import type { DeleteOptions } from '../../api/types/meta-v1.ts';
import { formatTime } from '../../base/clock.ts';
import type { ChangeContext, Registry, Stored, Written } from './registry.ts';
import type { Strategy } from './strategy.ts';

const orphanFinalizer = 'orphan';
const foregroundFinalizer = 'foregroundDeletion';

export interface Deletion {
  /** False: it is marked, and still there. */
  readonly gone: boolean;
  /** Its last or present state. */
  readonly written: Written;
}

export async function deleteObject(
  registry: Registry,
  resource: ResourceInfo,
  name: string,
  options: DeleteOptions,
  context: ChangeContext,
): Promise<Deletion> {
  const strategy = registry.parts.strategyFor(resource);
  return registry.optimistically(resource, name, context.namespace, async (stored) => {
    checkPreconditions(resource, name, stored, options);
    stored.object.metadata.resourceVersion = String(stored.revision);
    await registry.admit('DELETE', resource, name, undefined, stored.object, context);
    const marked = mark(stored.object, strategy, options, context.now);
    const outcome = marked ? await registry.writeIfUnchanged(resource, name, stored, { object: marked, managed: stored.managed }, context) : await registry.removeIfUnchanged(resource, name, stored, context);
    return 'lost' in outcome ? outcome : { done: { gone: marked === undefined, written: outcome.done } };
  });
}

/** Throws ApiError 409. */
export function checkPreconditions(resource: ResourceInfo, name: string, stored: Stored, options: DeleteOptions): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const has = stored.object.metadata.uid ?? '';
  // It is named by its kind here, as nowhere else.
  const subject = { group: resource.group, kind: resource.kind, name };
  if (uid !== undefined && uid !== has)
    throw errors.conflict(
      subject,
      `the UID in the precondition (${uid}) does not match the UID in record (${has}). The object might have been deleted and then recreated`,
    );
  if (resourceVersion !== undefined && resourceVersion !== String(stored.revision))
    throw errors.conflict(
      subject,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${stored.revision}). The object might have been modified`,
    );
}

/** The object with the marks of a deletion under way, or undefined where nothing holds it. */
function mark(object: KubeObject, strategy: Strategy, options: DeleteOptions, now: number): KubeObject | undefined {
  const { metadata } = object;
  const finalizers = finalizersAfter(metadata.finalizers ?? [], strategy, options);
  const asked = options.gracePeriodSeconds ?? undefined;
  const marked: KubeObject = { ...object, metadata: { ...metadata } };
  if (finalizers.length) marked.metadata.finalizers = finalizers;
  else delete marked.metadata.finalizers;

  const held = finalizers.length > 0 || (strategy.holds?.(object) ?? false);
  const wanted = strategy.gracePeriodSeconds?.(object, asked);
  const granted = wanted === undefined ? undefined : Math.min(wanted, graceSecondsMax);
  if (metadata.deletionTimestamp !== undefined) {
    const left = metadata.deletionGracePeriodSeconds ?? 0;
    // Already under way: a second delete can only shorten it.
    if (strategy.gracePeriodSeconds && left > 0) {
      const shorter = asked === undefined ? undefined : (granted ?? 0);
      if (shorter === undefined || shorter >= left) return marked;
      if (shorter > 0 || held) {
        const start = Date.parse(metadata.deletionTimestamp) - left * 1000;
        marked.metadata.deletionTimestamp = formatTime(start + shorter * 1000);
        marked.metadata.deletionGracePeriodSeconds = shorter;
        return marked;
      }
      return undefined;
    }
    return held ? marked : undefined;
  }
  if (granted !== undefined && granted > 0) {
    marked.metadata.deletionTimestamp = formatTime(now + granted * 1000);
    marked.metadata.deletionGracePeriodSeconds = granted;
  } else if (held) {
    marked.metadata.deletionTimestamp = formatTime(now);
    if (finalizers.length) marked.metadata.deletionGracePeriodSeconds = 0;
  } else return undefined;
  strategy.markDeleting?.(marked);
  if (metadata.generation) marked.metadata.generation = metadata.generation + 1;
  return marked;
}

/** The two finalizers of the garbage collector follow the propagation policy; all others stay. */
function finalizersAfter(present: readonly string[], strategy: Strategy, options: DeleteOptions): string[] {
  const policy = policyOf(present, strategy, options);
  const finalizers = present.filter((finalizer) => finalizer !== orphanFinalizer && finalizer !== foregroundFinalizer);
  if (policy === 'Orphan') finalizers.push(orphanFinalizer);
  if (policy === 'Foreground') finalizers.push(foregroundFinalizer);
  return finalizers;
}

function policyOf(present: readonly string[], strategy: Strategy, options: DeleteOptions): string {
  if (options.propagationPolicy) return options.propagationPolicy;
  if (options.orphanDependents !== undefined) return options.orphanDependents ? 'Orphan' : 'Background';
  if (present.includes(orphanFinalizer)) return 'Orphan';
  if (present.includes(foregroundFinalizer)) return 'Foreground';
  return strategy.defaultPropagation ?? 'Background';
}

/** The longest time that Go's durations, and with them upstream's deletions, can have; 292 years. */
const graceSecondsMax = 9_223_372_036;

/** An integer that no double holds comes as its text (codec/json.ts). */
function graceOf(asked: unknown): number {
  const { rawJSON } = Object(asked) as { rawJSON?: string };
  const seconds = Number(rawJSON ?? asked);
  return seconds < 0 ? 1 : Math.min(seconds, graceSecondsMax);
}

const policies = ['Orphan', 'Background', 'Foreground'];

/** Refuses DeleteOptions that make no sense, as upstream words it. */
export function checkDeleteOptions(options: DeleteOptions): void {
  const wrong: errors.FieldError[] = [];
  if (options.propagationPolicy !== undefined && options.orphanDependents !== undefined)
    wrong.push({
      reason: 'FieldValueInvalid',
      field: 'propagationPolicy',
      message: `Invalid value: "${options.propagationPolicy}": orphanDependents and deletionPropagation cannot be both set`,
    });
  if (options.propagationPolicy !== undefined && !policies.includes(options.propagationPolicy))
    wrong.push({
      reason: 'FieldValueNotSupported',
      field: 'propagationPolicy',
      message: `Unsupported value: "${options.propagationPolicy}": supported values: "Foreground", "Background", "Orphan", "nil"`,
    });
  if (options.gracePeriodSeconds != null) options.gracePeriodSeconds = graceOf(options.gracePeriodSeconds);
  if (wrong.length) throw errors.invalid('meta.k8s.io', 'DeleteOptions', '', wrong);
}
