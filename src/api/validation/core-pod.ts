/** Pods: on create, on update and through each of their subresources; bindings. */
import type { FieldError } from '../errors.ts';
import type { Binding, Container, EphemeralContainer, Pod, PodSpec } from '../types/core-v1.ts';
import type { KubeObject } from '../object.ts';
import { computeQos, qosOf } from '../qos.ts';
import { describeDifference, semanticEqual } from './equality.ts';
import type { FieldPath } from './field-path.ts';
import { forbiddenField, invalidValue, notSupported, path, required } from './field-path.ts';
import type { KindValidators } from './kind-validator.ts';
import { kindValidator } from './kind-validator.ts';
import { rangeMessage } from './names.ts';
import { validateImageSpaces } from './pod-containers.ts';
import { validateTolerations } from './pod-scheduling.ts';
import { appArmorPrefix, validateAnnotationsMatchFields } from './pod-security.ts';
import { mirrorAnnotation, validatePodAnnotations, validatePodSpec } from './pod-spec.ts';
import { validatePodStatus } from './pod-status.ts';

const specPath = path('spec');
const annotationsPath = path('metadata', 'annotations');
const int32Max = 2 ** 31 - 1;

function metaOf(pod: Pod): KubeObject['metadata'] {
  return pod.metadata ?? {};
}

function createPod(pod: Pod): FieldError[] {
  const errors: FieldError[] = [];
  const spec = pod.spec ?? ({ containers: [] } as PodSpec);
  validateWhole(errors, pod, spec);
  if (spec.ephemeralContainers?.length) errors.push(forbiddenField(specPath.child('ephemeralContainers'), 'cannot be set on create'));
  if (spec.nodeName && spec.schedulingGates?.length) {
    errors.push(forbiddenField(specPath.child('nodeName'), 'cannot be set until all schedulingGates have been cleared'));
  }
  const { annotations } = metaOf(pod);
  if (annotations) validateAnnotationsMatchFields(errors, annotations, spec, specPath);
  return errors;
}

/** What holds for a pod at any time. */
function validateWhole(errors: FieldError[], pod: Pod, spec: PodSpec): void {
  const meta = metaOf(pod);
  if (meta.annotations) validatePodAnnotations(errors, meta.annotations, spec, annotationsPath);
  validatePodSpec(errors, spec, meta, specPath);
  if (!spec.serviceAccountName && spec.volumes) forbidTokens(errors, spec);
  for (const list of ['containers', 'initContainers'] as const) {
    spec[list]?.forEach((container, i) => validateImageSpaces(errors, container, specPath.child(list).index(i)));
  }
}

function forbidTokens(errors: FieldError[], spec: PodSpec): void {
  spec.volumes?.forEach(({ projected }, i) =>
    projected?.sources?.forEach((source, j) => {
      if (!source.serviceAccountToken) return;
      const here = specPath.child('volumes').index(i).child('projected').child('sources').index(j).child('serviceAccountToken');
      errors.push(forbiddenField(here, 'must not be specified when serviceAccountName is not set'));
    }),
  );
}

function updatePod(pod: Pod, old: Pod, subresource: string): FieldError[] {
  const errors: FieldError[] = [];
  if (subresource === 'status') {
    validateAnnotationUpdate(errors, pod, old);
    validatePodStatus(errors, pod, old);
  } else if (subresource === 'ephemeralcontainers') updateEphemeralContainers(errors, pod, old);
  else if (subresource === 'resize') resizePod(errors, pod, old);
  else updateSpec(errors, pod, old);
  return errors;
}

function validateAnnotationUpdate(errors: FieldError[], pod: Pod, old: Pod): void {
  const now = metaOf(pod).annotations ?? {};
  const before = metaOf(old).annotations ?? {};
  for (const key in before) {
    if (now[key] === before[key]) continue;
    const here = annotationsPath.key(key);
    if (key.startsWith(appArmorPrefix)) errors.push(forbiddenField(here, 'may not remove or update AppArmor annotations'));
    if (key === mirrorAnnotation) errors.push(forbiddenField(here, 'may not remove or update mirror pod annotation'));
  }
  for (const key in now) {
    if (key in before) continue;
    if (key.startsWith(appArmorPrefix)) errors.push(forbiddenField(annotationsPath.key(key), 'may not add AppArmor annotations'));
    if (key === mirrorAnnotation) errors.push(forbiddenField(annotationsPath.key(key), 'may not add mirror pod annotation'));
  }
}

