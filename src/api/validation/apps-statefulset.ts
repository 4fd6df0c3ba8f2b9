/** apps/v1 StatefulSet. Its names become host names, and most of its spec can never change. */
import type { FieldError } from '../errors.ts';
import type { StatefulSet, StatefulSetSpec, StatefulSetStatus } from '../types/apps-v1.ts';
import type { PodTemplateSpec } from '../types/core-v1.ts';
import { validateClaimSpec } from './core-claim.ts';
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
import { semanticEqual } from './equality.ts';
import { amountIn, validateAtMost100Percent, validateIntOrPercent } from './int-or-percent.ts';
import { kindValidator, type KindValidators } from './kind-validator.ts';
import { dnsLabel, nameIsDnsLabel } from './names.ts';
import { validateAnnotations, validateLabels } from './object-meta.ts';
import { validatePodTemplate } from './pod-template.ts';
import {
  nonNegativeFields,
  validateAlwaysRestarts,
  validateNotDecremented,
  validateParts,
  validateRequiredSelector,
  validateSelectorMatches,
} from './workloads.ts';

const specPath = path('spec');
const statusPath = path('status');

interface Leniency {
  /** What was stored once may stay as it is. */
  readonly storedBefore: boolean;
  /** The stored template itself does not pass today's rules. */
  readonly templateBad?: boolean;
}

function validateStrategy(errors: FieldError[], { updateStrategy }: StatefulSetSpec, at: FieldPath): void {
  const type = updateStrategy?.type ?? '';
  const rollingUpdate = updateStrategy?.rollingUpdate;
  const rollingPath = at.child('rollingUpdate');
  if (type === '') errors.push(required(at));
  else if (type === 'OnDelete') {
    if (rollingUpdate)
      errors.push(
        invalidValue(
          rollingPath,
          upstreamForm(rollingUpdate),
          "only allowed for updateStrategy 'RollingUpdate'",
        ),
      );
  } else if (type !== 'RollingUpdate') {
    errors.push(
      invalidValue(
        at,
        { Type: type, RollingUpdate: upstreamForm(rollingUpdate) },
        "must be 'RollingUpdate' or 'OnDelete'",
      ),
    );
  } else if (rollingUpdate) {
    nonNegative(errors, rollingPath.child('partition'), rollingUpdate.partition);
    const { maxUnavailable } = rollingUpdate;
    if (maxUnavailable === undefined) return;
    const unavailablePath = rollingPath.child('maxUnavailable');
    validateIntOrPercent(errors, unavailablePath, maxUnavailable);
    if (amountIn(maxUnavailable) === 0)
      errors.push(invalidValue(unavailablePath, maxUnavailable, 'cannot be 0'));
    validateAtMost100Percent(errors, unavailablePath, maxUnavailable);
  }
}

/** As upstream's own structure prints: all fields, beginning with capitals. */
function upstreamForm(
  rollingUpdate: NonNullable<StatefulSetSpec['updateStrategy']>['rollingUpdate'],
): object | null {
  return rollingUpdate
    ? { Partition: rollingUpdate.partition ?? 0, MaxUnavailable: rollingUpdate.maxUnavailable ?? null }
    : null;
}

/** As the pods will be: with the host name and the volumes that the controller gives them. */
function templateOfPods({ template, volumeClaimTemplates = [] }: StatefulSetSpec): PodTemplateSpec {
  const spec = template?.spec;
  if (!spec) return template ?? {};
  const claims = new Set(volumeClaimTemplates.map(({ metadata }) => metadata?.name ?? ''));
  const volumes = [
    ...[...claims].map((name) => ({ name, persistentVolumeClaim: { claimName: name } })),
    ...(spec.volumes ?? []).filter(({ name }) => !claims.has(name)),
  ];
  const { subdomain: _, hostname: __, ...kept } = spec;
  return { ...template, spec: { ...kept, ...(volumes.length > 0 && { volumes }) } };
}

function validateTemplate(errors: FieldError[], spec: StatefulSetSpec, lenient: Leniency): void {
  const at = specPath.child('template');
  const template = templateOfPods(spec);
  validateSelectorMatches(errors, spec.selector, template, at);
  if (!lenient.templateBad) validatePodTemplate(errors, template, at);
  validateLabels(errors, template.metadata?.labels ?? {}, at.child('labels'));
  validateAnnotations(errors, template.metadata?.annotations ?? {}, at.child('annotations'));
}

