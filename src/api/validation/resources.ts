/** Names and amounts of resources: what containers, pods, quotas and limit ranges may ask for. */
import type { FieldError } from '../errors.ts';
import type { ResourceRequirements } from '../types/core-v1.ts';
import { compareQuantity, parseQuantity } from '../quantity.ts';
import type { FieldPath } from './field-path.ts';
import { duplicate, forbiddenField, invalidEach, invalidValue, negativeMessage, notFoundValue, notSupported, required } from './field-path.ts';
import { dnsLabel, qualifiedName } from './names.ts';

const computeResources = new Set(['cpu', 'memory', 'ephemeral-storage']);
const countedResources = new Set([
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
]);
const quotaResources = new Set([
  ...computeResources,
  ...countedResources,
  ...['requests.cpu', 'requests.memory', 'requests.storage', 'requests.ephemeral-storage'],
  ...['limits.cpu', 'limits.memory', 'limits.ephemeral-storage'],
]);

export function isHugePages(name: string): boolean {
  return name.startsWith('hugepages-');
}

/** Without a domain, or of kubernetes.io itself. */
export function isNativeResource(name: string): boolean {
  return !name.includes('/') || name.includes('kubernetes.io/');
}

function isExtendedResource(name: string): boolean {
  if (isNativeResource(name) || name.startsWith('requests.')) return false;
  return qualifiedName(`requests.${name}`).length === 0;
}

/** Requests below the limit make sense: not for huge pages nor devices. */
export function isOvercommitAllowed(name: string): boolean {
  return isNativeResource(name) && !isHugePages(name);
}

type NameRule = (errors: FieldError[], name: string, at: FieldPath) => void;

export function validateResourceName(errors: FieldError[], name: string, at: FieldPath): void {
  const messages = qualifiedName(name);
  if (messages.length > 0) invalidEach(errors, at, name, messages);
  else if (!name.includes('/') && !isStandardResource(name)) {
    errors.push(invalidValue(at, name, 'must be a standard resource type or fully qualified'));
  }
}

function isStandardResource(name: string): boolean {
  return name === 'storage' || isStandardQuotaResource(name);
}

export function validateContainerResourceName(errors: FieldError[], name: string, at: FieldPath): void {
  if (computeResources.has(name)) return;
  validateResourceName(errors, name, at);
  if (!name.includes('/')) {
    if (!isHugePages(name)) errors.push(invalidValue(at, name, 'must be a standard resource for containers'));
  } else if (!isNativeResource(name) && !isExtendedResource(name)) {
    errors.push(invalidValue(at, name, "doesn't follow extended resource name standard"));
  }
}

function validatePodResourceName(errors: FieldError[], name: string, at: FieldPath): void {
  const before = errors.length;
  validateResourceName(errors, name, at);
  if (errors.length > before || name === 'cpu' || name === 'memory' || isHugePages(name)) return;
  errors.push(notSupported(at, name, ['cpu', 'hugepages-', 'memory']));
}

export function isStandardQuotaResource(name: string): boolean {
  return quotaResources.has(name) || isHugePages(name) || name.startsWith('requests.hugepages-');
}

export function validateQuotaResourceName(errors: FieldError[], name: string, at: FieldPath): void {
  validateResourceName(errors, name, at);
  if (!name.includes('/') && !isStandardQuotaResource(name)) {
    errors.push(invalidValue(at, name, 'must be a standard resource for quota'));
  }
}

export function validateNonNegativeQuantity(errors: FieldError[], text: string, at: FieldPath): void {
  if (parseQuantity(text).value < 0n) errors.push(invalidValue(at, text, negativeMessage));
}

export function validateResourceAmount(errors: FieldError[], name: string, text: string, at: FieldPath): void {
  validateNonNegativeQuantity(errors, text, at);
  if (!countedResources.has(name) && !isExtendedResource(name)) return;
  const { value, scale } = parseQuantity(text);
  if (scale < 0 && value % 10n ** BigInt(-scale) !== 0n) errors.push(invalidValue(at, text, 'must be an integer'));
}

