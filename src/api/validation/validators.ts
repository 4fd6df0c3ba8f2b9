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
    append(errors, comparable((whole) => validator.create(whole), object));
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
  const update = validator?.update;
  if (validator) validateKnownFinalizers(errors, object.metadata);
  if (!validator) validateRequired(errors, resource.type, object);
  else if (update) append(errors, comparable((whole, before) => update(whole, before, subresource), object, old));
  else if (subresource === '') append(errors, comparable((whole) => validator.create(whole), object));
  return errors;
}

/**
 * Rules compare numbers. Of an integer that no double holds the decoder keeps
 * the text, in an object that throws where it is compared: then, which is next
 * to never, the rules run on a copy that has it as a bigint.
 */
function comparable(rules: (...objects: [KubeObject, KubeObject]) => FieldError[], object: KubeObject, old = object): FieldError[] {
  try {
    return rules(object, old);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return rules(withBigInts(object) as KubeObject, withBigInts(old) as KubeObject);
  }
}

function withBigInts(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { rawJSON } = value as { rawJSON?: unknown };
  if (typeof rawJSON === 'string' && Object.getPrototypeOf(value) === null) return BigInt(rawJSON);
  if (Array.isArray(value)) return value.map(withBigInts);
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, withBigInts(field)]));
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
