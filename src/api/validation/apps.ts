/** apps/v1: Deployment, ReplicaSet, StatefulSet, DaemonSet, ControllerRevision. */
import type { FieldError } from '../errors.ts';
import type {
  ControllerRevision,
  DaemonSet,
  DaemonSetSpec,
  Deployment,
  DeploymentSpec,
  DeploymentStatus,
  ReplicaSet,
  ReplicaSetSpec,
} from '../types/apps-v1.ts';
import {
  forbiddenField,
  invalidValue,
  nonNegative,
  notSupported,
  path,
  required,
  type FieldPath,
} from './field-path.ts';
import { immutable } from './immutable.ts';
import { amountIn, validateAtMost100Percent, validateIntOrPercent } from './int-or-percent.ts';
import { kindValidator, type KindValidators } from './kind-validator.ts';
import { validatePodTemplate } from './pod-template.ts';
import { isEmptySelector, selectorMatches, validateLabelSelector } from './selectors.ts';
import { validators as statefulSets } from './apps-statefulset.ts';
import {
  nonNegativeFields,
  selectorMismatch,
  sortedLabels,
  validateAlwaysRestarts,
  validateNotDecremented,
  validateParts,
  validateRequiredSelector,
  validateSelectorMatches,
} from './workloads.ts';

const specPath = path('spec');
const statusPath = path('status');

/** What a Deployment and a ReplicaSet ask of selector and template. */
function validateReplicated(
  errors: FieldError[],
  spec: DeploymentSpec | ReplicaSetSpec,
  at: FieldPath,
): void {
  const selector = spec.selector;
  if (!validateRequiredSelector(errors, selector, 'deployment', at.child('selector'))) {
    errors.push(invalidValue(at.child('selector'), selector, 'invalid label selector'));
    return;
  }
  const templatePath = at.child('template');
  const template = spec.template ?? {};
  validateSelectorMatches(errors, selector, template, templatePath);
  validatePodTemplate(errors, template, templatePath);
  validateAlwaysRestarts(errors, template, 'ReplicaSet', templatePath);
}

function validateDeploymentStrategy(
  errors: FieldError[],
  strategy: DeploymentSpec['strategy'] = {},
  at: FieldPath,
): void {
  const rollingUpdate = strategy.rollingUpdate;
  const rollingPath = at.child('rollingUpdate');
  if (strategy.type === 'Recreate') {
    if (rollingUpdate)
      errors.push(forbiddenField(rollingPath, "may not be specified when strategy `type` is 'Recreate'"));
  } else if (strategy.type !== 'RollingUpdate') {
    errors.push(notSupported(at, strategyAsUpstreamPrintsIt(strategy), ['Recreate', 'RollingUpdate']));
  } else if (!rollingUpdate) {
    errors.push(required(rollingPath, 'this should be defaulted and never be nil'));
  } else {
    const { maxUnavailable, maxSurge } = rollingUpdate;
    validateIntOrPercent(errors, rollingPath.child('maxUnavailable'), maxUnavailable);
    validateIntOrPercent(errors, rollingPath.child('maxSurge'), maxSurge);
    if (amountIn(maxUnavailable) === 0 && amountIn(maxSurge) === 0)
      errors.push(
        invalidValue(
          rollingPath.child('maxUnavailable'),
          maxUnavailable,
          'may not be 0 when `maxSurge` is 0',
        ),
      );
    validateAtMost100Percent(errors, rollingPath.child('maxUnavailable'), maxUnavailable);
  }
}

/** Upstream's internal form: its field names begin with capitals. */
function strategyAsUpstreamPrintsIt({
  type = '',
  rollingUpdate,
}: {
  type?: string | undefined;
  rollingUpdate?: unknown;
}): object {
  return { Type: type, RollingUpdate: rollingUpdate ?? null };
}

