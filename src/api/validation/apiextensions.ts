/**
 * apiextensions.k8s.io/v1 CustomResourceDefinition: names, versions, columns,
 * subresources, conversion, and that every version has a schema. Whether a
 * schema is structural is not looked at here.
 */
import type { FieldError } from '../errors.ts';
import type {
  CustomResourceColumnDefinition,
  CustomResourceConversion,
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
} from '../types/apiextensions-v1.ts';
import { semanticEqual } from './equality.ts';
import { forbiddenField, invalidValue, notSupported, path, required, type FieldPath } from './field-path.ts';
import { immutable } from './immutable.ts';
import { kindValidator, type KindValidators } from './kind-validator.ts';
import { dns1035Label, dnsSubdomain } from './names.ts';
import { validateClientConfig, validateReviewVersions } from './webhook-client.ts';

const specPath = path('spec');
const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];
const columnFormats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];
const reviewVersions = ['v1', 'v1beta1'];
const approvalAnnotation = 'api-approved.kubernetes.io';

function joined(errors: FieldError[], value: string, messages: readonly string[], at: FieldPath): void {
  if (messages.length > 0) errors.push(invalidValue(at, value, messages.join(',')));
}

function validateNames(
  errors: FieldError[],
  names: Partial<CustomResourceDefinitionNames>,
  at: FieldPath,
): void {
  const { plural, singular, kind, listKind, shortNames, categories } = names;
  if (plural) joined(errors, plural, dns1035Label(plural), at.child('plural'));
  if (singular) joined(errors, singular, dns1035Label(singular), at.child('singular'));
  for (const [field, value] of [
    ['kind', kind],
    ['listKind', listKind],
  ] as const) {
    const messages = value ? dns1035Label(value.toLowerCase()) : [];
    if (messages.length > 0)
      errors.push(
        invalidValue(
          at.child(field),
          value,
          `may have mixed case, but should otherwise match: ${messages.join(',')}`,
        ),
      );
  }
  shortNames?.forEach((name, i) => joined(errors, name, dns1035Label(name), at.child('shortNames').index(i)));
  if (kind && kind === listKind)
    errors.push(invalidValue(at.child('listKind'), listKind, 'kind and listKind may not be the same'));
  categories?.forEach((name, i) => joined(errors, name, dns1035Label(name), at.child('categories').index(i)));
}

function validateColumn(errors: FieldError[], column: CustomResourceColumnDefinition, at: FieldPath): void {
  const { name, type, format, jsonPath } = column;
  if (!name) errors.push(required(at.child('name')));
  const types = `must be one of ${columnTypes.join(',')}`;
  if (!type) errors.push(required(at.child('type'), types));
  else if (!columnTypes.includes(type)) errors.push(invalidValue(at.child('type'), type, types));
  if (format && !columnFormats.includes(format))
    errors.push(invalidValue(at.child('format'), format, `must be one of ${columnFormats.join(',')}`));
  if (!jsonPath) errors.push(required(at.child('JSONPath')));
  else if (!jsonPath.startsWith('.'))
    errors.push(invalidValue(at.child('JSONPath'), jsonPath, 'must be a simple json path starting with .'));
}

function validateScalePath(
  errors: FieldError[],
  value: string,
  roots: readonly string[],
  where: string,
  at: FieldPath,
): void {
  if (!value.startsWith('.'))
    errors.push(invalidValue(at, value, 'must be a simple json path starting with .'));
  else if (!roots.some((root) => value.startsWith(root)))
    errors.push(invalidValue(at, value, `should be a json path under ${where}`));
}

function validateSubresources(
  errors: FieldError[],
  { scale }: CustomResourceSubresources,
  at: FieldPath,
): void {
  if (!scale) return;
  for (const [field, root] of [
    ['specReplicasPath', '.spec'],
    ['statusReplicasPath', '.status'],
  ] as const) {
    const value = scale[field];
    if (!value) errors.push(required(at.child(`scale.${field}`)));
    else validateScalePath(errors, value, [`${root}.`], root, at.child(`scale.${field}`));
  }
  if (scale.labelSelectorPath)
    validateScalePath(
      errors,
      scale.labelSelectorPath,
      ['.spec.', '.status.'],
      'either .spec or .status',
      at.child('scale.labelSelectorPath'),
    );
}

