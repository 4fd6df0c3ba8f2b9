/**
 * kubectl's own apply keeps what it has applied in an annotation. An object may
 * move from it to the server's apply and back: the annotation says which fields
 * are kubectl's already, and is kept up to date where it is there.
 */
import type { ResourceInfo } from '../../../api/catalogue.ts';
import { formatGroupVersion, type KubeObject } from '../../../api/object.ts';
import type { Applied } from './apply.ts';
import { compareObjects } from './compare.ts';
import { configurationProblem, fieldsOfConfiguration } from './configuration.ts';
import type { Conflict } from './conflicts.ts';
import { structPlan } from './field-plan.ts';
import { difference, hasPath, type FieldSet } from './field-set.ts';

export const kubectl = 'kubectl';
const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
const annotationsBytesMax = 256 * 1024;

/** Those of which the annotation does not say that the field was applied, and with the value it has. */
export function conflictsBeyondLastApplied(conflicts: readonly Conflict[], live: KubeObject, resource: ResourceInfo): readonly Conflict[] {
  const own = appliedBefore(live, resource);
  return own === undefined ? conflicts : conflicts.filter(({ path }) => !hasPath(own.set, path));
}

function appliedBefore(live: KubeObject, resource: ResourceInfo): { readonly set: FieldSet | undefined } | undefined {
  const text = live.metadata?.annotations?.[annotation];
  if (!text) return undefined;
  let before: KubeObject;
  try {
    before = JSON.parse(text) as KubeObject;
  } catch {
    return undefined;
  }
  const plan = structPlan(resource.type);
  if (before?.apiVersion !== formatGroupVersion(resource) || configurationProblem(before, plan) !== undefined) return undefined;
  const { changed, removed } = compareObjects(before, live, plan);
  return { set: difference(difference(fieldsOfConfiguration(before, plan), changed), removed) };
}

/** The annotation, where there is one, says what has been applied now. */
export function withLastApplied(applied: Applied, live: KubeObject | undefined, configuration: KubeObject): Applied {
  const object = applied.object ?? live;
  const annotations = object?.metadata?.annotations;
  if (!object || !annotations?.[annotation]) return applied;
  const { [annotation]: _, ...others } = annotations;
  const changed = { ...others, [annotation]: lastAppliedText(configuration) };
  const bytes = Object.entries(changed).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0);
  return { ...applied, object: { ...object, metadata: { ...object.metadata, annotations: bytes > annotationsBytesMax ? others : changed } } };
}

/** As Go writes a map: names in order, a line's end behind it. */
function lastAppliedText(configuration: KubeObject): string {
  const { [annotation]: _, ...annotations } = configuration.metadata?.annotations ?? {};
  const hadAnnotations = configuration.metadata?.annotations !== undefined;
  const { annotations: __, ...metadata } = configuration.metadata ?? {};
  const kept = !hadAnnotations || Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations };
  return `${JSON.stringify(inNameOrder({ ...configuration, metadata: kept }))}\n`;
}

function inNameOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inNameOrder);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, field]) => [name, inNameOrder(field)]));
}