function validateDeploymentSpec(spec: DeploymentSpec): FieldError[] {
  const errors: FieldError[] = [];
  nonNegativeFields(errors, spec, ['replicas'], specPath);
  validateReplicated(errors, spec, specPath);
  validateDeploymentStrategy(errors, spec.strategy, specPath.child('strategy'));
  nonNegativeFields(
    errors,
    spec,
    ['minReadySeconds', 'revisionHistoryLimit', 'progressDeadlineSeconds'],
    specPath,
  );
  const deadline = spec.progressDeadlineSeconds;
  if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0))
    errors.push(
      invalidValue(
        specPath.child('progressDeadlineSeconds'),
        deadline,
        'must be greater than minReadySeconds',
      ),
    );
  return errors;
}

function validateDeploymentStatus(status: DeploymentStatus, old: DeploymentStatus): FieldError[] {
  const errors: FieldError[] = [];
  nonNegativeFields(
    errors,
    status,
    [
      'observedGeneration',
      'replicas',
      'updatedReplicas',
      'readyReplicas',
      'availableReplicas',
      'unavailableReplicas',
      'terminatingReplicas',
      'collisionCount',
    ],
    statusPath,
  );
  validateParts(errors, status, ['updatedReplicas', 'readyReplicas', 'availableReplicas']);
  validateNotDecremented(errors, status.collisionCount, old.collisionCount);
  return errors;
}

function updateDeployment(deployment: Deployment, old: Deployment, subresource: string): FieldError[] {
  if (subresource === 'status') return validateDeploymentStatus(deployment.status ?? {}, old.status ?? {});
  const errors = validateDeploymentSpec(deployment.spec ?? ({} as DeploymentSpec));
  immutable(errors, specPath.child('selector'), deployment.spec?.selector, old.spec?.selector);
  return errors;
}

function validateReplicaSetSpec(spec: ReplicaSetSpec): FieldError[] {
  const errors: FieldError[] = [];
  nonNegativeFields(errors, spec, ['replicas', 'minReadySeconds'], specPath);
  validateReplicated(errors, spec, specPath);
  return errors;
}

