/**
 * Containers: the rules common to all three kinds, then what init, sidecar,
 * main and ephemeral ones add. A container that is well costs no path and no
 * closure: paths are made where something is wrong.
 */
import type { FieldError } from '../errors.ts';
import type { Container, ContainerPort, ContainerResizePolicy, ContainerRestartRule, EphemeralContainer, PodSpec, Volume, VolumeDevice, VolumeMount } from '../types/core-v1.ts';
import type { FieldPath } from './field-path.ts';
import { duplicate, forbiddenField, invalidEach, invalidValue, notFoundValue, notSupported, oneOf, required, tooMany } from './field-path.ts';
import { descendingPath, hasBackstep } from './file-paths.ts';
import { dnsLabel, portName, portNumber } from './names.ts';
import { validateEnv, validateEnvFrom } from './pod-env.ts';
import { validateLifecycle, validateProbe } from './pod-probes.ts';
import { validateContainerSecurity } from './pod-security.ts';
import { validateContainerResources } from './resources.ts';

export interface ContainerSurroundings {
  readonly spec: PodSpec;
  /** Those that passed their own rules. */
  readonly volumes: ReadonlyMap<string, Volume>;
  readonly claimNames: ReadonlySet<string>;
  readonly hostUsers: boolean;
}

const protocols = ['SCTP', 'TCP', 'UDP'];
const pullPolicies = ['Always', 'IfNotPresent', 'Never'];
const restartPolicies = ['Always', 'Never', 'OnFailure'];
const probeKinds = ['livenessProbe', 'readinessProbe', 'startupProbe'] as const;

export function validateContainers(errors: FieldError[], around: ContainerSurroundings, at: FieldPath): void {
  const { containers } = around.spec;
  if (!containers?.length) {
    errors.push(required(at));
    return;
  }
  const names = new Set<string>();
  for (let i = 0; i < containers.length; i++) {
    const container = containers[i]!;
    const here = at.index(i);
    validateCommon(errors, container, around, here);
    if (names.has(container.name)) errors.push(duplicate(here.child('name'), container.name));
    names.add(container.name);
    validateHooks(errors, container, around, here);
    validateRestartRules(errors, container, here);
  }
  validateHostPorts(errors, containers, at);
}

function validateHooks(errors: FieldError[], container: Container, { spec }: ContainerSurroundings, at: FieldPath): void {
  const grace = spec.terminationGracePeriodSeconds;
  if (container.lifecycle) validateLifecycle(errors, container.lifecycle, grace, at.child('lifecycle'));
  for (const kind of probeKinds) {
    const probe = container[kind];
    if (probe) validateProbe(errors, kind, probe, grace, at.child(kind));
  }
}

export function validateInitContainers(errors: FieldError[], around: ContainerSurroundings, at: FieldPath): void {
  const names = new Set(around.spec.containers?.map(({ name }) => name));
  around.spec.initContainers?.forEach((container, i) => {
    const here = at.index(i);
    validateCommon(errors, container, around, here);
    validateRestartRules(errors, container, here);
    if (names.has(container.name)) errors.push(duplicate(here.child('name'), container.name));
    else if (container.name) names.add(container.name);
    // One runs after the other, so each is looked at alone; upstream numbers it 0.
    validateHostPorts(errors, [container], at);
    if (container.restartPolicy === 'Always') {
      validateHooks(errors, container, around, here);
      return;
    }
    for (const field of ['lifecycle', ...probeKinds] as const) {
      if (container[field]) errors.push(forbiddenField(here.child(field), 'may not be set for init containers without restartPolicy=Always'));
    }
    container.resizePolicy?.forEach(({ restartPolicy }, j) => {
      if (restartPolicy !== 'RestartContainer') return;
      const path = here.child('resizePolicy').index(j).child('restartPolicy');
      errors.push(invalidValue(path, restartPolicy, "must not be set to 'RestartContainer' for non-sidecar initContainers"));
    });
  });
}

