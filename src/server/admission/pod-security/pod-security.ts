/** Pod Security Standards by namespace labels: pods are refused, what makes pods is warned of. */
import { isDeepStrictEqual } from 'node:util';
import { invalid } from '../../../api/errors.ts';
import type { KubeObject } from '../../../api/object.ts';
import type { ObjectMeta } from '../../../api/types/meta-v1.ts';
import type { Pod, PodSpec, PodTemplateSpec } from '../../../api/types/core-v1.ts';
import { goQuote } from '../../../api/validation/go-format.ts';
import type { Clock } from '../../../base/clock.ts';
import type { AdmissionPlugin, AdmissionRequest, ClusterView } from '../contract.ts';
import { DerivedByNamespace } from '../derived.ts';
import { containersOf } from '../pod-references.ts';
import { podOf, refuse } from '../requests.ts';
import { formatStandard, isStricter, policyOf } from './policy.ts';
import type { Policy, Standard } from './policy.ts';
import { describeViolations, violationsOf } from './standards.ts';

/** These subresources of a pod do not change what it may do. */
const harmlessSubresources = new Set([
  'exec',
  'attach',
  'binding',
  'eviction',
  'log',
  'portforward',
  'proxy',
  'status',
]);
const existingPodsMax = 3000;
const existingPodsForMs = 1000;
/** So many are looked at before others get their turn. */
const podsAtOnce = 100;

type TemplateOf = (object: KubeObject) => PodTemplateSpec | undefined;

const inSpec: TemplateOf = (object) =>
  (object['spec'] as { template?: PodTemplateSpec } | undefined)?.template;

const templates: Readonly<Record<string, TemplateOf>> = {
  replicationcontrollers: inSpec,
  podtemplates: (object) => object['template'] as PodTemplateSpec | undefined,
  'apps/replicasets': inSpec,
  'apps/deployments': inSpec,
  'apps/statefulsets': inSpec,
  'apps/daemonsets': inSpec,
  'batch/jobs': inSpec,
  'batch/cronjobs': (object) =>
    (object['spec'] as { jobTemplate?: { spec?: { template?: PodTemplateSpec } } } | undefined)?.jobTemplate
      ?.spec?.template,
};

function keyOf({ resource: { group, resource } }: AdmissionRequest): string {
  return group === '' ? resource : `${group}/${resource}`;
}

export class PodSecurity implements AdmissionPlugin {
  readonly name = 'PodSecurity';
  readonly #view: ClusterView;
  readonly #clock: Clock;
  readonly #policies: DerivedByNamespace<Policy>;

