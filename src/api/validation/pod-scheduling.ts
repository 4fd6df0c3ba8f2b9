/** Where a pod may go: node selectors, affinities, tolerations, spreading, gates. */
import type { FieldError } from '../errors.ts';
import type {
  Affinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinityTerm,
  PodSchedulingGate,
  PreferredSchedulingTerm,
  Toleration,
  TopologySpreadConstraint,
  WeightedPodAffinityTerm,
} from '../types/core-v1.ts';
import type { LabelSelector } from '../types/meta-v1.ts';
import type { FieldPath } from './field-path.ts';
import { duplicate, forbiddenField, invalidEach, invalidValue, notSupported, oneOf, required } from './field-path.ts';
import { dnsLabel, dnsSubdomain, labelValue, qualifiedName } from './names.ts';
import { validateLabelSelector } from './selectors.ts';

export const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const;

export function validateTolerations(errors: FieldError[], tolerations: readonly Toleration[], at: FieldPath): void {
  tolerations.forEach(({ key = '', operator = '', value = '', effect = '', tolerationSeconds }, i) => {
    const here = at.index(i);
    if (key !== '') invalidEach(errors, here.child('key'), key, qualifiedName(key));
    else if (operator !== 'Exists') {
      errors.push(
        invalidValue(here.child('operator'), operator, 'operator must be Exists when `key` is empty, which means "match all values and all keys"'),
      );
    }
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
      errors.push(invalidValue(here.child('effect'), effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    }
    validateTolerationOperator(errors, operator, value, here);
    if (effect !== '') oneOf(errors, here.child('effect'), effect, taintEffects);
  });
}

function validateTolerationOperator(errors: FieldError[], operator: string, value: string, at: FieldPath): void {
  const here = at.child('operator');
  if (operator === 'Exists') {
    if (value !== '') errors.push(invalidValue(here, value, "value must be empty when `operator` is 'Exists'"));
  } else if (operator === 'Equal' || operator === '') {
    const messages = labelValue(value);
    if (messages.length > 0) errors.push(invalidValue(here, value, messages.join(';')));
  } else {
    // Comparison by number is known, but off by default.
    const isComparison = operator === 'Lt' || operator === 'Gt';
    errors.push(notSupported(here, operator, isComparison ? ['Equal', 'Exists', 'Lt', 'Gt'] : ['Equal', 'Exists']));
  }
}

export function validateNodeSelector(errors: FieldError[], selector: NodeSelector, at: FieldPath): void {
  const terms = at.child('nodeSelectorTerms');
  if (!selector.nodeSelectorTerms?.length) errors.push(required(terms, 'must have at least one node selector term'));
  selector.nodeSelectorTerms?.forEach((term, i) => validateNodeSelectorTerm(errors, term, terms.index(i), true));
}

function validateNodeSelectorTerm(errors: FieldError[], term: NodeSelectorTerm, at: FieldPath, checkValues: boolean): void {
  term.matchExpressions?.forEach((requirement, i) =>
    validateNodeRequirement(errors, requirement, at.child('matchExpressions').index(i), checkValues),
  );
  term.matchFields?.forEach((requirement, i) => validateFieldRequirement(errors, requirement, at.child('matchFields').index(i)));
}

function validateNodeRequirement(errors: FieldError[], { key, operator, values }: NodeSelectorRequirement, at: FieldPath, checkValues: boolean): void {
  const count = values?.length ?? 0;
  const valuesPath = at.child('values');
  if (operator === 'In' || operator === 'NotIn') {
    if (count === 0) errors.push(required(valuesPath, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (count > 0) errors.push(forbiddenField(valuesPath, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  } else if (operator === 'Gt' || operator === 'Lt') {
    if (count !== 1) errors.push(required(valuesPath, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
  } else {
    errors.push(invalidValue(at.child('operator'), operator ?? '', 'not a valid selector operator'));
  }
  invalidEach(errors, at.child('key'), key ?? '', qualifiedName(key ?? ''));
  if (checkValues) values?.forEach((value, i) => invalidEach(errors, valuesPath.index(i), value, labelValue(value)));
}

function validateFieldRequirement(errors: FieldError[], { key, operator, values }: NodeSelectorRequirement, at: FieldPath): void {
  if (operator !== 'In' && operator !== 'NotIn') {
    errors.push(invalidValue(at.child('operator'), operator ?? '', 'not a valid selector operator'));
  } else if (values?.length !== 1) {
    errors.push(required(at.child('values'), "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"));
  }
  if (key !== 'metadata.name') errors.push(invalidValue(at.child('key'), key ?? '', 'not a valid field selector key'));
  else values?.forEach((value, i) => invalidEach(errors, at.child('values').index(i), value, dnsSubdomain(value)));
}

export function validateAffinity(errors: FieldError[], affinity: Affinity, at: FieldPath): void {
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity;
  if (nodeAffinity) {
    const here = at.child('nodeAffinity');
    const { requiredDuringSchedulingIgnoredDuringExecution: hard, preferredDuringSchedulingIgnoredDuringExecution: soft } = nodeAffinity;
    if (hard) validateNodeSelector(errors, hard, here.child('requiredDuringSchedulingIgnoredDuringExecution'));
    if (soft) validatePreferences(errors, soft, here.child('preferredDuringSchedulingIgnoredDuringExecution'));
  }
  for (const [name, pods] of [['podAffinity', podAffinity], ['podAntiAffinity', podAntiAffinity]] as const) {
    if (!pods) continue;
    const hard = at.child(name).child('requiredDuringSchedulingIgnoredDuringExecution');
    pods.requiredDuringSchedulingIgnoredDuringExecution?.forEach((term, i) => validateAffinityTerm(errors, term, hard.index(i)));
    const soft = at.child(name).child('preferredDuringSchedulingIgnoredDuringExecution');
    pods.preferredDuringSchedulingIgnoredDuringExecution?.forEach((term, i) => validateWeightedTerm(errors, term, soft.index(i)));
  }
}

function validateWeight(errors: FieldError[], weight: number | undefined, at: FieldPath): void {
  if (!weight || weight < 0 || weight > 100) errors.push(invalidValue(at.child('weight'), weight ?? 0, 'must be in the range 1-100'));
}

function validatePreferences(errors: FieldError[], terms: readonly PreferredSchedulingTerm[], at: FieldPath): void {
  terms.forEach(({ weight, preference }, i) => {
    validateWeight(errors, weight, at.index(i));
    validateNodeSelectorTerm(errors, preference ?? {}, at.index(i).child('preference'), false);
  });
}

function validateWeightedTerm(errors: FieldError[], { weight, podAffinityTerm }: WeightedPodAffinityTerm, at: FieldPath): void {
  validateWeight(errors, weight, at);
  validateAffinityTerm(errors, podAffinityTerm ?? { topologyKey: '' }, at.child('podAffinityTerm'));
}

function validateAffinityTerm(errors: FieldError[], term: PodAffinityTerm, at: FieldPath): void {
  validateLabelSelector(errors, term.labelSelector, at.child('labelSelector'));
  validateLabelSelector(errors, term.namespaceSelector, at.child('namespaceSelector'));
  for (const name of term.namespaces ?? []) invalidEach(errors, at.child('namespace'), name, dnsLabel(name));
  validateMatchKeys(errors, term.matchLabelKeys, term.mismatchLabelKeys, term.labelSelector, at);
  if (!term.topologyKey) errors.push(required(at.child('topologyKey'), 'can not be empty'));
  invalidEach(errors, at.child('topologyKey'), term.topologyKey ?? '', qualifiedName(term.topologyKey ?? ''));
}

function validateMatchKeys(
  errors: FieldError[],
  matchKeys: readonly string[] = [],
  mismatchKeys: readonly string[] = [],
  selector: LabelSelector | undefined,
  at: FieldPath,
): void {
  for (const [name, keys] of [['matchLabelKeys', matchKeys], ['mismatchLabelKeys', mismatchKeys]] as const) {
    if (keys.length === 0) continue;
    const here = at.child(name);
    if (!selector) errors.push(forbiddenField(here, 'must not be specified when labelSelector is not set'));
    else keys.forEach((key, i) => invalidEach(errors, here.index(i), key, qualifiedName(key)));
  }
  const selected = new Set(Object.keys(selector?.matchLabels ?? {}));
  for (const { key } of selector?.matchExpressions ?? []) {
    // The server has already added one expression for each key; a second one is the client's own.
    const position = matchKeys.lastIndexOf(key);
    if (position >= 0 && selected.has(key)) {
      errors.push(invalidValue(at.index(position), key, 'exists in both matchLabelKeys and labelSelector'));
    }
    selected.add(key);
  }
  matchKeys.forEach((key, i) => {
    if (!mismatchKeys.includes(key)) return;
    errors.push(invalidValue(at.child('matchLabelKeys').index(i), key, 'exists in both matchLabelKeys and mismatchLabelKeys'));
  });
}

const inclusionPolicies = ['Honor', 'Ignore'];

export function validateSpreadConstraints(errors: FieldError[], constraints: readonly TopologySpreadConstraint[], at: FieldPath): void {
  constraints.forEach((constraint, i) => {
    const here = at.index(i);
    const { maxSkew = 0, topologyKey, whenUnsatisfiable, minDomains } = constraint;
    validatePositive(errors, maxSkew, here.child('maxSkew'));
    if (!topologyKey) errors.push(required(here.child('topologyKey'), 'can not be empty'));
    oneOf(errors, here.child('whenUnsatisfiable'), whenUnsatisfiable, ['DoNotSchedule', 'ScheduleAnyway']);
    const repeated = constraints.slice(i + 1).some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable);
    if (repeated) errors.push(duplicate(here.child('{topologyKey, whenUnsatisfiable}'), `{${topologyKey}, ${whenUnsatisfiable}}`));
    if (minDomains !== undefined) {
      validatePositive(errors, minDomains, here.child('minDomains'));
      if (whenUnsatisfiable !== 'DoNotSchedule') {
        const why = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable ?? ''}`;
        errors.push(invalidValue(here.child('minDomains'), minDomains, why));
      }
    }
    for (const field of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
      if (constraint[field] !== undefined) oneOf(errors, here.child(field), constraint[field], inclusionPolicies);
    }
    validateMatchKeys(errors, constraint.matchLabelKeys, undefined, constraint.labelSelector, here);
    validateLabelSelector(errors, constraint.labelSelector, here.child('labelSelector'));
  });
}

function validatePositive(errors: FieldError[], value: number, at: FieldPath): void {
  if (value <= 0) errors.push(invalidValue(at, value, 'must be greater than zero'));
}

export function validateSchedulingGates(errors: FieldError[], gates: readonly PodSchedulingGate[], at: FieldPath): void {
  const seen = new Set<string>();
  gates.forEach(({ name = '' }, i) => {
    invalidEach(errors, at.index(i), name, qualifiedName(name));
    if (seen.has(name)) errors.push(duplicate(at.index(i), name));
    seen.add(name);
  });
}