function validateSpec(spec: StatefulSetSpec, lenient: Leniency): FieldError[] {
  const errors: FieldError[] = [];
  const management = spec.podManagementPolicy ?? '';
  const managementPath = specPath.child('podManagementPolicy');
  if (management === '') errors.push(required(managementPath));
  else if (management !== 'OrderedReady' && management !== 'Parallel')
    errors.push(invalidValue(managementPath, management, "must be 'OrderedReady' or 'Parallel'"));
  validateStrategy(errors, spec, specPath.child('updateStrategy'));
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  const retentionPath = specPath.child('persistentVolumeClaimRetentionPolicy');
  for (const when of retention ? (['whenDeleted', 'whenScaled'] as const) : []) {
    const policy = retention?.[when] ?? '';
    if (policy !== 'Retain' && policy !== 'Delete')
      errors.push(notSupported(retentionPath.child(when), policy, ['Retain', 'Delete']));
  }
  // Immutable: what was stored once is not looked at again.
  if (!lenient.storedBefore)
    spec.volumeClaimTemplates?.forEach((claim, i) =>
      validateClaimSpec(
        errors,
        claim.spec ?? {},
        specPath.child('volumeClaimTemplates').index(i).child('spec'),
      ),
    );
  nonNegativeFields(errors, spec, ['replicas', 'minReadySeconds'], specPath);
  nonNegative(errors, specPath.child('ordinals.start'), spec.ordinals?.start);
  if (!lenient.storedBefore && spec.serviceName)
    invalidEach(errors, specPath.child('serviceName'), spec.serviceName, dnsLabel(spec.serviceName));
  if (validateRequiredSelector(errors, spec.selector, 'statefulset', specPath.child('selector')))
    validateTemplate(errors, spec, lenient);
  else errors.push(invalidValue(specPath.child('selector'), spec.selector, ''));
  validateAlwaysRestarts(errors, spec.template, 'StatefulSet', specPath.child('template'));
  return errors;
}

const mutable = [
  'replicas',
  'template',
  'updateStrategy',
  'minReadySeconds',
  'ordinals',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
] as const;

const immutableSpec =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

function update(statefulSet: StatefulSet, old: StatefulSet, subresource: string): FieldError[] {
  if (subresource === 'status') return validateStatus(statefulSet.status, old.status);
  const spec = statefulSet.spec ?? ({} as StatefulSetSpec);
  const oldSpec = old.spec ?? ({} as StatefulSetSpec);
  const errors = validateSpec(spec, { storedBefore: true });
  // Only where something is wrong does it matter whether it was so before.
  if (errors.length > 0 && validateSpec(oldSpec, { storedBefore: true }).length > 0)
    errors.splice(0, errors.length, ...validateSpec(spec, { storedBefore: true, templateBad: true }));
  const others = (whole: StatefulSetSpec) =>
    Object.fromEntries(
      Object.entries(whole).filter(([name]) => !(mutable as readonly string[]).includes(name)),
    );
  if (!semanticEqual(others(spec), others(oldSpec))) errors.push(forbiddenField(specPath, immutableSpec));
  return errors;
}

function validateStatus(
  given: StatefulSetStatus | undefined,
  old: StatefulSetStatus | undefined,
): FieldError[] {
  const errors: FieldError[] = [];
  const status = given ?? { replicas: 0 };
  nonNegativeFields(
    errors,
    status,
    [
      'replicas',
      'readyReplicas',
      'currentReplicas',
      'updatedReplicas',
      'availableReplicas',
      'observedGeneration',
      'collisionCount',
    ],
    statusPath,
  );
  const parts = ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'] as const;
  validateParts(errors, status, parts, 'status.readyReplicas');
  validateNotDecremented(errors, status.collisionCount, old?.collisionCount);
  return errors;
}

export const validators: KindValidators = {
  'apps/StatefulSet': kindValidator<StatefulSet>({
    validateName: nameIsDnsLabel,
    create: ({ spec }) => validateSpec(spec ?? ({} as StatefulSetSpec), { storedBefore: false }),
    update,
  }),
};