const updatable = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

function updateSpec(errors: FieldError[], pod: Pod, old: Pod): void {
  const spec = pod.spec!;
  const before = old.spec!;
  validateWhole(errors, pod, spec);
  validateAnnotationUpdate(errors, pod, old);
  for (const list of ['containers', 'initContainers'] as const) if (!sameCount(errors, spec, before, list)) return;
  if (!validateDeadline(errors, spec.activeDeadlineSeconds, before.activeDeadlineSeconds)) return;
  validateAddedTolerations(errors, spec, before);
  validateRemovedGates(errors, spec, before);
  if (semanticEqual(spec, before)) return;
  const rest: PodSpec = {
    ...spec,
    containers: withImagesOf(spec.containers, before.containers),
    ...(spec.initContainers ? { initContainers: withImagesOf(spec.initContainers, before.initContainers ?? []) } : {}),
    activeDeadlineSeconds: before.activeDeadlineSeconds,
    schedulingGates: before.schedulingGates,
    tolerations: before.tolerations,
  };
  if ((before.terminationGracePeriodSeconds ?? 0) < 0 && rest.terminationGracePeriodSeconds === 1) {
    rest.terminationGracePeriodSeconds = before.terminationGracePeriodSeconds;
  }
  if (before.schedulingGates?.length) validateGatedUpdate(errors, rest, before);
  if (semanticEqual(rest, before)) return;
  errors.push(forbiddenField(specPath, `pod updates may not change fields other than ${updatable}\n${describeDifference(before, rest)}`));
}

function sameCount(errors: FieldError[], spec: PodSpec, before: PodSpec, list: 'containers' | 'initContainers'): boolean {
  if ((spec[list]?.length ?? 0) === (before[list]?.length ?? 0)) return true;
  errors.push(forbiddenField(specPath.child(list), 'pod updates may not add or remove containers'));
  return false;
}

function withImagesOf(containers: readonly Container[], before: readonly Container[]): Container[] {
  return containers.map((container, i) => ({ ...container, image: before[i]?.image }));
}

/** It may be set, and then only be shortened. */
function validateDeadline(errors: FieldError[], deadline: number | undefined, before: number | undefined): boolean {
  const here = specPath.child('activeDeadlineSeconds');
  if (deadline === undefined) {
    if (before !== undefined) errors.push(invalidValue(here, undefined, 'must not update from a positive integer to nil value'));
    return true;
  }
  if (deadline < 0 || deadline > int32Max) errors.push(invalidValue(here, deadline, rangeMessage(0, int32Max)));
  else if (before !== undefined && before < deadline) errors.push(invalidValue(here, deadline, 'must be less than or equal to previous value'));
  else return true;
  return false;
}

function validateAddedTolerations(errors: FieldError[], spec: PodSpec, before: PodSpec): void {
  const here = specPath.child('tolerations');
  const now = spec.tolerations ?? [];
  for (const old of before.tolerations ?? []) {
    const kept = now.some((one) => semanticEqual({ ...old, tolerationSeconds: 0 }, { ...one, tolerationSeconds: 0 }));
    if (kept) continue;
    errors.push(forbiddenField(here, 'existing toleration can not be modified except its tolerationSeconds'));
    return;
  }
  validateTolerations(errors, now, here);
}

function validateRemovedGates(errors: FieldError[], spec: PodSpec, before: PodSpec): void {
  spec.schedulingGates?.forEach(({ name }, i) => {
    if (before.schedulingGates?.some((gate) => gate.name === name)) return;
    const why = `only deletion is allowed, but found new scheduling gate '${name}'`;
    errors.push(forbiddenField(specPath.child('schedulingGates').index(i).child('name'), why));
  });
}