/** The fields of a container that an ephemeral one may not have. */
const notEphemeral = ['ports', 'resources', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle', 'resizePolicy', 'restartPolicy', 'restartPolicyRules'] as const;

export function validateEphemeralContainers(errors: FieldError[], around: ContainerSurroundings, at: FieldPath): void {
  const { spec } = around;
  if (!spec.ephemeralContainers?.length) return;
  const lasting = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }) => name));
  const names = new Set(lasting);
  spec.ephemeralContainers.forEach((container, i) => {
    const here = at.index(i);
    validateCommon(errors, container, around, here);
    validateImageSpaces(errors, container, here);
    if (names.has(container.name)) errors.push(duplicate(here.child('name'), container.name));
    names.add(container.name);
    const target = container.targetContainerName;
    if (target && !lasting.has(target)) errors.push(notFoundValue(here.child('targetContainerName'), target));
    for (const field of notEphemeral) {
      if (isSet(container[field])) errors.push(forbiddenField(here.child(field), 'cannot be set for an Ephemeral Container'));
    }
    container.volumeMounts?.forEach((mount, j) => {
      for (const field of ['subPath', 'subPathExpr'] as const) {
        if (!mount[field]) continue;
        errors.push(forbiddenField(here.child('volumeMounts').index(j).child(field), 'cannot be set for an Ephemeral Container'));
      }
    });
  });
}

function isSet(value: unknown): boolean {
  return value !== undefined && (typeof value !== 'object' || Object.keys(value as object).length > 0);
}

/** Pods only: templates may hold such names as placeholders. */
export function validateImageSpaces(errors: FieldError[], container: Pick<Container, 'image'>, at: FieldPath): void {
  const image = container.image ?? '';
  if (image.trim().length !== image.length) errors.push(invalidValue(at.child('image'), image, 'must not have leading or trailing whitespace'));
}

function validateCommon(errors: FieldError[], container: Container | EphemeralContainer, around: ContainerSurroundings, at: FieldPath): void {
  const { name = '' } = container;
  if (name === '') errors.push(required(at.child('name')));
  else if (dnsLabel(name).length > 0) invalidEach(errors, at.child('name'), name, dnsLabel(name));
  if (!container.image) errors.push(required(at.child('image')));
  const messages = container.terminationMessagePolicy;
  if (messages !== 'File') requiredOneOf(errors, messages, ['File', 'FallbackToLogsOnError'], at.child('terminationMessagePolicy'));
  if (container.ports) validatePorts(errors, container.ports, at.child('ports'));
  if (container.env) validateEnv(errors, container.env, at.child('env'));
  if (container.envFrom) validateEnvFrom(errors, container.envFrom, at.child('envFrom'));
  if (container.volumeMounts) validateMounts(errors, container.volumeMounts, container, around, at.child('volumeMounts'));
  if (container.volumeDevices) validateDevices(errors, container.volumeDevices, container, around, at.child('volumeDevices'));
  requiredOneOf(errors, container.imagePullPolicy, pullPolicies, at.child('imagePullPolicy'));
  if (container.resources) validateContainerResources(errors, container.resources, around.claimNames, at.child('resources'));
  if (container.resizePolicy) validateResizePolicy(errors, container.resizePolicy, around.spec, at.child('resizePolicy'));
  if (container.securityContext) validateContainerSecurity(errors, container.securityContext, around.hostUsers, at.child('securityContext'));
}

/** "Required" for none at all, "Unsupported" for a wrong one. */
export function requiredOneOf(errors: FieldError[], value: string | undefined, supported: readonly string[], at: FieldPath): void {
  if (!value) errors.push(required(at));
  else oneOf(errors, at, value, supported);
}

