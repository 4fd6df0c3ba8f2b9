/**
 * Pod specs, wherever they stand. `meta` tells a pod from a template: pods know
 * their name and may not leave open what a template may.
 */
import type { FieldError } from '../errors.ts';
import type { PodDNSConfig, PodResourceClaim, PodSpec, Volume } from '../types/core-v1.ts';
import type { ObjectMeta } from '../types/meta-v1.ts';
import { containerQuantities } from '../pod-resources.ts';
import { compareQuantity, formatQuantity, parseQuantity } from '../quantity.ts';
import type { FieldPath } from './field-path.ts';
import { duplicate, forbiddenField, invalidEach, invalidValue, notFoundValue, path, required, tooLong } from './field-path.ts';
import { validateIp } from './ip.ts';
import { dnsLabel, dnsSubdomain, dnsSubdomainWithUnderscore, qualifiedName, rangeMessage } from './names.ts';
import { validateLabels } from './object-meta.ts';
import { requiredOneOf, validateContainers, validateEphemeralContainers, validateInitContainers } from './pod-containers.ts';
import type { ContainerSurroundings } from './pod-containers.ts';
import { validateAffinity, validateSchedulingGates, validateSpreadConstraints, validateTolerations } from './pod-scheduling.ts';
import { containersOf, validateHostProcess, validateOs, validatePodSecurity, validateSecurityAnnotations } from './pod-security.ts';
import { validateVolumes } from './pod-volumes.ts';
import { isHugePages, validatePodLevelResources, validateResourceAmount, validateContainerResourceName } from './resources.ts';

export const mirrorAnnotation = 'kubernetes.io/config.mirror';
const deletionCostAnnotation = 'controller.kubernetes.io/pod-deletion-cost';
const noVolumes: ReadonlyMap<string, Volume> = new Map();
const noNames: ReadonlySet<string> = new Set();
const int32Max = 2 ** 31 - 1;

export function validatePodAnnotations(errors: FieldError[], annotations: Readonly<Record<string, string>>, spec: PodSpec, at: FieldPath): void {
  const mirror = annotations[mirrorAnnotation];
  if (mirror !== undefined && !spec.nodeName) {
    errors.push(invalidValue(at.key(mirrorAnnotation), mirror, 'must set spec.nodeName if mirror pod annotation is set'));
  }
  const cost = annotations[deletionCostAnnotation];
  if (cost !== undefined && (!/^(0|-?[1-9]\d*)$/.test(cost) || Math.abs(Number(cost)) > int32Max)) {
    errors.push(invalidValue(at.key(deletionCostAnnotation), cost, 'must be a 32bit integer'));
  }
  validateSecurityAnnotations(errors, annotations, spec, at);
}

export function validatePodSpec(errors: FieldError[], spec: PodSpec, meta: ObjectMeta | undefined, at: FieldPath): void {
  if (spec.terminationGracePeriodSeconds === undefined) errors.push(required(at.child('terminationGracePeriodSeconds')));
  const around: ContainerSurroundings = {
    spec,
    volumes: spec.volumes ? validateVolumes(errors, spec.volumes, meta, at.child('volumes')) : noVolumes,
    claimNames: spec.resourceClaims ? new Set(spec.resourceClaims.map(({ name }) => name).filter(Boolean)) : noNames,
    hostUsers: spec.hostUsers !== false,
  };
  if (spec.resourceClaims) validateResourceClaims(errors, spec.resourceClaims, meta, at.child('resourceClaims'));
  validateContainers(errors, around, at.child('containers'));
  if (spec.initContainers) validateInitContainers(errors, around, at.child('initContainers'));
  if (spec.ephemeralContainers) validateEphemeralContainers(errors, around, at.child('ephemeralContainers'));
  if (spec.resources) validatePodResources(errors, spec, around.claimNames, at.child('resources'));
  if (spec.hostNetwork) validateHostNetworkPorts(errors, spec, meta !== undefined, at.child('containers'));
  requiredOneOf(errors, spec.restartPolicy, ['Always', 'OnFailure', 'Never'], at.child('restartPolicy'));
  requiredOneOf(errors, spec.dnsPolicy, ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'], at.child('dnsPolicy'));
  if (spec.nodeSelector) validateLabels(errors, spec.nodeSelector, at.child('nodeSelector'));
  validatePodSecurity(errors, spec, at.child('securityContext'));
  if (spec.affinity) validateAffinity(errors, spec.affinity, at.child('affinity'));
  validateDns(errors, spec.dnsConfig, spec.dnsPolicy, at.child('dnsConfig'));
  spec.readinessGates?.forEach(({ conditionType = '' }, i) =>
    invalidEach(errors, at.child('readinessGates').index(i).child('conditionType'), conditionType, qualifiedName(conditionType)),
  );
  if (spec.schedulingGates) validateSchedulingGates(errors, spec.schedulingGates, at.child('schedulingGates'));
  if (spec.topologySpreadConstraints) validateSpreadConstraints(errors, spec.topologySpreadConstraints, at.child('topologySpreadConstraints'));
  validateHostProcess(errors, spec, at);
  if (spec.hostUsers === false) validateUserNamespace(errors, spec, at);
  validateNames(errors, spec, at);
  validateRest(errors, spec, at);
  validateFileKeyVolumes(errors, spec, at);
}

/** Fields that hold one name each. */
function validateNames(errors: FieldError[], spec: PodSpec, at: FieldPath): void {
  const override = spec.hostnameOverride;
  if (override !== undefined) {
    const here = at.child('hostnameOverride');
    if (spec.setHostnameAsFQDN) errors.push(forbiddenField(here, 'may not be specified when setHostnameAsFQDN is true'));
    if (spec.hostNetwork) errors.push(forbiddenField(here, 'may not be specified when hostNetwork is true'));
    if (override.length > 64) errors.push(tooLong(here, 64));
    invalidEach(errors, here, override, dnsSubdomain(override));
  }
  for (const field of ['serviceAccountName', 'nodeName'] as const) {
    const name = spec[field];
    if (name) invalidEach(errors, at.child(field), name, dnsSubdomain(name));
  }
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > int32Max)) {
    errors.push(invalidValue(at.child('activeDeadlineSeconds'), deadline, rangeMessage(1, int32Max)));
  }
  for (const field of ['hostname', 'subdomain'] as const) {
    const name = spec[field];
    if (name) invalidEach(errors, at.child(field), name, dnsLabel(name));
  }
}

