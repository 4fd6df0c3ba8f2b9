/** autoscaling/v2 HorizontalPodAutoscaler (version 1 is converted before) and the Scale subresource. */
import type { FieldError } from '../errors.ts';
import { parseQuantity } from '../quantity.ts';
import type { Scale } from '../types/autoscaling-v1.ts';
import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerSpec,
  HPAScalingRules,
  MetricIdentifier,
  MetricSpec,
  MetricTarget,
} from '../types/autoscaling-v2.ts';
import {
  forbiddenField,
  invalidEach,
  invalidValue,
  nonNegative,
  notSupported,
  path,
  required,
  type FieldPath,
} from './field-path.ts';
import { kindValidator, type KindValidators } from './kind-validator.ts';
import { dnsLabel, pathSegmentName } from './names.ts';
import { validateContainerResourceName, validateNonNegativeQuantity } from './resources.ts';

const specPath = path('spec');
const periodSecondsMax = 1800;
const stabilizationSecondsMax = 3600;
const selectPolicies = ['Disabled', 'Max', 'Min'];
const policyTypes = ['Percent', 'Pods'];
const metricTypes = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource'];
const targetTypes = ['Utilization', 'Value', 'AverageValue'];

/** Which apiVersions a reference may have. */
interface VersionRule {
  readonly anything: boolean;
  readonly coreGroup: boolean;
}

function apiVersionProblem(apiVersion: string, { anything, coreGroup }: VersionRule): string | undefined {
  if (anything) return undefined;
  if (apiVersion !== '' && apiVersion !== '/' && apiVersion.split('/').length > 2)
    return `unexpected GroupVersion string: ${apiVersion}`;
  return !coreGroup && !/^[^/]+\//.test(apiVersion) ? 'apiVersion must specify API group' : undefined;
}

function validateReference(
  errors: FieldError[],
  reference: CrossVersionObjectReference | undefined,
  rule: VersionRule,
  at: FieldPath,
): void {
  for (const field of ['kind', 'name'] as const) {
    const value = reference?.[field];
    if (!value) errors.push(required(at.child(field)));
    else invalidEach(errors, at.child(field), value, pathSegmentName(value, false));
  }
  const apiVersion = reference?.apiVersion ?? '';
  const problem = apiVersionProblem(apiVersion, rule);
  if (problem !== undefined) errors.push(invalidValue(at.child('apiVersion'), apiVersion, problem));
}

function isPositive(quantity: string): boolean {
  return parseQuantity(quantity).value > 0n;
}

function validateTarget(errors: FieldError[], target: MetricTarget | undefined, at: FieldPath): void {
  const type = target?.type ?? '';
  if (type === '') errors.push(required(at.child('type'), 'must specify a metric target type'));
  if (!targetTypes.includes(type))
    errors.push(invalidValue(at.child('type'), type, 'must be either Utilization, Value, or AverageValue'));
  for (const field of ['value', 'averageValue'] as const) {
    const quantity = target?.[field];
    if (quantity !== undefined && !isPositive(quantity))
      errors.push(invalidValue(at.child(field), quantity, 'must be positive'));
  }
  const utilization = target?.averageUtilization;
  if (utilization !== undefined && utilization < 1)
    errors.push(invalidValue(at.child('averageUtilization'), utilization, 'must be greater than 0'));
}

function validateIdentifier(errors: FieldError[], metric: MetricIdentifier | undefined, at: FieldPath): void {
  if (!metric?.name) errors.push(required(at.child('name'), 'must specify a metric name'));
  else invalidEach(errors, at.child('name'), metric.name, pathSegmentName(metric.name, false));
}

/** Of resource metrics: a percentage of what is requested or an amount, not both. */
function validateResourceTarget(errors: FieldError[], target: MetricTarget | undefined, at: FieldPath): void {
  validateTarget(errors, target, at);
  const { averageUtilization, averageValue } = target ?? {};
  if (averageUtilization === undefined && averageValue === undefined)
    errors.push(
      required(at.child('averageUtilization'), 'must set either a target raw value or a target utilization'),
    );
  if (averageUtilization !== undefined && averageValue !== undefined)
    errors.push(
      forbiddenField(
        at.child('averageValue'),
        'may not set both a target raw value and a target utilization',
      ),
    );
}

type SourceField = 'object' | 'external' | 'pods' | 'resource' | 'containerResource';