  constructor(view: ClusterView, clock: Clock) {
    this.#view = view;
    this.#clock = clock;
    this.#policies = new DerivedByNamespace(view, '', 'namespaces', (namespace) =>
      policyOf(view.get('', 'namespaces', '', namespace)?.metadata.labels),
    );
  }

  handles(request: AdmissionRequest): boolean {
    const { operation, attributes, namespace } = request;
    if (operation !== 'CREATE' && operation !== 'UPDATE') return false;
    const key = keyOf(request);
    if (key === 'namespaces') return attributes.subresource === '';
    if (key === 'pods') {
      if (harmlessSubresources.has(attributes.subresource)) return false;
      const { enforce, warn } = this.#policies.get(namespace);
      return enforce.level !== 'privileged' || warn.level !== 'privileged';
    }
    return (
      attributes.subresource === '' &&
      Object.hasOwn(templates, key) &&
      this.#policies.get(namespace).warn.level !== 'privileged'
    );
  }

  validate(request: AdmissionRequest): void | Promise<void> {
    const key = keyOf(request);
    if (key === 'namespaces') return this.#validateNamespace(request);
    const policy = this.#policies.get(request.namespace);
    if (key === 'pods') return validatePod(request, policy);
    const template = request.object && templates[key]?.(request.object);
    if (template?.spec) warnOf(request, policy.warn, template.spec, template.metadata ?? {});
  }

  #validateNamespace(request: AdmissionRequest): void | Promise<void> {
    const { object, oldObject } = request;
    const name = object?.metadata.name ?? '';
    const policy = policyOf(object?.metadata.labels);
    if (request.operation === 'CREATE') {
      if (policy.errors.length > 0) throw invalid('', 'Namespace', name, policy.errors);
      return;
    }
    const old = policyOf(oldObject?.metadata.labels);
    if (policy.errors.length > 0 && !isDeepStrictEqual(policy.errors, old.errors))
      throw invalid('', 'Namespace', name, policy.errors);
    const { enforce } = policy;
    const isUnchanged = enforce.level === old.enforce.level && enforce.minor === old.enforce.minor;
    const isRelaxed = enforce.minor === old.enforce.minor && !isStricter(enforce.level, old.enforce.level);
    if (isUnchanged || isRelaxed || enforce.level === 'privileged') return;
    return this.#warnOfExistingPods(request, name, enforce);
  }

  async #warnOfExistingPods(request: AdmissionRequest, namespace: string, standard: Standard): Promise<void> {
    const deadline = this.#clock.monotonic() + existingPodsForMs;
    /** By what is wrong: the first pod by name, and how many there are. */
    const found = new Map<string, { name: string; count: number }>();
    let checked = 0;
    let total = 0;
    for (const object of this.#view.list('', 'pods', namespace)) {
      total++;
      if (checked >= existingPodsMax || this.#clock.monotonic() > deadline) continue;
      checked++;
      const { metadata, spec } = podOf(object);
      const reasons = spec ? violationsOf(standard, spec, metadata).map(({ reason }) => reason) : [];
      if (reasons.length > 0) count(found, reasons.join(', '), metadata.name ?? '');
      if (checked % podsAtOnce === 0) await this.#clock.sleep(0);
    }
    if (checked < total)
      request.warn(
        `new PodSecurity enforce level only checked against the first ${checked} of ${total} existing pods`,
      );
    if (found.size === 0) return;
    request.warn(
      `existing pods in namespace ${goQuote(namespace)} violate the new PodSecurity enforce level ${goQuote(formatStandard(standard))}`,
    );
    const warnings = [...found].map(([reasons, { name, count: pods }]) => {
      const others = pods === 1 ? '' : pods === 2 ? ' (and 1 other pod)' : ` (and ${pods - 1} other pods)`;
      return `${name}${others}: ${reasons}`;
    });
    for (const warning of warnings.sort()) request.warn(warning);
  }
}

function count(found: Map<string, { name: string; count: number }>, reasons: string, name: string): void {
  const known = found.get(reasons);
  if (!known) {
    found.set(reasons, { name, count: 1 });
    return;
  }
  known.count++;
  if (name < known.name) known.name = name;
}

function validatePod(request: AdmissionRequest, { enforce, warn }: Policy): void {
  const { metadata, spec } = podOf(request.object);
  if (
    !spec ||
    (request.operation === 'UPDATE' && !isSignificant(podOf(request.object), podOf(request.oldObject)))
  )
    return;
  const violations = violationsOf(enforce, spec, metadata);
  if (violations.length > 0)
    throw refuse(
      request,
      `violates PodSecurity ${goQuote(formatStandard(enforce))}: ${describeViolations(violations)}`,
    );
  warnOf(request, warn, spec, metadata);
}

function warnOf(request: AdmissionRequest, standard: Standard, spec: PodSpec, metadata: ObjectMeta): void {
  const violations = violationsOf(standard, spec, metadata);
  if (violations.length > 0)
    request.warn(
      `would violate PodSecurity ${goQuote(formatStandard(standard))}: ${describeViolations(violations)}`,
    );
}

/** Of what can change in a pod only new containers and other images matter. */
function isSignificant(pod: Pod, old: Pod): boolean {
  const images = (of: Pod) => new Map(containersOf(of).map((container) => [container.name, container.image]));
  const before = images(old);
  const after = images(pod);
  return (
    before.size > after.size ||
    [...after].some(([name, image]) => !before.has(name) || before.get(name) !== image)
  );
}