function validateRest(errors: FieldError[], spec: PodSpec, at: FieldPath): void {
  if (spec.tolerations) validateTolerations(errors, spec.tolerations, at.child('tolerations'));
  spec.hostAliases?.forEach(({ ip, hostnames }, i) => {
    const here = at.child('hostAliases').index(i);
    validateIp(errors, here.child('ip'), ip ?? '');
    hostnames?.forEach((name, j) => invalidEach(errors, here.child('hostnames').index(j), name, dnsSubdomain(name)));
  });
  if (spec.priorityClassName) invalidEach(errors, at.child('priorityClassName'), spec.priorityClassName, dnsSubdomain(spec.priorityClassName));
  const runtimeClass = spec.runtimeClassName;
  if (runtimeClass !== undefined) invalidEach(errors, at.child('runtimeClassName'), runtimeClass, dnsSubdomain(runtimeClass));
  if (spec.preemptionPolicy !== undefined) {
    requiredOneOf(errors, spec.preemptionPolicy, ['PreemptLowerPriority', 'Never'], at.child('preemptionPolicy'));
  }
  for (const name in spec.overhead) {
    validateContainerResourceName(errors, name, at.child('overhead').child('limits').key(name));
    validateResourceAmount(errors, name, spec.overhead[name]!, at.child('overhead').child('limits').key(name));
  }
  if (spec.os) validateOs(errors, spec, at);
}