/** In the order in which upstream looks at them: only the first one present is looked into. */
const sourceFields: readonly SourceField[] = ['object', 'external', 'pods', 'resource', 'containerResource'];

function validateSource(
  errors: FieldError[],
  spec: MetricSpec,
  field: SourceField,
  rule: VersionRule,
  at: FieldPath,
): void {
  const targetPath = at.child('target');
  const { object, external, pods, resource, containerResource } = spec;
  if (field === 'object' && object) {
    validateReference(errors, object.describedObject, rule, at.child('describedObject'));
    validateIdentifier(errors, object.metric, at.child('metric'));
    validateTarget(errors, object.target, targetPath);
    if (object.target?.value === undefined && object.target?.averageValue === undefined)
      errors.push(
        required(targetPath.child('averageValue'), 'must set either a target value or averageValue'),
      );
  } else if (field === 'external' && external) {
    validateIdentifier(errors, external.metric, at.child('metric'));
    validateTarget(errors, external.target, targetPath);
    const { value, averageValue } = external.target ?? {};
    if (value === undefined && averageValue === undefined)
      errors.push(
        required(
          targetPath.child('averageValue'),
          'must set either a target value for metric or a per-pod target',
        ),
      );
    if (value !== undefined && averageValue !== undefined)
      errors.push(
        forbiddenField(
          targetPath.child('value'),
          'may not set both a target value for metric and a per-pod target',
        ),
      );
  } else if (field === 'pods' && pods) {
    validateIdentifier(errors, pods.metric, at.child('metric'));
    validateTarget(errors, pods.target, targetPath);
    if (pods.target?.averageValue === undefined)
      errors.push(required(targetPath.child('averageValue'), 'must specify a positive target averageValue'));
  } else if (field === 'resource' && resource) {
    if (!resource.name) errors.push(required(at.child('name'), 'must specify a resource name'));
    validateResourceTarget(errors, resource.target, targetPath);
  } else if (field === 'containerResource' && containerResource) {
    if (!containerResource.name) errors.push(required(at.child('name'), 'must specify a resource name'));
    else validateContainerResourceName(errors, containerResource.name, at.child('name'));
    if (!containerResource.container)
      errors.push(required(at.child('container'), 'must specify a container'));
    else
      invalidEach(
        errors,
        at.child('container'),
        containerResource.container,
        dnsLabel(containerResource.container),
      );
    validateResourceTarget(errors, containerResource.target, targetPath);
  }
}

function validateMetric(errors: FieldError[], spec: MetricSpec, rule: VersionRule, at: FieldPath): void {
  const type = spec.type ?? '';
  const typePath = at.child('type');
  if (type === '') errors.push(required(typePath, 'must specify a metric source type'));
  const known = metricTypes.includes(type);
  if (!known) errors.push(notSupported(typePath, type, metricTypes));
  const present = sourceFields.filter((field) => spec[field] !== undefined);
  const first = present[0];
  if (first !== undefined) validateSource(errors, spec, first, rule, at.child(first));
  const expected = `${type.charAt(0).toLowerCase()}${type.slice(1)}` as SourceField;
  if (!known) errors.push(notSupported(typePath, type, metricTypes));
  else if (spec[expected] === undefined)
    errors.push(required(at.child(expected), 'must populate information for the given metric source'));
  if (present.length === 1) return;
  for (const field of present)
    if (field !== expected)
      errors.push(forbiddenField(at.child(field), 'must populate the given metric source only'));
}

function validateScalingRules(errors: FieldError[], rules: HPAScalingRules | undefined, at: FieldPath): void {
  if (!rules) return;
  const { stabilizationWindowSeconds: window, selectPolicy, policies = [], tolerance } = rules;
  const windowPath = at.child('stabilizationWindowSeconds');
  if (window !== undefined && window < 0)
    errors.push(invalidValue(windowPath, window, 'must be greater than or equal to zero'));
  if (window !== undefined && window > stabilizationSecondsMax)
    errors.push(invalidValue(windowPath, window, `must be less than or equal to ${stabilizationSecondsMax}`));
  if (selectPolicy !== undefined && !selectPolicies.includes(selectPolicy))
    errors.push(notSupported(at.child('selectPolicy'), selectPolicy, selectPolicies));
  if (policies.length === 0) errors.push(required(at.child('policies'), 'must specify at least one Policy'));
  policies.forEach(({ type = '', value = 0, periodSeconds = 0 }, i) => {
    const policyPath = at.child('policies').index(i);
    if (!policyTypes.includes(type)) errors.push(notSupported(policyPath.child('type'), type, policyTypes));
    if (value <= 0) errors.push(invalidValue(policyPath.child('value'), value, 'must be greater than zero'));
    if (periodSeconds <= 0)
      errors.push(
        invalidValue(policyPath.child('periodSeconds'), periodSeconds, 'must be greater than zero'),
      );
    if (periodSeconds > periodSecondsMax)
      errors.push(
        invalidValue(
          policyPath.child('periodSeconds'),
          periodSeconds,
          `must be less than or equal to ${periodSecondsMax}`,
        ),
      );
  });
  if (tolerance !== undefined) validateNonNegativeQuantity(errors, tolerance, at.child('tolerance'));
}

