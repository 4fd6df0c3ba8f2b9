/** What a family of kinds contributes to the table in validators.ts. */
import type { FieldError } from '../errors.ts';
import type { KubeObject } from '../object.ts';
import type { ObjectMeta } from '../types/meta-v1.ts';
import type { NameRule } from './names.ts';

/**
 * The semantic rules of one kind. metadata (other than the name's form) is
 * checked before by validators.ts, so a kind looks at its own fields only.
 */
export interface KindValidator {
  create(object: KubeObject): FieldError[];
  /**
   * `subresource` is '' for the resource itself. Left out, an update must pass
   * `create` again, and an update of a subresource is not looked at.
   */
  update?(object: KubeObject, old: KubeObject, subresource: string): FieldError[];
  /** A DNS subdomain, unless said otherwise. */
  readonly validateName?: NameRule;
}

/** The same with the kind's own type instead of KubeObject. */
export interface TypedValidator<T> {
  create(object: T): FieldError[];
  update?(object: T, old: T, subresource: string): FieldError[];
  readonly validateName?: NameRule;
}

/** The decoder has made sure that what is present has the types of the schema; this is where that is believed. */
export function kindValidator<T extends { metadata?: ObjectMeta | undefined }>(validator: TypedValidator<T>): KindValidator {
  return validator as unknown as KindValidator;
}

export type KindValidators = Readonly<Record<string, KindValidator>>;