function validatePorts(errors: FieldError[], ports: readonly ContainerPort[], at: FieldPath): void {
  const names = new Set<string>();
  for (let i = 0; i < ports.length; i++) {
    const { name, containerPort, hostPort, protocol } = ports[i]!;
    const here = at.index(i);
    if (name) {
      const messages = portName(name);
      if (messages.length > 0) invalidEach(errors, here.child('name'), name, messages);
      else if (names.has(name)) errors.push(duplicate(here.child('name'), name));
      names.add(name);
    }
    if (!containerPort) errors.push(required(here.child('containerPort')));
    else if (portNumber(containerPort).length > 0) invalidEach(errors, here.child('containerPort'), containerPort, portNumber(containerPort));
    if (hostPort) invalidEach(errors, here.child('hostPort'), hostPort, portNumber(hostPort));
    requiredOneOf(errors, protocol, protocols, here.child('protocol'));
  }
}

function validateHostPorts(errors: FieldError[], containers: readonly Container[], at: FieldPath): void {
  let taken: Set<string> | undefined;
  for (let i = 0; i < containers.length; i++) {
    const { ports } = containers[i]!;
    if (!ports) continue;
    for (let j = 0; j < ports.length; j++) {
      const { hostPort, hostIP, protocol } = ports[j]!;
      if (!hostPort) continue;
      const key = `${protocol}/${hostIP ?? ''}/${hostPort}`;
      taken ??= new Set();
      if (taken.has(key)) errors.push(duplicate(at.index(i).child('ports').index(j).child('hostPort'), key));
      taken.add(key);
    }
  }
}

function validateMounts(errors: FieldError[], mounts: readonly VolumeMount[], container: Container, around: ContainerSurroundings, at: FieldPath): void {
  const paths = new Set<string>();
  const devices = container.volumeDevices ?? [];
  for (let i = 0; i < mounts.length; i++) {
    const mount = mounts[i]!;
    const { name = '', mountPath = '' } = mount;
    const here = at.index(i);
    if (name === '') errors.push(required(here.child('name')));
    if (!around.volumes.has(name)) errors.push(notFoundValue(here.child('name'), name));
    if (mountPath === '') errors.push(required(here.child('mountPath')));
    if (paths.has(mountPath)) errors.push(invalidValue(here.child('mountPath'), mountPath, 'must be unique'));
    paths.add(mountPath);
    for (const device of devices) {
      if (device.name === name) errors.push(invalidValue(here.child('name'), name, 'must not already exist in volumeDevices'));
      if (device.devicePath === mountPath) {
        errors.push(invalidValue(here.child('mountPath'), mountPath, 'must not already exist as a path in volumeDevices'));
      }
    }
    validateMountOptions(errors, mount, container, here, at);
  }
}

