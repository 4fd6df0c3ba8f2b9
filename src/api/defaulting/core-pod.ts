/**
 * Pods and everything that holds a pod template. Two layers, as upstream: what
 * every pod spec gets wherever it stands, and what only a pod itself gets
 * (requests from limits, service links, host ports).
 */
import type { KubeObject } from '../object.ts';
import { containerQuantities, isPodLevelResource } from '../pod-resources.ts';
import { formatQuantity } from '../quantity.ts';
import type {
  Container,
  EnvVar,
  EphemeralContainer,
  HTTPGetAction,
  LifecycleHandler,
  Pod,
  PodSpec,
  PodTemplate,
  PodTemplateSpec,
  Probe,
  ReplicationController,
  ResourceRequirements,
} from '../types/core-v1.ts';
import { defaultFieldRef, defaultResourceFieldRef, pullPolicyOf, roundAmounts } from './core-parts.ts';
import { defaultVolume } from './core-volume.ts';
import type { Defaulters } from './kind-defaulter.ts';
import { defaulter } from './kind-defaulter.ts';

export function defaultPodTemplate(template: PodTemplateSpec | undefined): void {
  if (!template) return;
  template.metadata ??= {};
  defaultPodSpec((template.spec ??= { containers: [] }));
}

/** What a pod spec gets in a pod and in a template alike. */
export function defaultPodSpec(spec: PodSpec): void {
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.restartPolicy ||= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  // What older clients meant by a negative period: as soon as possible, but not by force.
  if (spec.terminationGracePeriodSeconds < 0) spec.terminationGracePeriodSeconds = 1;
  spec.schedulerName ||= 'default-scheduler';
  mirrorServiceAccount(spec);
  // Not pointers upstream: false is the same as absent, and not shown.
  for (const field of ['hostNetwork', 'hostPID', 'hostIPC'] as const) if (spec[field] === false) delete spec[field];
  // Of a feature that is off by default.
  delete spec.schedulingGroup;
  if (spec.volumes) for (const volume of spec.volumes) defaultVolume(volume);
  if (spec.initContainers) for (const container of spec.initContainers) defaultContainer(container);
  if (spec.containers) for (const container of spec.containers) defaultContainer(container);
  if (spec.ephemeralContainers) for (const container of spec.ephemeralContainers) defaultContainer(container);
  roundAmounts(spec.overhead);
  if (spec.resources) defaultResources(spec.resources);
}

/** `serviceAccount` is the old name of `serviceAccountName`: both are answered, the new one rules. */
function mirrorServiceAccount(spec: PodSpec): void {
  const name = spec.serviceAccountName || spec.serviceAccount;
  if (!name) return;
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
}

function defaultContainer(container: Container | EphemeralContainer): void {
  container.imagePullPolicy ||= pullPolicyOf(container.image ?? '');
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  if (container.ports) for (const port of container.ports) port.protocol ||= 'TCP';
  for (const field of ['stdin', 'stdinOnce', 'tty'] as const) if (container[field] === false) delete container[field];
  // Of a feature that is off by default.
  delete container.lifecycle?.stopSignal;
  if (container.env) for (const variable of container.env) defaultEnv(variable);
  container.resources ??= {};
  defaultResources(container.resources);
  defaultProbe(container.livenessProbe);
  defaultProbe(container.readinessProbe);
  defaultProbe(container.startupProbe);
  defaultHandler(container.lifecycle?.postStart);
  defaultHandler(container.lifecycle?.preStop);
}

function defaultEnv(variable: EnvVar): void {
  const from = variable.valueFrom;
  if (!from) return;
  defaultFieldRef(from.fieldRef);
  defaultResourceFieldRef(from.resourceFieldRef);
  if (from.fileKeyRef) from.fileKeyRef.optional ??= false;
}

function defaultProbe(probe: Probe | undefined): void {
  if (!probe) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  defaultHttpGet(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= '';
}

function defaultHandler(handler: LifecycleHandler | undefined): void {
  defaultHttpGet(handler?.httpGet);
}

function defaultHttpGet(action: HTTPGetAction | undefined): void {
  if (!action) return;
  action.path ||= '/';
  action.scheme ||= 'HTTP';
}

function defaultResources(resources: ResourceRequirements): void {
  roundAmounts(resources.limits);
  roundAmounts(resources.requests);
}

function defaultPod(pod: Pod): void {
  const spec = pod.spec;
  const status = (pod.status ??= {});
  // Two forms of one list: the older one rules where both are given and differ.
  if (status.podIP && status.podIPs?.[0]?.ip !== status.podIP) status.podIPs = [{ ip: status.podIP }];
  else if (status.podIPs?.[0]?.ip) status.podIP = status.podIPs[0].ip;
  if (!spec) return;
  if (spec.containers) for (const container of spec.containers) requestLimits(container);
  if (spec.initContainers) for (const container of spec.initContainers) requestLimits(container);
  if (spec.resources) defaultPodLevelResources(spec, spec.resources);
  spec.enableServiceLinks ??= true;
  if (spec.hostNetwork) {
    for (const container of spec.containers ?? []) exposeOnHost(container);
    for (const container of spec.initContainers ?? []) exposeOnHost(container);
  }
  defaultPodSpec(spec);
}

/** A limit without a request asks for the limit. Pods only: templates stay as they were written. */
function requestLimits(container: Container): void {
  const limits = container.resources?.limits;
  if (!limits) return;
  const requests = (container.resources!.requests ??= {});
  for (const name in limits) requests[name] ??= limits[name]!;
}

function exposeOnHost(container: Container): void {
  for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
}

function defaultPodLevelResources(spec: PodSpec, resources: ResourceRequirements): void {
  const limitsGiven = Object.keys(resources.limits ?? {}).length > 0;
  if (!limitsGiven && Object.keys(resources.requests ?? {}).length === 0) return;
  for (const [name, amount] of containerQuantities(spec, 'limits')) {
    if (!name.startsWith('hugepages-') || resources.requests?.[name] !== undefined) continue;
    (resources.limits ??= {})[name] ??= formatQuantity(amount);
  }
  if (Object.keys(resources.limits ?? {}).length === 0) return;
  const requests = { ...resources.requests };
  for (const [name, amount] of containerQuantities(spec, 'requests')) {
    if (isPodLevelResource(name) && !name.startsWith('hugepages-')) requests[name] ??= formatQuantity(amount);
  }
  for (const name in resources.limits) if (isPodLevelResource(name)) requests[name] ??= resources.limits[name]!;
  if (Object.keys(requests).length > 0) resources.requests = requests;
}

function defaultReplicationController(controller: ReplicationController): void {
  const spec = (controller.spec ??= {});
  controller.status ??= { replicas: 0 };
  const labels = spec.template?.metadata?.labels;
  if (labels) {
    if (isEmpty(spec.selector)) spec.selector = { ...labels };
    const metadata = (controller as unknown as KubeObject).metadata;
    if (isEmpty(metadata.labels)) metadata.labels = { ...labels };
  }
  spec.replicas ??= 1;
  defaultPodTemplate(spec.template);
}

function isEmpty(map: object | undefined): boolean {
  for (const _ in map) return false;
  return true;
}

export const defaulters: Defaulters = {
  '/v1/Pod': defaulter<Pod>(defaultPod),
  '/v1/PodTemplate': defaulter<PodTemplate>((object) => defaultPodTemplate((object.template ??= {}))),
  '/v1/ReplicationController': defaulter<ReplicationController>(defaultReplicationController),
};
