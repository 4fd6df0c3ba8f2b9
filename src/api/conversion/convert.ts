/**
 * Between the versions of a resource. Most differ in `apiVersion` only; the
 * table below has the ones that do not. Given objects are never changed, but
 * what has no other form is shared with the result.
 */
import type { GroupVersionKind } from '../schema.ts';
import { formatGroupVersion, type KubeObject } from '../object.ts';
import type { HorizontalPodAutoscaler as AutoscalerV1 } from '../types/autoscaling-v1.ts';
import type { HorizontalPodAutoscaler as AutoscalerV2 } from '../types/autoscaling-v2.ts';
import { coreEventToEvents, eventsEventToCore } from './event.ts';
import { horizontalPodAutoscalerToV1, horizontalPodAutoscalerToV2 } from './horizontal-pod-autoscaler.ts';

type Conversion = (object: KubeObject) => KubeObject;

/** By kind and both apiVersions. */
const conversions: Readonly<Record<string, Conversion>> = {
  'Event v1 events.k8s.io/v1': coreEventToEvents,
  'Event events.k8s.io/v1 v1': eventsEventToCore,
  'HorizontalPodAutoscaler autoscaling/v1 autoscaling/v2': (object) =>
    horizontalPodAutoscalerToV2(object as unknown as AutoscalerV1) as unknown as KubeObject,
  'HorizontalPodAutoscaler autoscaling/v2 autoscaling/v1': (object) =>
    horizontalPodAutoscalerToV1(object as unknown as AutoscalerV2) as unknown as KubeObject,
};

function conversionOf(from: GroupVersionKind, to: GroupVersionKind): Conversion | undefined {
  return conversions[`${to.kind} ${formatGroupVersion(from)} ${formatGroupVersion(to)}`];
}

/** False where `convert` only renames the apiVersion, so that cached bytes can be spliced instead of parsed. */
export function convertsStructure(from: GroupVersionKind, to: GroupVersionKind): boolean {
  return conversionOf(from, to) !== undefined;
}

/** The object in another version of its kind. */
export function convert(object: KubeObject, from: GroupVersionKind, to: GroupVersionKind): KubeObject {
  const conversion = conversionOf(from, to);
  return conversion ? conversion(object) : { ...object, apiVersion: formatGroupVersion(to), kind: to.kind };
}
