/** LimitRanges: defaults for what containers do not say, and bounds for what they and claims do. */
import { podLimitQuantities, podRequestQuantities } from '../../api/pod-resources.ts';
import { compareQuantity, formatQuantity, milliValue, parseQuantity } from '../../api/quantity.ts';
import type { Quantity } from '../../api/quantity.ts';
import type {
  Container,
  LimitRange,
  LimitRangeItem,
  PersistentVolumeClaim,
  Pod,
} from '../../api/types/core-v1.ts';
import type { AdmissionPlugin, AdmissionRequest, ClusterView } from './contract.ts';
import { DerivedByNamespace } from './derived.ts';
import { concerns, concernsPods, podOf, refuse } from './requests.ts';

const annotation = 'kubernetes.io/limit-ranger';

type Amounts = ReadonlyMap<string, Quantity>;
type Texts = Readonly<Record<string, string>>;

const none: Amounts = new Map();

export class LimitRanger implements AdmissionPlugin {
  readonly name = 'LimitRanger';
  readonly #limits: DerivedByNamespace<readonly LimitRangeItem[][]>;

  constructor(view: ClusterView) {
    this.#limits = new DerivedByNamespace(view, '', 'limitranges', (namespace) =>
      [...view.list('', 'limitranges', namespace)].map(
        (object) => (object as unknown as LimitRange).spec?.limits ?? [],
      ),
    );
  }

  handles(request: AdmissionRequest): boolean {
    const { operation, oldObject } = request;
    const isOurs =
      (operation === 'CREATE' && concernsPods(request)) ||
      (operation === 'UPDATE' && concerns(request, '', 'pods', 'resize')) ||
      ((operation === 'CREATE' || operation === 'UPDATE') && concerns(request, '', 'persistentvolumeclaims'));
    return isOurs && !oldObject?.metadata.deletionTimestamp && this.#limits.get(request.namespace).length > 0;
  }

  mutate(request: AdmissionRequest): void {
    if (request.resource.resource !== 'pods') return;
    for (const limits of this.#limits.get(request.namespace)) applyDefaults(podOf(request.object), limits);
  }

  validate(request: AdmissionRequest): void {
    for (const limits of this.#limits.get(request.namespace)) {
      const problems =
        request.resource.resource === 'pods'
          ? podProblems(podOf(request.object), limits)
          : claimProblems(request.object as unknown as PersistentVolumeClaim, limits);
      const [first, ...rest] = new Set(problems);
      if (first !== undefined)
        throw refuse(request, rest.length === 0 ? first : `[${[first, ...rest].join(', ')}]`);
    }
  }
}

function applyDefaults(pod: Pod, limits: readonly LimitRangeItem[]): void {
  const requests: Record<string, string> = {};
  const maxima: Record<string, string> = {};
  for (const limit of limits)
    if (limit.type === 'Container') {
      Object.assign(requests, limit.defaultRequest);
      Object.assign(maxima, limit.default);
    }
  const { spec } = pod;
  if (!spec || (Object.keys(requests).length === 0 && Object.keys(maxima).length === 0)) return;
  const set: string[] = [];
  const complete = (containers: Container[], title: string) =>
    containers.map((container) => {
      const { resources } = container;
      const missingRequests = without(requests, resources?.requests);
      const missingLimits = without(maxima, resources?.limits);
      if (missingRequests.length > 0)
        set.push(`${missingRequests.join(', ')} request for ${title} ${container.name}`);
      if (missingLimits.length > 0)
        set.push(`${missingLimits.join(', ')} limit for ${title} ${container.name}`);
      if (missingRequests.length + missingLimits.length === 0) return container;
      const completed = { ...resources };
      if (missingRequests.length > 0) completed.requests = { ...requests, ...resources?.requests };
      if (missingLimits.length > 0) completed.limits = { ...maxima, ...resources?.limits };
      return { ...container, resources: completed };
    });
  const containers = complete(spec.containers, 'container');
  const initContainers = spec.initContainers && complete(spec.initContainers, 'init container');
  if (set.length === 0) return;
  pod.spec = { ...spec, containers, ...(initContainers ? { initContainers } : {}) };
  pod.metadata = {
    ...pod.metadata,
    annotations: { ...pod.metadata.annotations, [annotation]: `LimitRanger plugin set: ${set.join('; ')}` },
  };
}

function without(defaults: Texts, given: Texts | undefined): string[] {
  return Object.keys(defaults)
    .filter((name) => given?.[name] === undefined)
    .sort();
}