type VersionPart = 'schema' | 'subresources' | 'additionalPrinterColumns' | 'selectableFields';

/** What all versions agree on, errors name as if it stood in the spec itself: upstream's older form. */
function isShared(versions: readonly CustomResourceDefinitionVersion[], part: VersionPart): boolean {
  return versions.every((version) => semanticEqual(version[part], versions[0]?.[part]));
}

function validateVersion(
  errors: FieldError[],
  { name = '', deprecated, deprecationWarning: warning }: CustomResourceDefinitionVersion,
  at: FieldPath,
): void {
  joined(errors, name, dns1035Label(name), at.child('name'));
  const warningPath = at.child('deprecationWarning');
  if (!deprecated && warning !== undefined)
    errors.push(invalidValue(warningPath, warning, 'can only be set for deprecated versions'));
  else if (warning !== undefined) {
    if (warning.length > 256)
      errors.push(invalidValue(warningPath, warning, 'must be <= 256 characters long'));
    if (warning === '') errors.push(invalidValue(warningPath, warning, 'must not be an empty string'));
  }
}

function validateSchema(
  errors: FieldError[],
  { schema, subresources }: CustomResourceDefinitionVersion,
  at: FieldPath,
): void {
  const root = schema?.openAPIV3Schema;
  if (!root) return;
  const { type, nullable } = root;
  if (subresources?.status && type !== undefined && type !== 'object')
    errors.push(
      invalidValue(
        at.child('openAPIV3Schema.type'),
        type,
        'only "object" is allowed as the type at the root of the schema if the status subresource is enabled',
      ),
    );
  if (nullable)
    errors.push(forbiddenField(at.child('openAPIV3Schema.nullable'), 'nullable cannot be true at the root'));
  const typePath = at.child('openAPIV3Schema').child('type');
  if (!type) errors.push(required(typePath, 'must not be empty at the root'));
  else if (type !== 'object') errors.push(invalidValue(typePath, type, 'must be object at the root'));
}

function validateColumns(
  errors: FieldError[],
  { additionalPrinterColumns: columns }: CustomResourceDefinitionVersion,
  at: FieldPath,
): void {
  columns?.forEach((column, i) =>
    validateColumn(errors, column, at.child('additionalPrinterColumns').index(i)),
  );
}

function validateVersions(errors: FieldError[], versions: readonly CustomResourceDefinitionVersion[]): void {
  const at = specPath.child('versions');
  const schema = isShared(versions, 'schema');
  const subresources = isShared(versions, 'subresources');
  const columns = isShared(versions, 'additionalPrinterColumns');
  versions.forEach((version, i) => {
    validateVersion(errors, version, at.index(i));
    if (!schema) validateSchema(errors, version, at.index(i).child('schema'));
    if (!subresources && version.subresources)
      validateSubresources(errors, version.subresources, at.index(i).child('subresources'));
    if (!columns) validateColumns(errors, version, at.index(i));
  });
  if (new Set(versions.map(({ name }) => name)).size < versions.length)
    errors.push(invalidValue(at, upstreamForm(versions), 'must contain unique version names'));
  if (versions.filter(({ storage }) => storage).length !== 1)
    errors.push(
      invalidValue(at, upstreamForm(versions), 'must have exactly one version marked as storage version'),
    );
  const first = versions[0];
  if (first) joined(errors, first.name ?? '', dns1035Label(first.name ?? ''), specPath.child('version'));
}