/** A pod that still waits at a gate may be narrowed down to fewer nodes. What was allowed is put back in `rest`. */
function validateGatedUpdate(errors: FieldError[], rest: PodSpec, before: PodSpec): void {
  for (const key in before.nodeSelector) {
    if (rest.nodeSelector?.[key] === before.nodeSelector[key]) continue;
    const why = 'only additions to spec.nodeSelector are allowed (no mutations or deletions)';
    errors.push(invalidValue(specPath.child('nodeSelector'), rest.nodeSelector, why));
    break;
  }
  rest.nodeSelector = before.nodeSelector;
  const old = before.affinity?.nodeAffinity;
  const now = rest.affinity?.nodeAffinity;
  if (semanticEqual(old, now)) return;
  const oldTerms = old?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const terms = now?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const here = specPath.child('affinity').child('nodeAffinity').child('requiredDuringSchedulingIgnoredDuringExecution').child('nodeSelectorTerms');
  if (oldTerms.length > 0 && terms.length !== oldTerms.length) {
    errors.push(invalidValue(here, terms, 'no additions/deletions to non-empty NodeSelectorTerms list are allowed'));
  } else {
    oldTerms.forEach((term, i) => {
      const wasEmpty = !term.matchExpressions?.length && !term.matchFields?.length;
      const keeps = (list: 'matchExpressions' | 'matchFields') =>
        (term[list] ?? []).every((requirement, j) => semanticEqual(requirement, terms[i]?.[list]?.[j]));
      const isEmpty = !terms[i]?.matchExpressions?.length && !terms[i]?.matchFields?.length;
      if (wasEmpty ? isEmpty : keeps('matchExpressions') && keeps('matchFields')) return;
      errors.push(invalidValue(here.index(i), terms[i], 'only additions are allowed (no mutations or deletions)'));
    });
  }
  rest.affinity = { ...rest.affinity, nodeAffinity: old };
}

function updateEphemeralContainers(errors: FieldError[], pod: Pod, old: Pod): void {
  if (metaOf(old).annotations?.[mirrorAnnotation] !== undefined) {
    errors.push(forbiddenField(path(), 'static pods do not support ephemeral containers'));
    return;
  }
  validateWhole(errors, pod, pod.spec!);
  validateAnnotationUpdate(errors, pod, old);
  const here = specPath.child('ephemeralContainers');
  const now = new Map<string, EphemeralContainer>((pod.spec!.ephemeralContainers ?? []).map((one) => [one.name, one]));
  for (const container of old.spec?.ephemeralContainers ?? []) {
    const same = now.get(container.name);
    const name = JSON.stringify(container.name);
    if (!same) errors.push(forbiddenField(here, `existing ephemeral containers ${name} may not be removed\n`));
    else if (!semanticEqual(container, same)) {
      errors.push(forbiddenField(here, `existing ephemeral containers ${name} may not be changed\n${describeDifference(container, same)}`));
    }
  }
}