function validateResourceClaims(errors: FieldError[], claims: readonly PodResourceClaim[], meta: ObjectMeta | undefined, at: FieldPath): void {
  const seen = new Set<string>();
  claims.forEach((claim, i) => {
    if (meta?.annotations?.[mirrorAnnotation] !== undefined) {
      errors.push(forbiddenField(path(), 'static pods do not support resource claims'));
      return;
    }
    const here = at.index(i);
    const { name = '', resourceClaimName: direct, resourceClaimTemplateName: template } = claim;
    if (name === '') errors.push(required(here.child('name')));
    else if (seen.has(name)) errors.push(duplicate(here.child('name'), name));
    else invalidEach(errors, here.child('name'), name, dnsLabel(name));
    seen.add(name);
    if (direct !== undefined && template !== undefined) {
      errors.push(invalidValue(here, claim, 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified'));
    } else if (direct === undefined && template === undefined) {
      errors.push(invalidValue(here, claim, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`'));
    }
    if (direct !== undefined) invalidEach(errors, here.child('resourceClaimName'), direct, dnsSubdomain(direct));
    if (template !== undefined) invalidEach(errors, here.child('resourceClaimTemplateName'), template, dnsSubdomain(template));
  });
}

function validatePodResources(errors: FieldError[], spec: PodSpec, claimNames: ReadonlySet<string>, at: FieldPath): void {
  const resources = spec.resources!;
  if (spec.os?.name === 'windows') {
    errors.push(forbiddenField(at, 'may not be set for a windows pod'));
    return;
  }
  if (resources.claims) errors.push(forbiddenField(at.child('claims'), 'claims may not be set for Resources at pod-level'));
  validatePodLevelResources(errors, resources, claimNames, at);
  for (const side of ['requests', 'limits'] as const) {
    for (const [name, amount] of containerQuantities(spec, side)) {
      const whole = resources[side]?.[name];
      if (whole === undefined || (side === 'limits' && !isHugePages(name)) || compareQuantity(amount, parseQuantity(whole)) <= 0) continue;
      const why = `must be greater than or equal to aggregate container ${side} of ${formatQuantity(amount)}`;
      errors.push(invalidValue(at.child(side).key(name), whole, why));
    }
  }
  spec.containers?.forEach((container, i) => {
    const limits = container.resources?.limits;
    for (const name in limits) {
      const whole = resources.limits?.[name];
      if (whole === undefined || compareQuantity(parseQuantity(limits[name]!), parseQuantity(whole)) <= 0) continue;
      const here = at.child('containers').index(i).key(name).child('limits');
      errors.push(invalidValue(here, limits[name], `must be less than or equal to pod limits of ${whole}`));
    }
  });
}

/** Templates may leave the host port open: it is filled in when the pod is made. */
function validateHostNetworkPorts(errors: FieldError[], spec: PodSpec, isPod: boolean, at: FieldPath): void {
  spec.containers?.forEach(({ ports }, i) =>
    ports?.forEach(({ hostPort = 0, containerPort }, j) => {
      if ((!isPod && hostPort === 0) || hostPort === containerPort) return;
      const here = at.index(i).child('ports').index(j).child('hostPort');
      errors.push(invalidValue(here, hostPort, 'must match `containerPort` when `hostNetwork` is true'));
    }),
  );
}

function validateDns(errors: FieldError[], config: PodDNSConfig | undefined, policy: string | undefined, at: FieldPath): void {
  if (policy === 'None') {
    if (!config) errors.push(required(at, 'must provide `dnsConfig` when `dnsPolicy` is None'));
    else if (!config.nameservers?.length) {
      errors.push(required(at.child('nameservers'), 'must provide at least one DNS nameserver when `dnsPolicy` is None'));
      return;
    }
  }
  if (!config) return;
  const { nameservers = [], searches = [], options = [] } = config;
  if (nameservers.length > 3) errors.push(invalidValue(at.child('nameservers'), nameservers, 'must not have more than 3 nameservers'));
  nameservers.forEach((address, i) => validateIp(errors, at.child('nameservers').index(i), address));
  if (searches.length > 32) errors.push(invalidValue(at.child('searches'), searches, 'must not have more than 32 search paths'));
  if (searches.join(' ').length > 2048) {
    errors.push(invalidValue(at.child('searches'), searches, 'must not have more than 2048 characters (including spaces) in the search list'));
  }
  searches.forEach((search, i) => {
    const name = search.endsWith('.') ? search.slice(0, -1) : search;
    if (search !== '.') invalidEach(errors, at.child('searches').index(i), name, dnsSubdomainWithUnderscore(name));
  });
  options.forEach(({ name }, i) => {
    if (!name) errors.push(required(at.child('options').index(i), 'must not be empty'));
  });
}

/** A user namespace of its own does not go with the host's other namespaces. */
function validateUserNamespace(errors: FieldError[], spec: PodSpec, at: FieldPath): void {
  const why = 'when `hostUsers` is false';
  if (spec.hostNetwork) errors.push(forbiddenField(at.child('hostNetwork'), why));
  if (spec.hostPID) errors.push(forbiddenField(at.child('HostPID'), why));
  if (spec.hostIPC) errors.push(forbiddenField(at.child('HostIPC'), why));
  for (const [container, here] of containersOf(spec, at)) {
    if (container.volumeDevices?.length) errors.push(forbiddenField(here.child('volumeDevices'), why));
  }
}

function validateFileKeyVolumes(errors: FieldError[], spec: PodSpec, at: FieldPath): void {
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    spec[list]?.forEach(({ env }, i) =>
      env?.forEach(({ valueFrom }, j) => {
        const name = valueFrom?.fileKeyRef?.volumeName;
        if (name === undefined) return;
        const here = at.child(list).index(i).child('env').index(j).child('valueFrom').child('fileKeyRef').child('volumeName');
        const volume = spec.volumes?.find((one) => one.name === name);
        if (!volume) errors.push(notFoundValue(here, name));
        else if (!volume.emptyDir) errors.push(invalidValue(here, name, 'referenced volume must be of type emptyDir'));
      }),
    );
  }
}