function updateReplicaSet(replicaSet: ReplicaSet, old: ReplicaSet, subresource: string): FieldError[] {
  if (subresource === 'status') {
    const errors: FieldError[] = [];
    const status = replicaSet.status ?? { replicas: 0 };
    nonNegativeFields(
      errors,
      status,
      [
        'replicas',
        'fullyLabeledReplicas',
        'readyReplicas',
        'availableReplicas',
        'observedGeneration',
        'terminatingReplicas',
      ],
      statusPath,
    );
    validateParts(errors, status, ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas']);
    return errors;
  }
  const errors = validateReplicaSetSpec(replicaSet.spec ?? ({} as ReplicaSetSpec));
  immutable(errors, specPath.child('selector'), replicaSet.spec?.selector, old.spec?.selector);
  return errors;
}

function validateDaemonSetSpec(spec: DaemonSetSpec): FieldError[] {
  const errors: FieldError[] = [];
  const selectorPath = specPath.child('selector');
  const templatePath = specPath.child('template');
  validateLabelSelector(errors, spec.selector, selectorPath);
  const template = spec.template ?? {};
  if (errors.length === 0 && !(spec.selector && selectorMatches(spec.selector, template.metadata?.labels)))
    errors.push(
      invalidValue(
        templatePath.child('metadata').child('labels'),
        sortedLabels(template.metadata?.labels),
        selectorMismatch,
      ),
    );
  if (spec.selector && isEmptySelector(spec.selector))
    errors.push(invalidValue(selectorPath, spec.selector, 'empty selector is invalid for daemonset'));
  validatePodTemplate(errors, template, templatePath);
  validateAlwaysRestarts(errors, template, 'DaemonSet', templatePath);
  nonNegativeFields(errors, spec, ['minReadySeconds'], specPath);
  validateDaemonSetStrategy(errors, spec.updateStrategy, specPath.child('updateStrategy'));
  nonNegativeFields(errors, spec, ['revisionHistoryLimit'], specPath);
  return errors;
}

function validateDaemonSetStrategy(
  errors: FieldError[],
  strategy: DaemonSetSpec['updateStrategy'] = {},
  at: FieldPath,
): void {
  if (strategy.type === 'OnDelete') return;
  if (strategy.type !== 'RollingUpdate') {
    errors.push(notSupported(at, strategyAsUpstreamPrintsIt(strategy), ['RollingUpdate', 'OnDelete']));
    return;
  }
  const rollingPath = at.child('rollingUpdate');
  if (!strategy.rollingUpdate) {
    errors.push(required(rollingPath));
    return;
  }
  const { maxUnavailable, maxSurge } = strategy.rollingUpdate;
  validateIntOrPercent(errors, rollingPath.child('maxUnavailable'), maxUnavailable);
  validateIntOrPercent(errors, rollingPath.child('maxSurge'), maxSurge);
  validateAtMost100Percent(errors, rollingPath.child('maxUnavailable'), maxUnavailable);
  validateAtMost100Percent(errors, rollingPath.child('maxSurge'), maxSurge);
  const unavailable = amountIn(maxUnavailable) !== 0;
  const surge = amountIn(maxSurge) !== 0;
  if (unavailable && surge)
    errors.push(
      invalidValue(rollingPath.child('maxSurge'), maxSurge, 'may not be set when maxUnavailable is non-zero'),
    );
  if (!unavailable && !surge)
    errors.push(required(rollingPath.child('maxUnavailable'), 'cannot be 0 when maxSurge is 0'));
}

function updateDaemonSet(daemonSet: DaemonSet, old: DaemonSet, subresource: string): FieldError[] {
  if (subresource === 'status') {
    const errors: FieldError[] = [];
    const { status } = daemonSet;
    if (status)
      nonNegativeFields(
        errors,
        status,
        [
          'currentNumberScheduled',
          'numberMisscheduled',
          'desiredNumberScheduled',
          'numberReady',
          'observedGeneration',
          'updatedNumberScheduled',
          'numberAvailable',
          'numberUnavailable',
          'collisionCount',
        ],
        statusPath,
      );
    validateNotDecremented(errors, status?.collisionCount, old.status?.collisionCount);
    return errors;
  }
  const errors: FieldError[] = [];
  immutable(errors, specPath.child('selector'), daemonSet.spec?.selector, old.spec?.selector);
  errors.push(...validateDaemonSetSpec(daemonSet.spec ?? ({} as DaemonSetSpec)));
  return errors;
}

function validateRevision(revision: ControllerRevision): FieldError[] {
  const errors: FieldError[] = [];
  nonNegative(errors, path('revision'), revision.revision);
  return errors;
}

function createRevision(revision: ControllerRevision): FieldError[] {
  const errors = validateRevision(revision);
  const data: unknown = revision.data;
  if (data === undefined || data === null) errors.push(required(path('data'), 'data is mandatory'));
  else if (typeof data !== 'object' || Array.isArray(data))
    errors.push(required(path('data'), 'data must be a valid JSON object'));
  return errors;
}

function updateRevision(revision: ControllerRevision, old: ControllerRevision): FieldError[] {
  const errors = validateRevision(revision);
  immutable(errors, path('data'), revision.data, old.data);
  return errors;
}

export const validators: KindValidators = {
  ...statefulSets,
  'apps/Deployment': kindValidator<Deployment>({
    create: ({ spec }) => validateDeploymentSpec(spec ?? ({} as DeploymentSpec)),
    update: updateDeployment,
  }),
  'apps/ReplicaSet': kindValidator<ReplicaSet>({
    create: ({ spec }) => validateReplicaSetSpec(spec ?? ({} as ReplicaSetSpec)),
    update: updateReplicaSet,
  }),
  'apps/DaemonSet': kindValidator<DaemonSet>({
    create: ({ spec }) => validateDaemonSetSpec(spec ?? ({} as DaemonSetSpec)),
    update: updateDaemonSet,
  }),
  'apps/ControllerRevision': kindValidator<ControllerRevision>({
    create: createRevision,
    update: updateRevision,
  }),
};