function validateSpec(
  spec: HorizontalPodAutoscalerSpec,
  old: HorizontalPodAutoscalerSpec | undefined,
): FieldError[] {
  const errors: FieldError[] = [];
  const { minReplicas, maxReplicas = 0, scaleTargetRef, metrics = [], behavior } = spec;
  const lowest = old?.minReplicas === 0 ? 0 : 1;
  const maxPath = specPath.child('maxReplicas');
  if (minReplicas !== undefined && minReplicas < lowest)
    errors.push(
      invalidValue(specPath.child('minReplicas'), minReplicas, `must be greater than or equal to ${lowest}`),
    );
  if (maxReplicas === 0) errors.push(required(maxPath, 'must be set and greater than 0'));
  else if (maxReplicas < 0)
    errors.push(invalidValue(maxPath, maxReplicas, 'must be greater than or equal to 1'));
  if (minReplicas !== undefined && maxReplicas < minReplicas)
    errors.push(invalidValue(maxPath, maxReplicas, 'must be greater than or equal to `minReplicas`'));
  const before = old?.scaleTargetRef;
  const sameTarget =
    before !== undefined &&
    before.apiVersion === scaleTargetRef?.apiVersion &&
    before.kind === scaleTargetRef?.kind;
  const targetRule = { anything: sameTarget, coreGroup: scaleTargetRef?.kind === 'ReplicationController' };
  validateReference(errors, scaleTargetRef, targetRule, specPath.child('scaleTargetRef'));
  const objectRule = { anything: hasBadObjectMetric(old), coreGroup: true };
  metrics.forEach((metric, i) =>
    validateMetric(errors, metric, objectRule, specPath.child('metrics').index(i)),
  );
  if (minReplicas === 0 && !metrics.some(({ type }) => type === 'Object' || type === 'External'))
    errors.push(
      forbiddenField(
        specPath.child('metrics'),
        'must specify at least one Object or External metric to support scaling to zero replicas',
      ),
    );
  validateScalingRules(errors, behavior?.scaleUp, specPath.child('behavior').child('scaleUp'));
  validateScalingRules(errors, behavior?.scaleDown, specPath.child('behavior').child('scaleDown'));
  return errors;
}

function hasBadObjectMetric(old: HorizontalPodAutoscalerSpec | undefined): boolean {
  const rule = { anything: false, coreGroup: true };
  return (
    old?.metrics?.some(
      ({ object }) =>
        object && apiVersionProblem(object.describedObject?.apiVersion ?? '', rule) !== undefined,
    ) ?? false
  );
}

function update(
  autoscaler: HorizontalPodAutoscaler,
  old: HorizontalPodAutoscaler,
  subresource: string,
): FieldError[] {
  if (subresource !== 'status')
    return validateSpec(autoscaler.spec ?? ({} as HorizontalPodAutoscalerSpec), old.spec);
  const errors: FieldError[] = [];
  nonNegative(errors, path('status', 'currentReplicas'), autoscaler.status?.currentReplicas);
  nonNegative(errors, path('status', 'desiredReplicas'), autoscaler.status?.desiredReplicas);
  return errors;
}

export const validators: KindValidators = {
  'autoscaling/HorizontalPodAutoscaler': kindValidator<HorizontalPodAutoscaler>({
    create: ({ spec }) => validateSpec(spec ?? ({} as HorizontalPodAutoscalerSpec), undefined),
    update,
  }),
  'autoscaling/Scale': kindValidator<Scale>({
    create({ spec }) {
      const errors: FieldError[] = [];
      nonNegative(errors, specPath.child('replicas'), spec?.replicas);
      return errors;
    },
  }),
};