export function validateContainerResources(
  errors: FieldError[],
  resources: ResourceRequirements,
  claimNames: ReadonlySet<string>,
  at: FieldPath,
): void {
  validateRequirements(errors, resources, validateContainerResourceName, claimNames, at);
}

export function validatePodLevelResources(
  errors: FieldError[],
  resources: ResourceRequirements,
  claimNames: ReadonlySet<string>,
  at: FieldPath,
): void {
  validateRequirements(errors, resources, validatePodResourceName, claimNames, at);
}

function validateRequirements(
  errors: FieldError[],
  { limits, requests, claims }: ResourceRequirements,
  nameRule: NameRule,
  claimNames: ReadonlySet<string>,
  at: FieldPath,
): void {
  let hugePages = false;
  let compute = false;
  for (const name in limits) {
    const here = at.child('limits').key(name);
    validateAmountOf(errors, name, limits[name]!, nameRule, here);
    hugePages ||= isHugePages(name);
    compute ||= name === 'cpu' || name === 'memory';
  }
  for (const name in requests) {
    const text = requests[name]!;
    validateAmountOf(errors, name, text, nameRule, at.child('requests').key(name));
    compareToLimit(errors, name, text, limits?.[name], at);
    hugePages ||= isHugePages(name);
    compute ||= name === 'cpu' || name === 'memory';
  }
  if (hugePages && !compute) errors.push(forbiddenField(at, 'HugePages require cpu or memory'));
  if (claims) validateClaims(errors, claims, claimNames, at.child('claims'));
}

function validateAmountOf(errors: FieldError[], name: string, text: string, nameRule: NameRule, at: FieldPath): void {
  nameRule(errors, name, at);
  validateResourceAmount(errors, name, text, at);
  if (isHugePages(name) && !isMultipleOfPage(name, text)) {
    errors.push(invalidValue(at, text, `${text} is not positive integer multiple of ${name}`));
  }
}

function compareToLimit(errors: FieldError[], name: string, text: string, limit: string | undefined, at: FieldPath): void {
  if (limit === undefined) {
    if (!isOvercommitAllowed(name)) errors.push(required(at.child('limits'), 'Limit must be set for non overcommitable resources'));
    return;
  }
  if (text === limit) return;
  const order = compareQuantity(parseQuantity(text), parseQuantity(limit));
  if (order !== 0 && !isOvercommitAllowed(name)) {
    errors.push(invalidValue(at.child('requests'), text, `must be equal to ${name} limit of ${limit}`));
  } else if (order > 0) {
    errors.push(invalidValue(at.child('requests'), text, `must be less than or equal to ${name} limit of ${limit}`));
  }
}

function isMultipleOfPage(name: string, text: string): boolean {
  try {
    const page = parseQuantity(name.slice('hugepages-'.length));
    const pageBytes = page.value * 10n ** BigInt(Math.max(page.scale, 0));
    const amount = parseQuantity(text);
    const scaled = amount.scale >= 0 ? amount.value * 10n ** BigInt(amount.scale) : amount.value / 10n ** BigInt(-amount.scale);
    return pageBytes > 0n && scaled % pageBytes === 0n;
  } catch {
    return false;
  }
}

function validateClaims(
  errors: FieldError[],
  claims: readonly { name: string; request?: string | undefined }[],
  known: ReadonlySet<string>,
  at: FieldPath,
): void {
  const seen = new Set<string>();
  claims.forEach(({ name, request }, i) => {
    const here = at.index(i);
    if (!name) {
      errors.push(required(here));
      return;
    }
    const key = request ? `${name}/${request}` : name;
    if (seen.has(name) || seen.has(key)) errors.push(duplicate(here, seen.has(name) ? name : key));
    else if (!request) for (const other of seen) if (other.startsWith(`${name}/`)) errors.push(duplicate(here, name));
    if (request && !seen.has(name)) invalidEach(errors, here.child('request'), request, dnsLabel(request));
    seen.add(key);
    if (known.has(name)) return;
    const list = known.size === 0 ? ' which is empty' : `: ${[...known].sort().join(', ')}`;
    const missing = notFoundValue(here, name);
    errors.push({ ...missing, message: `${missing.message}: must be one of the names in pod.spec.resourceClaims${list}` });
  });
}