function resizePod(errors: FieldError[], pod: Pod, old: Pod): void {
  const spec = pod.spec!;
  const before = old.spec!;
  const isMirror = metaOf(old).annotations?.[mirrorAnnotation] !== undefined;
  if (isMirror || before.os?.name === 'windows') {
    errors.push(forbiddenField(path(), isMirror ? 'static pods cannot be resized' : 'windows pods cannot be resized'));
    return;
  }
  validateWhole(errors, pod, spec);
  if (qosOf(old) !== computeQos(pod)) {
    errors.push(invalidValue(specPath, pod.status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'));
  }
  const running = old.status?.containerStatuses?.find(({ state }) => state?.running);
  if (running && !running.resources) errors.push(forbiddenField(specPath, 'Pod running on node without support for resize'));
  if (old.status?.nodeAllocatableResourceClaimStatuses?.length) {
    errors.push(forbiddenField(specPath, 'pods with node allocatable resource claims cannot be resized'));
  }
  validatePodLevelResize(errors, spec, before);
  if (!validateSameContainers(errors, spec, before)) return;
  for (const list of ['initContainers', 'containers'] as const) {
    before[list]?.forEach((container, i) => forbidRemoval(errors, spec[list]![i]!.resources, container.resources, specPath.child(list).index(i).child('resources')));
  }
  for (const list of ['containers', 'initContainers'] as const) {
    before[list]?.forEach((container, i) => {
      if (semanticEqual(withoutComputeOf(spec[list]![i]!), withoutComputeOf(container))) return;
      errors.push(
        list === 'containers'
          ? forbiddenField(specPath, 'only cpu and memory resources are mutable')
          : forbiddenField(specPath.child(list).index(i), 'only cpu and memory resources for init or sidecar containers are mutable'),
      );
    });
  }
  before.initContainers?.forEach((container, i) => {
    const now = spec.initContainers![i]!;
    const restarts = container.restartPolicy !== 'Always' && now.resizePolicy?.some(({ restartPolicy }) => restartPolicy === 'RestartContainer');
    if (restarts && !semanticEqual(now, container)) errors.push(forbiddenField(specPath.child('initContainers').index(i), 'non-sidecar init containers with a resize policy of RestartContainer cannot be resized'));
  });
  if (errors.length > 0) return;
  const rest = { ...spec, containers: before.containers, initContainers: before.initContainers, resources: before.resources };
  if (!semanticEqual(rest, before)) errors.push(forbiddenField(specPath, 'only cpu and memory resources are mutable'));
}

function validateSameContainers(errors: FieldError[], spec: PodSpec, before: PodSpec): boolean {
  let same = true;
  for (const list of ['containers', 'initContainers'] as const) {
    const now = spec[list] ?? [];
    const old = before[list] ?? [];
    if (now.length !== old.length) {
      same = false;
      errors.push(forbiddenField(specPath.child(list), `${list} may not be added or removed on resize`));
      continue;
    }
    old.forEach(({ name }, i) => {
      if (now[i]!.name === name) return;
      same = false;
      errors.push(forbiddenField(specPath.child(list).index(i).child('name'), `${list} may not be renamed or reordered on resize`));
    });
  }
  return same;
}

function validatePodLevelResize(errors: FieldError[], spec: PodSpec, before: PodSpec): void {
  const here = specPath.child('resources');
  if (before.resources && !spec.resources) {
    errors.push(forbiddenField(here, 'pod-level resources cannot be removed'));
    return;
  }
  forbidRemoval(errors, spec.resources, before.resources, here, 'pod-level ');
  if (!semanticEqual(withoutCompute(spec.resources), withoutCompute(before.resources))) {
    errors.push(forbiddenField(specPath, 'only cpu and memory resources are mutable at pod-level'));
  }
}

function forbidRemoval(errors: FieldError[], now: Container['resources'], before: Container['resources'], at: FieldPath, level = ''): void {
  for (const [side, what] of [['requests', 'requests'], ['limits', 'limits']] as const) {
    const removed = Object.keys(before?.[side] ?? {}).some((name) => now?.[side]?.[name] === undefined);
    if (removed) errors.push(forbiddenField(at.child(side), `${level}resource ${what} cannot be removed`));
  }
}

function withoutComputeOf(container: Container): Container {
  return { ...container, resources: withoutCompute(container.resources) };
}

function withoutCompute(resources: Container['resources']): Container['resources'] {
  const { cpu: _cpu, memory: _memory, ...requests } = resources?.requests ?? {};
  const { cpu: _cpuLimit, memory: _memoryLimit, ...limits } = resources?.limits ?? {};
  return { ...resources, requests, limits };
}

export function validateBinding(binding: Binding): FieldError[] {
  const errors: FieldError[] = [];
  const { kind, name } = binding.target ?? {};
  if (kind && kind !== 'Node') errors.push(notSupported(path('target', 'kind'), kind, ['Node', '<empty>']));
  if (!name) errors.push(required(path('target', 'name')));
  return errors;
}

export const validators: KindValidators = {
  '/Pod': kindValidator<Pod>({ create: createPod, update: updatePod }),
  '/Binding': kindValidator<Binding>({ create: validateBinding }),
};
