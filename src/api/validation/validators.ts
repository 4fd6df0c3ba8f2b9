/**
 * Semantic validation: the table from `group/Kind` to the rules of that kind,
 * and the two questions the write path asks. What is present has the types of
 * the schema already (the decoder saw to that), and defaults have been applied.
 * Errors come back in upstream's order: metadata first.
 */
import type { ResourceInfo } from '../catalogue.ts';
import type { FieldError } from '../errors.ts';
import type { KubeObject } from '../object.ts';
import { isRef, typeNamed } from '../schema.ts';
import { path, required } from './field-path.ts';
import type { KindValidator, KindValidators } from './kind-validator.ts';
import { nameIsDnsSubdomain, pathSegmentName } from './names.ts';
import { validateKnownFinalizers, validateObjectMeta, validateObjectMetaUpdate } from './object-meta.ts';
import { families } from './families.ts';

export type { KindValidator, KindValidators } from './kind-validator.ts';

const validators: KindValidators = Object.assign({}, ...families);

export function validatorOf(group: string, kind: string): KindValidator | undefined {
  const key = `${group}/${kind}`;
  return Object.hasOwn(validators, key) ? validators[key] : undefined;
}

/** The rules of the group that the request came through, where it has its own for a kind that is kept in another (events). */
function validatorFor({ group, kind }: ResourceInfo, requestGroup: string): KindValidator | undefined {
  return (requestGroup === group ? undefined : validatorOf(requestGroup, kind)) ?? validatorOf(group, kind);
}

/** `requestGroup`: the API group of the request, where the object is kept in another's form. */
export function validateCreate(resource: ResourceInfo, object: KubeObject, requestGroup = resource.group): FieldError[] {
  const errors: FieldError[] = [];
  const validator = validatorFor(resource, requestGroup);
  validateObjectMeta(errors, object.metadata, resource.namespaced, validator?.validateName ?? nameIsDnsSubdomain);
  if (!validator) validateRequired(errors, resource.type, object);
  else {
    validateKnownFinalizers(errors, object.metadata);
    append(errors, validator.create(object));
  }
  return errors;
}

/** `subresource` is '' for the resource itself. */
export function validateUpdate(
  resource: ResourceInfo,
  object: KubeObject,
  old: KubeObject,
  subresource: string,
  requestGroup = resource.group,
): FieldError[] {
  const errors: FieldError[] = [];
  validateObjectMeta(errors, object.metadata, resource.namespaced, pathSegmentName);
  validateObjectMetaUpdate(errors, object, old);
  const validator = validatorFor(resource, requestGroup);
  if (validator) validateKnownFinalizers(errors, object.metadata);
  if (!validator) validateRequired(errors, resource.type, object);
  else if (validator.update) append(errors, validator.update(object, old, subresource));
  else if (subresource === '') append(errors, validator.create(object));
  return errors;
}

function append(errors: FieldError[], more: readonly FieldError[]): void {
  for (const error of more) errors.push(error);
}

/** For kinds without rules of their own: the objects that their schema requires are there. */
function validateRequired(errors: FieldError[], typeName: string, object: KubeObject): void {
  const type = typeNamed(typeName);
  for (const name of type?.required ?? []) {
    const field = type!.fields[name];
    if (field && isRef(field.shape) && object[name] === undefined) errors.push(required(path(name)));
  }
}
