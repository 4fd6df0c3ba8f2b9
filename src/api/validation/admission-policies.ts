/** Admission policies and their bindings. Whether their CEL expressions compile is the policy engine's to say. */
import type { FieldError } from '../errors.ts';
import { parseGroupVersion } from '../object.ts';
import type {
  AuditAnnotation,
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  Mutation,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Validation,
  Variable,
} from '../types/admissionregistration-v1.ts';
import { validateMatchConditions, validateMatchResources } from './admission-rules.ts';
import { validateConditions } from './conditions.ts';
import {
  duplicate,
  forbiddenField,
  invalidEach,
  invalidValue,
  notSupported,
  path,
  required,
  type FieldPath,
} from './field-path.ts';
import { kindValidator, type KindValidators } from './kind-validator.ts';
import { dns1035Label, dnsSubdomain, pathSegmentName, qualifiedName } from './names.ts';
import { validateLabelSelector } from './selectors.ts';

const specPath = path('spec');
const failurePolicies = ['Fail', 'Ignore'];
const actions = ['Audit', 'Deny', 'Warn'];
const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
const reinvocationPolicies = ['IfNeeded', 'Never'];
const patchTypes = ['ApplyConfiguration', 'JSONPatch'];
/** What is deleted cannot be mutated. */
const mutatingOperations = ['*', 'CONNECT', 'CREATE', 'UPDATE'];
const annotationsMax = 20;
const annotationBytesMax = 5 * 1024;
const identifier = /^[_a-zA-Z][_a-zA-Z0-9]*$/;
const reservedWords = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

function requiredChoice(
  errors: FieldError[],
  value: string | undefined,
  values: readonly string[],
  at: FieldPath,
): void {
  if (!value) errors.push(required(at));
  else if (!values.includes(value)) errors.push(notSupported(at, value, values));
}