/** What the versions share, once. */
function validateSharedParts(
  errors: FieldError[],
  versions: readonly CustomResourceDefinitionVersion[],
): void {
  const first = versions[0];
  if (!first) return;
  if (isShared(versions, 'schema')) validateSchema(errors, first, specPath.child('validation'));
  if (isShared(versions, 'subresources') && first.subresources)
    validateSubresources(errors, first.subresources, specPath.child('subresources'));
  if (isShared(versions, 'additionalPrinterColumns')) validateColumns(errors, first, specPath);
}

/** As upstream's own structure prints: all fields, beginning with capitals, without what is shared. */
function upstreamForm(versions: readonly CustomResourceDefinitionVersion[]): object[] {
  const own = (version: CustomResourceDefinitionVersion, part: VersionPart) =>
    isShared(versions, part) ? null : (version[part] ?? null);
  return versions.map((version) => ({
    Name: version.name ?? '',
    Served: version.served ?? false,
    Storage: version.storage ?? false,
    Deprecated: version.deprecated ?? false,
    DeprecationWarning: version.deprecationWarning ?? null,
    Schema: own(version, 'schema'),
    Subresources: own(version, 'subresources'),
    AdditionalPrinterColumns: own(version, 'additionalPrinterColumns'),
    SelectableFields: own(version, 'selectableFields'),
  }));
}

/** Paths are those of upstream's internal form, which has no `webhook` level. */
function validateConversion(errors: FieldError[], conversion: CustomResourceConversion, at: FieldPath): void {
  const { strategy, webhook } = conversion;
  if (!strategy) errors.push(required(at.child('strategy')));
  else if (strategy !== 'None' && strategy !== 'Webhook')
    errors.push(notSupported(at.child('strategy'), strategy, ['None', 'Webhook']));
  const clientPath = at.child('webhookClientConfig');
  const versionsPath = at.child('conversionReviewVersions');
  if (strategy === 'Webhook') {
    if (!webhook?.clientConfig) errors.push(required(clientPath, 'required when strategy is set to Webhook'));
    else validateClientConfig(errors, webhook.clientConfig, clientPath);
    validateReviewVersions(
      errors,
      webhook?.conversionReviewVersions,
      reviewVersions,
      '',
      versionsPath,
      dns1035Label,
    );
    return;
  }
  const unwanted = 'should not be set when strategy is not set to Webhook';
  if (webhook?.clientConfig) errors.push(forbiddenField(clientPath, unwanted));
  if (webhook?.conversionReviewVersions?.length) errors.push(forbiddenField(versionsPath, unwanted));
}

function validateSpec(spec: CustomResourceDefinitionSpec): FieldError[] {
  const errors: FieldError[] = [];
  const { group, scope, versions = [], names, conversion } = spec;
  const groupPath = specPath.child('group');
  if (!group) errors.push(required(groupPath));
  else if (dnsSubdomain(group).length > 0) joined(errors, group, dnsSubdomain(group), groupPath);
  else if (!group.includes('.'))
    errors.push(invalidValue(groupPath, group, 'should be a domain with at least one dot'));
  if (!scope) errors.push(required(specPath.child('scope')));
  else if (scope !== 'Cluster' && scope !== 'Namespaced')
    errors.push(notSupported(specPath.child('scope'), scope, ['Cluster', 'Namespaced']));
  const versionsPath = specPath.child('versions');
  versions.forEach(({ schema }, i) => {
    if (!schema?.openAPIV3Schema)
      errors.push(required(versionsPath.index(i).child('schema').child('openAPIV3Schema')));
  });
  validateVersions(errors, versions);
  for (const field of ['plural', 'singular', 'kind', 'listKind'] as const)
    if (!names?.[field]) errors.push(required(specPath.child('names').child(field)));
  validateNames(errors, names ?? {}, specPath.child('names'));
  validateSharedParts(errors, versions);
  if (conversion) validateConversion(errors, conversion, specPath.child('conversion'));
  return errors;
}

