/** What kubelets and controllers may write into a pod's status. */
import type { FieldError } from '../errors.ts';
import type { Container, ContainerStatus, Pod, PodSpec } from '../types/core-v1.ts';
import type { FieldPath } from './field-path.ts';
import { duplicate, forbiddenField, immutableMessage, invalidEach, invalidValue, path } from './field-path.ts';
import { isDualStackPair, validateIp } from './ip.ts';
import { dnsSubdomain, qualifiedName } from './names.ts';

const statusPath = path('status');
const systemConditions = new Set(['PodScheduled', 'Ready', 'Initialized']);

export function validatePodStatus(errors: FieldError[], pod: Pod, old: Pod): void {
  const status = pod.status ?? {};
  const before = old.status ?? {};
  status.conditions?.forEach(({ type = '', observedGeneration = 0 }, i) => {
    const here = statusPath.child('conditions').index(i);
    if (observedGeneration < 0) errors.push(invalidValue(here.child('observedGeneration'), observedGeneration, 'must be a non-negative integer'));
    if (!systemConditions.has(type)) invalidEach(errors, here.child('Type'), type, qualifiedName(type));
  });
  if ((pod.spec?.nodeName ?? '') !== (old.spec?.nodeName ?? '')) {
    errors.push(forbiddenField(statusPath.child('nodeName'), 'may not be changed directly'));
  }
  const nominated = status.nominatedNodeName ?? '';
  if (nominated !== '' && nominated !== (before.nominatedNodeName ?? '')) {
    const here = statusPath.child('nominatedNodeName');
    invalidEach(errors, here, nominated, dnsSubdomain(nominated));
    if (old.spec?.nodeName) errors.push(forbiddenField(here, 'may not be set on pods that are already bound to a node'));
  }
  const { observedGeneration = 0 } = status;
  if (observedGeneration < 0) errors.push(invalidValue(statusPath.child('observedGeneration'), observedGeneration, 'must be a non-negative integer'));
  if ((status.qosClass ?? '') !== (before.qosClass ?? '')) {
    errors.push(invalidValue(statusPath.child('qosClass'), status.qosClass ?? '', immutableMessage));
  }
  validateTransitions(errors, pod, old);
  validateClaimStatuses(errors, pod);
  validateAddresses(errors, pod, old);
}

function validateTransitions(errors: FieldError[], pod: Pod, old: Pod): void {
  const spec = old.spec!;
  const all = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  const restartsAll = all.some(({ restartPolicyRules }) => restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers'));
  for (const [field, list] of [['containerStatuses', 'containers'], ['initContainerStatuses', 'initContainers']] as const) {
    if (restartsAll) continue;
    forbidRevival(errors, pod.status?.[field], old.status?.[field], statusPath.child(field), (name, exitCode) => {
      const container = spec[list]?.find((one) => one.name === name);
      return container !== undefined && mayRestart(container, spec, exitCode);
    });
  }
  const field = 'ephemeralContainerStatuses';
  forbidRevival(errors, pod.status?.[field], old.status?.[field], statusPath.child(field), () => false);
}

function forbidRevival(
  errors: FieldError[],
  now: readonly ContainerStatus[] | undefined,
  before: readonly ContainerStatus[] | undefined,
  at: FieldPath,
  allowed: (name: string, exitCode: number) => boolean,
): void {
  before?.forEach(({ name, state }, i) => {
    if (!state?.terminated) return;
    const next = now?.find((one) => one.name === name);
    if (!next || next.state?.terminated || allowed(name, state.terminated.exitCode)) return;
    errors.push(forbiddenField(at.index(i).child('state'), 'may not be transitioned to non-terminated state'));
  });
}

/** By the container's own rules and policy where it has them, else by the pod's. */
function mayRestart(container: Container, spec: PodSpec, exitCode: number): boolean {
  for (const { action, exitCodes } of container.restartPolicyRules ?? []) {
    if (action !== 'Restart' || !exitCodes) continue;
    const listed = exitCodes.values?.includes(exitCode) ?? false;
    if (listed === (exitCodes.operator === 'In')) return true;
  }
  const policy = container.restartPolicy ?? spec.restartPolicy;
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

function validateClaimStatuses(errors: FieldError[], pod: Pod): void {
  const seen = new Set<string>();
  pod.status?.resourceClaimStatuses?.forEach(({ name = '', resourceClaimName }, i) => {
    const here = statusPath.child('resourceClaimStatuses').index(i);
    if (!pod.spec?.resourceClaims?.some((claim) => claim.name === name)) {
      errors.push(invalidValue(here.child('name'), name, 'must match the name of an entry in `spec.resourceClaims`'));
    }
    if (seen.has(name)) errors.push(duplicate(here.child('name'), name));
    seen.add(name);
    if (resourceClaimName !== undefined) invalidEach(errors, here.child('resourceClaimName'), resourceClaimName, dnsSubdomain(resourceClaimName));
  });
}

function validateAddresses(errors: FieldError[], pod: Pod, old: Pod): void {
  const { hostIP = '', hostIPs } = pod.status ?? {};
  if (hostIPs?.length && hostIPs[0]!.ip !== hostIP) {
    errors.push(invalidValue(statusPath.child('hostIPs').index(0).child('ip'), hostIPs[0]!.ip, 'must be equal to `hostIP`'));
  }
  for (const field of ['podIPs', 'hostIPs'] as const) {
    const list = pod.status?.[field];
    if (!list?.length) continue;
    const here = statusPath.child(field);
    const kept = old.status?.[field]?.map(({ ip }) => ip ?? '') ?? [];
    const texts = list.map(({ ip }) => ip ?? '');
    texts.forEach((ip, i) => validateIp(errors, here.index(i), ip, kept));
    if (texts.length > 1 && !isDualStackPair(texts)) {
      errors.push(invalidValue(here, list, 'may specify no more than one IP for each IP family'));
    }
  }
}