function amountsOf(texts: Texts | undefined): Amounts {
  return texts ? new Map(Object.entries(texts).map(([name, text]) => [name, parseQuantity(text)])) : none;
}

function podProblems(pod: Pod, limits: readonly LimitRangeItem[]): string[] {
  const { spec } = pod;
  if (!spec) return [];
  return limits.flatMap((limit) => {
    if (limit.type === 'Container')
      return [...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ resources }) =>
        boundProblems(limit, amountsOf(resources?.requests), amountsOf(resources?.limits)),
      );
    if (limit.type !== 'Pod') return [];
    const options = { includeStatus: false, includeOverhead: false };
    return boundProblems(limit, podRequestQuantities(pod, options), podLimitQuantities(pod, options));
  });
}

function claimProblems({ spec }: PersistentVolumeClaim, limits: readonly LimitRangeItem[]): string[] {
  const requests = amountsOf(spec?.resources?.requests);
  const problems: (string | undefined)[] = [];
  for (const { type, min, max } of limits) {
    if (type !== 'PersistentVolumeClaim') continue;
    for (const [name, bound] of amountsOf(min))
      problems.push(minimumProblem(type, name, bound, requests, none));
    for (const [name, bound] of amountsOf(max))
      problems.push(maximumRequestProblem(type, name, bound, requests));
  }
  return problems.filter((problem) => problem !== undefined);
}

function boundProblems(
  { type, min, max, maxLimitRequestRatio }: LimitRangeItem,
  requests: Amounts,
  limits: Amounts,
): string[] {
  const problems: (string | undefined)[] = [];
  for (const [name, bound] of amountsOf(min))
    problems.push(minimumProblem(type, name, bound, requests, limits));
  for (const [name, bound] of amountsOf(max))
    problems.push(maximumProblem(type, name, bound, requests, limits));
  for (const [name, bound] of amountsOf(maxLimitRequestRatio))
    problems.push(ratioProblem(type, name, bound, requests, limits));
  return problems.filter((problem) => problem !== undefined);
}

function minimumProblem(
  type: string,
  name: string,
  bound: Quantity,
  requests: Amounts,
  limits: Amounts,
): string | undefined {
  const text = `minimum ${name} usage per ${type} is ${formatQuantity(bound)}`;
  const request = requests.get(name);
  const limit = limits.get(name);
  if (!request) return `${text}.  No request is specified`;
  if (compareQuantity(request, bound) < 0) return `${text}, but request is ${formatQuantity(request)}`;
  if (limit && compareQuantity(limit, bound) < 0) return `${text}, but limit is ${formatQuantity(limit)}`;
  return undefined;
}

function maximumProblem(
  type: string,
  name: string,
  bound: Quantity,
  requests: Amounts,
  limits: Amounts,
): string | undefined {
  const text = `maximum ${name} usage per ${type} is ${formatQuantity(bound)}`;
  const request = requests.get(name);
  const limit = limits.get(name);
  if (!limit) return `${text}.  No limit is specified`;
  if (compareQuantity(limit, bound) > 0) return `${text}, but limit is ${formatQuantity(limit)}`;
  if (request && compareQuantity(request, bound) > 0)
    return `${text}, but request is ${formatQuantity(request)}`;
  return undefined;
}

function maximumRequestProblem(
  type: string,
  name: string,
  bound: Quantity,
  requests: Amounts,
): string | undefined {
  const text = `maximum ${name} usage per ${type} is ${formatQuantity(bound)}`;
  const request = requests.get(name);
  if (!request) return `${text}.  No request is specified`;
  return compareQuantity(request, bound) > 0
    ? `${text}, but request is ${formatQuantity(request)}`
    : undefined;
}

function ratioProblem(
  type: string,
  name: string,
  bound: Quantity,
  requests: Amounts,
  limits: Amounts,
): string | undefined {
  const text = `${name} max limit to request ratio per ${type} is ${formatQuantity(bound)}`;
  const request = thousandths(requests.get(name));
  const limit = thousandths(limits.get(name));
  if (request === 0) return `${text}, but no request is specified or request is 0`;
  if (limit === 0) return `${text}, but no limit is specified or limit is 0`;
  const ratio = limit / request;
  return ratio * 1000 > thousandths(bound) ? `${text}, but provided ratio is ${ratio.toFixed(6)}` : undefined;
}

function thousandths(quantity: Quantity | undefined): number {
  return quantity ? milliValue(formatQuantity(quantity)) : 0;
}