function validateParamKind(
  errors: FieldError[],
  { apiVersion = '', kind = '' }: ParamKind,
  at: FieldPath,
): void {
  const versionPath = at.child('apiVersion');
  if (apiVersion === '') errors.push(required(versionPath));
  else if (apiVersion.split('/').length > 2)
    errors.push(invalidValue(versionPath, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  else {
    const { group, version } = parseGroupVersion(apiVersion);
    const groupMessages = group === '' ? [] : dnsSubdomain(group);
    if (groupMessages.length > 0) errors.push(invalidValue(versionPath, group, groupMessages.join(',')));
    const versionMessages = version === '' ? [] : dns1035Label(version);
    if (version === '') errors.push(invalidValue(versionPath, apiVersion, 'version must be specified'));
    else if (versionMessages.length > 0)
      errors.push(invalidValue(versionPath, version, versionMessages.join(',')));
  }
  if (kind === '') {
    errors.push(required(at.child('kind')));
    return;
  }
  const messages = dns1035Label(kind.toLowerCase());
  if (messages.length > 0)
    errors.push(
      invalidValue(
        at.child('kind'),
        kind,
        `may have mixed case, but should otherwise match: ${messages.join(',')}`,
      ),
    );
}

function validateVariable(errors: FieldError[], { name, expression }: Variable, at: FieldPath): void {
  if (!name?.trim()) errors.push(required(at.child('name'), 'name is not specified'));
  else if (!identifier.test(name) || reservedWords.has(name))
    errors.push(invalidValue(at.child('name'), name, 'must be a valid CEL identifier'));
  if (!expression?.trim()) errors.push(required(at.child('expression'), 'expression is not specified'));
}

function validateValidation(errors: FieldError[], validation: Validation, at: FieldPath): void {
  const { expression, message = '', messageExpression = '', reason } = validation;
  if (!expression?.trim()) errors.push(required(at.child('expression'), 'expression is not specified'));
  if (messageExpression !== '' && messageExpression.trim() === '')
    errors.push(
      invalidValue(at.child('messageExpression'), messageExpression, 'must be non-empty if specified'),
    );
  if (message !== '' && message.trim() === '')
    errors.push(invalidValue(at.child('message'), message, 'must be non-empty if specified'));
  else if (/[\n\r]/.test(message.trim()))
    errors.push(invalidValue(at.child('message'), message, 'must not contain line breaks'));
  if (reason !== undefined && !reasons.includes(reason))
    errors.push(notSupported(at.child('reason'), reason, reasons));
}

function validateAnnotation(
  errors: FieldError[],
  { key, valueExpression }: AuditAnnotation,
  policy: string,
  at: FieldPath,
): void {
  const qualified = `${policy}/${key}`;
  if (policy === '') errors.push(invalidValue(at.child('key'), key, 'requires metadata.name be non-empty'));
  else invalidEach(errors, at.child('key'), qualified, qualifiedName(qualified));
  const expression = valueExpression?.trim() ?? '';
  if (expression === '')
    errors.push(required(at.child('valueExpression'), 'valueExpression is not specified'));
  else if (expression.length > annotationBytesMax)
    errors.push(
      required(at.child('valueExpression'), `must not exceed ${annotationBytesMax} bytes in length`),
    );
}

interface PolicySpec {
  readonly failurePolicy?: string | undefined;
  readonly paramKind?: ParamKind | undefined;
  readonly matchConstraints?: MatchResources | undefined;
}

function validateCommon(
  errors: FieldError[],
  { failurePolicy, paramKind, matchConstraints }: PolicySpec,
): void {
  requiredChoice(errors, failurePolicy, failurePolicies, specPath.child('failurePolicy'));
  if (paramKind) validateParamKind(errors, paramKind, specPath.child('paramKind'));
  const at = specPath.child('matchConstraints');
  if (!matchConstraints) {
    errors.push(required(at));
    return;
  }
  validateMatchResources(errors, matchConstraints, at);
  if (!matchConstraints.resourceRules?.length) errors.push(required(at.child('resourceRules')));
}

function validateMutable(errors: FieldError[], match: MatchResources | undefined, at: FieldPath): void {
  for (const { operations = [] } of match?.resourceRules ?? [])
    for (const operation of operations)
      if (!mutatingOperations.includes(operation))
        errors.push(
          notSupported(at.child('resourceRules').child('operations'), operation, mutatingOperations),
        );
}

function validateValidatingPolicy({ metadata, spec }: ValidatingAdmissionPolicy): FieldError[] {
  const errors: FieldError[] = [];
  const { validations = [], auditAnnotations = [] } = spec ?? {};
  validateCommon(errors, spec ?? {});
  validateMatchConditions(errors, spec?.matchConditions, specPath.child('matchConditions'));
  spec?.variables?.forEach((variable, i) =>
    validateVariable(errors, variable, specPath.child('variables').index(i)),
  );
  if (validations.length === 0 && auditAnnotations.length === 0)
    for (const field of ['validations', 'auditAnnotations'])
      errors.push(
        required(specPath.child(field), 'validations or auditAnnotations must contain at least one item'),
      );
  validations.forEach((validation, i) =>
    validateValidation(errors, validation, specPath.child('validations').index(i)),
  );
  const at = specPath.child('auditAnnotations');
  if (auditAnnotations.length > annotationsMax)
    errors.push(
      invalidValue(at, auditAnnotations, `must not have more than ${annotationsMax} auditAnnotations`),
    );
  const keys = new Set<string>();
  auditAnnotations.forEach((annotation, i) => {
    validateAnnotation(errors, annotation, metadata?.name ?? '', at.index(i));
    if (keys.has(annotation.key)) errors.push(duplicate(at.index(i).child('key'), annotation.key));
    keys.add(annotation.key);
  });
  return errors;
}

function updateValidatingPolicy(
  policy: ValidatingAdmissionPolicy,
  _: ValidatingAdmissionPolicy,
  subresource: string,
): FieldError[] {
  if (subresource !== 'status') return validateValidatingPolicy(policy);
  const errors: FieldError[] = [];
  const warningsPath = path('status', 'typeChecking').child('expressionWarnings');
  policy.status?.typeChecking?.expressionWarnings?.forEach(({ warning, fieldRef }, i) => {
    if (!warning) errors.push(required(warningsPath.index(i).child('warning')));
    if (!fieldRef) errors.push(required(warningsPath.index(i).child('fieldRef')));
  });
  validateConditions(errors, policy.status?.conditions, path('status', 'conditions'));
  return errors;
}

function validateMutation(
  errors: FieldError[],
  { patchType, jsonPatch, applyConfiguration }: Mutation,
  at: FieldPath,
): void {
  requiredChoice(errors, patchType, patchTypes, at.child('patchType'));
  const forms = [
    ['JSONPatch', 'jsonPatch', jsonPatch],
    ['ApplyConfiguration', 'applyConfiguration', applyConfiguration],
  ] as const;
  for (const [type, field, value] of forms) {
    if (patchType === type && !value)
      errors.push(required(at.child(field), `must be specified when patchType is ${type}`));
    else if (patchType === type && !value?.expression?.trim())
      errors.push(required(at.child(field).child('expression'), 'expression is not specified'));
    else if (patchType !== type && value && patchTypes.includes(patchType))
      errors.push(
        invalidValue(at.child(field), `{${field}}`, `must not be specified when patchType is ${patchType}`),
      );
  }
}

function validateMutatingPolicy({ spec }: MutatingAdmissionPolicy): FieldError[] {
  const errors: FieldError[] = [];
  validateCommon(errors, spec ?? {});
  validateMutable(errors, spec?.matchConstraints, specPath.child('matchConstraints'));
  validateMatchConditions(errors, spec?.matchConditions, specPath.child('matchConditions'));
  spec?.variables?.forEach((variable, i) =>
    validateVariable(errors, variable, specPath.child('variables').index(i)),
  );
  if (!spec?.mutations?.length)
    errors.push(required(specPath.child('mutations'), 'mutations must contain at least one item'));
  spec?.mutations?.forEach((mutation, i) =>
    validateMutation(errors, mutation, specPath.child('mutations').index(i)),
  );
  requiredChoice(
    errors,
    spec?.reinvocationPolicy,
    reinvocationPolicies,
    specPath.child('reinvocationPolicy'),
  );
  return errors;
}

function validateParamRef(
  errors: FieldError[],
  { name, selector, parameterNotFoundAction }: ParamRef,
  at: FieldPath,
): void {
  const exclusive = 'name and selector are mutually exclusive';
  if (name) invalidEach(errors, at.child('name'), name, pathSegmentName(name, false));
  if (name && selector) errors.push(forbiddenField(at.child('name'), exclusive));
  validateLabelSelector(errors, selector, at.child('selector'));
  if (name && selector) errors.push(forbiddenField(at.child('selector'), exclusive));
  if (!name && !selector) errors.push(required(at, 'one of name or selector must be specified'));
  requiredChoice(errors, parameterNotFoundAction, ['Deny', 'Allow'], at.child('parameterNotFoundAction'));
}

interface BindingSpec {
  readonly policyName?: string | undefined;
  readonly paramRef?: ParamRef | undefined;
  readonly matchResources?: MatchResources | undefined;
}

function validateBinding({ policyName, paramRef, matchResources }: BindingSpec = {}): FieldError[] {
  const errors: FieldError[] = [];
  if (!policyName) errors.push(required(specPath.child('policyName')));
  else invalidEach(errors, specPath.child('policyName'), policyName, dnsSubdomain(policyName));
  if (paramRef) validateParamRef(errors, paramRef, specPath.child('paramRef'));
  validateMatchResources(errors, matchResources, specPath.child('matchResources'));
  return errors;
}

function validateActions(errors: FieldError[], given: readonly string[] = [], at: FieldPath): void {
  given.forEach((action, i) => {
    if (!actions.includes(action)) errors.push(notSupported(at.index(i), action, actions));
    if (given.indexOf(action) < i) errors.push(duplicate(at.index(i), action));
  });
  if (given.includes('Deny') && given.includes('Warn'))
    errors.push(
      invalidValue(
        at,
        given,
        'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
      ),
    );
  if (given.length === 0) errors.push(required(at, 'at least one validation action is required'));
}

const group = 'admissionregistration.k8s.io';

export const validators: KindValidators = {
  [`${group}/ValidatingAdmissionPolicy`]: kindValidator<ValidatingAdmissionPolicy>({
    create: validateValidatingPolicy,
    update: updateValidatingPolicy,
  }),
  [`${group}/MutatingAdmissionPolicy`]: kindValidator<MutatingAdmissionPolicy>({
    create: validateMutatingPolicy,
  }),
  [`${group}/ValidatingAdmissionPolicyBinding`]: kindValidator<ValidatingAdmissionPolicyBinding>({
    create({ spec }) {
      const errors = validateBinding(spec);
      validateActions(errors, spec?.validationActions, specPath.child('validationActions'));
      return errors;
    },
  }),
  [`${group}/MutatingAdmissionPolicyBinding`]: kindValidator<MutatingAdmissionPolicyBinding>({
    create({ spec }) {
      const errors = validateBinding(spec);
      validateMutable(errors, spec?.matchResources, specPath.child('matchResources'));
      return errors;
    },
  }),
};