function validateStored(errors: FieldError[], { spec, status }: CustomResourceDefinition): void {
  const stored = status?.storedVersions ?? [];
  const at = path('status', 'storedVersions');
  validateNames(errors, status?.acceptedNames ?? {}, path('status', 'acceptedNames'));
  if (stored.length === 0) {
    errors.push(invalidValue(at, null, 'must have at least one stored version'));
    return;
  }
  for (const { name, storage } of spec?.versions ?? [])
    if (storage && !stored.includes(name))
      errors.push(invalidValue(at, stored, `must have the storage version ${name}`));
  stored.forEach((name, i) => {
    if (!spec?.versions?.some((version) => version.name === name))
      errors.push(
        invalidValue(
          at.index(i),
          name,
          `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
        ),
      );
  });
}

/** Groups of the project itself need to say who approved the API. */
function approvalProblem({ metadata, spec }: CustomResourceDefinition): string | undefined {
  const group = spec?.group ?? '';
  if (!/(^|\.)(k8s\.io|kubernetes\.io)$/.test(group)) return undefined;
  const value = metadata.annotations?.[approvalAnnotation] ?? '';
  if (value.startsWith('unapproved')) return undefined;
  if (value === '')
    return 'protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111';
  return /^[a-z][a-z0-9+.-]*:\/\/[^/]+/i.test(value)
    ? undefined
    : 'protected groups must have approval annotation "api-approved.kubernetes.io" with either a URL or a reason starting with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111';
}

function validateApproval(
  errors: FieldError[],
  definition: CustomResourceDefinition,
  old?: CustomResourceDefinition,
): void {
  const problem = approvalProblem(definition);
  if (problem === undefined || (old && approvalProblem(old) === problem)) return;
  const at = path('metadata', 'annotations').key(approvalAnnotation);
  const value = definition.metadata.annotations?.[approvalAnnotation];
  errors.push(value ? invalidValue(at, value, problem) : required(at, problem));
}

const preserveProblem =
  'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';

function createDefinition(definition: CustomResourceDefinition): FieldError[] {
  const errors: FieldError[] = [];
  const { metadata } = definition;
  const spec = definition.spec ?? ({} as CustomResourceDefinitionSpec);
  if (metadata.name !== `${spec.names?.plural ?? ''}.${spec.group ?? ''}`)
    errors.push(
      invalidValue(path('metadata', 'name'), metadata.name, 'must be spec.names.plural+"."+spec.group'),
    );
  errors.push(...validateSpec(spec));
  validateStored(errors, definition);
  validateApproval(errors, definition);
  if (spec.preserveUnknownFields)
    errors.push(invalidValue(specPath.child('preserveUnknownFields'), true, preserveProblem));
  return errors;
}

function updateDefinition(
  definition: CustomResourceDefinition,
  old: CustomResourceDefinition,
  subresource: string,
): FieldError[] {
  if (subresource === 'status') {
    const errors: FieldError[] = [];
    validateNames(errors, definition.status?.acceptedNames ?? {}, path('status', 'acceptedNames'));
    return errors;
  }
  const spec = definition.spec ?? ({} as CustomResourceDefinitionSpec);
  const errors = validateSpec(spec);
  const namesPath = specPath.child('names');
  if (old.status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True')) {
    immutable(errors, specPath.child('scope'), spec.scope, old.spec.scope);
    immutable(errors, namesPath.child('kind'), spec.names?.kind, old.spec.names.kind);
  }
  immutable(errors, specPath.child('group'), spec.group, old.spec.group);
  immutable(errors, namesPath.child('plural'), spec.names?.plural, old.spec.names.plural);
  validateStored(errors, definition);
  validateApproval(errors, definition, old);
  if (spec.preserveUnknownFields && !old.spec.preserveUnknownFields)
    errors.push(invalidValue(specPath.child('preserveUnknownFields'), true, preserveProblem));
  return errors;
}

export const validators: KindValidators = {
  'apiextensions.k8s.io/CustomResourceDefinition': kindValidator<CustomResourceDefinition>({
    create: createDefinition,
    update: updateDefinition,
  }),
};