/** Upstream names the list, not the element, for these: `list` is its path. */
function validateMountOptions(errors: FieldError[], mount: VolumeMount, container: Container, at: FieldPath, list: FieldPath): void {
  const { subPath, subPathExpr, mountPropagation, recursiveReadOnly } = mount;
  if (subPath) descendingPath(errors, subPath, list.child('subPath'));
  if (subPathExpr) {
    if (subPath) errors.push(invalidValue(at.child('subPathExpr'), subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
    descendingPath(errors, subPathExpr, list.child('subPathExpr'));
  }
  if (mountPropagation !== undefined) {
    const here = list.child('mountPropagation');
    oneOf(errors, here, mountPropagation, ['Bidirectional', 'HostToContainer', 'None']);
    if (mountPropagation === 'Bidirectional' && !container.securityContext?.privileged) {
      errors.push(forbiddenField(here, 'Bidirectional mount propagation is available only to privileged containers'));
    }
  }
  if (recursiveReadOnly === undefined || recursiveReadOnly === 'Disabled') return;
  const here = list.child('recursiveReadOnly');
  if (recursiveReadOnly !== 'Enabled' && recursiveReadOnly !== 'IfPossible') {
    errors.push(notSupported(here, recursiveReadOnly, ['Disabled', 'Enabled', 'IfPossible']));
    return;
  }
  if (!mount.readOnly) errors.push(forbiddenField(here, 'may only be specified when readOnly is true'));
  if (mountPropagation !== undefined && mountPropagation !== 'None') {
    errors.push(forbiddenField(here, 'may only be specified when mountPropagation is None or not specified'));
  }
}

function validateDevices(errors: FieldError[], devices: readonly VolumeDevice[], container: Container, around: ContainerSurroundings, at: FieldPath): void {
  const paths = new Set<string>();
  const names = new Set<string>();
  devices.forEach(({ name = '', devicePath = '' }, i) => {
    const here = at.index(i);
    const volume = around.volumes.get(name);
    if (name === '') errors.push(required(here.child('name')));
    if (names.has(name)) errors.push(invalidValue(here.child('name'), name, 'must be unique'));
    if (!volume) errors.push(notFoundValue(here.child('name'), name));
    else if (!volume.persistentVolumeClaim && !volume.ephemeral) {
      errors.push(invalidValue(here.child('name'), name, 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode'));
    }
    if (devicePath === '') errors.push(required(here.child('devicePath')));
    if (paths.has(devicePath)) errors.push(invalidValue(here.child('devicePath'), devicePath, 'must be unique'));
    if (hasBackstep(devicePath)) errors.push(invalidValue(here.child('devicePath'), devicePath, "can not contain backsteps ('..')"));
    else paths.add(devicePath);
    for (const mount of container.volumeMounts ?? []) {
      if (mount.name === name) errors.push(invalidValue(here.child('name'), name, 'must not already exist in volumeMounts'));
      if (mount.mountPath === devicePath) {
        errors.push(invalidValue(here.child('devicePath'), devicePath, 'must not already exist as a path in volumeMounts'));
      }
    }
    if (name !== '') names.add(name);
  });
}

function validateResizePolicy(errors: FieldError[], policies: readonly ContainerResizePolicy[], spec: PodSpec, at: FieldPath): void {
  const seen = new Set<string>();
  policies.forEach(({ resourceName, restartPolicy }, i) => {
    if (seen.has(resourceName)) errors.push(duplicate(at.index(i), resourceName));
    seen.add(resourceName);
    requiredOneOf(errors, resourceName, ['cpu', 'memory'], at);
    requiredOneOf(errors, restartPolicy, ['NotRequired', 'RestartContainer'], at);
    if (spec.restartPolicy === 'Never' && restartPolicy !== 'NotRequired') {
      errors.push(invalidValue(at, restartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'"));
    }
  });
}

function validateRestartRules(errors: FieldError[], container: Container, at: FieldPath): void {
  const { restartPolicy, restartPolicyRules: rules = [] } = container;
  if (restartPolicy !== undefined) oneOf(errors, at.child('restartPolicy'), restartPolicy, restartPolicies);
  else if (rules.length > 0) errors.push(required(at.child('restartPolicy'), 'must specify restartPolicy when restart rules are used'));
  if (rules.length > 20) errors.push(tooMany(at.child('restartPolicyRules'), rules.length, 20));
  rules.forEach((rule, i) => validateRestartRule(errors, rule, at.child('restartPolicyRules').index(i)));
}

function validateRestartRule(errors: FieldError[], { action, exitCodes }: ContainerRestartRule, at: FieldPath): void {
  oneOf(errors, at.child('action'), action, ['Restart', 'RestartAllContainers']);
  if (!exitCodes) {
    errors.push(required(at.child('exitCodes'), 'must be specified'));
    return;
  }
  const here = at.child('exitCodes');
  oneOf(errors, here.child('operator'), exitCodes.operator, ['In', 'NotIn']);
  const count = exitCodes.values?.length ?? 0;
  if (count > 255) errors.push(tooMany(here.child('values'), count, 255));
}
