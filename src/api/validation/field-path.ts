/**
 * Where in an object something is wrong, and the errors that say so.
 *
 * A path is a chain from leaf to root that is turned into text only when an
 * error needs it, so that validating a good object costs no string work. The
 * texts are those of upstream's field errors: clients show them and tests of
 * clients match on them.
 */
import type { FieldError } from '../errors.ts';
import { goJson, goQuote } from './go-format.ts';

export class FieldPath {
  readonly #parent: FieldPath | undefined;
  readonly #step: string | number;
  readonly #subscript: boolean;

  constructor(parent: FieldPath | undefined, step: string | number, subscript: boolean) {
    this.#parent = parent;
    this.#step = step;
    this.#subscript = subscript;
  }

  child(name: string): FieldPath {
    return new FieldPath(this, name, false);
  }

  index(position: number): FieldPath {
    return new FieldPath(this, position, true);
  }

  key(key: string): FieldPath {
    return new FieldPath(this, key, true);
  }

  /** `spec.containers[0].name`, `metadata.labels[foo]`; `[]` for the object itself. */
  toString(): string {
    if (this.#parent === undefined) return this.#step === '' ? '[]' : String(this.#step);
    const before = this.#parent.toString();
    if (this.#subscript) return `${before}[${this.#step}]`;
    return `${before}.${this.#step}`;
  }
}

/** `path('spec', 'containers')` is `spec.containers`; `path()` is the object itself. */
export function path(...names: string[]): FieldPath {
  let at = new FieldPath(undefined, names[0] ?? '', false);
  for (let i = 1; i < names.length; i++) at = at.child(names[i]!);
  return at;
}

/** How upstream prints a bad value: strings Go-quoted, numbers and booleans plain, the rest as Go's JSON. */
export function printValue(value: unknown): string {
  if (typeof value === 'string') return goQuote(value);
  return goJson(value);
}

function withDetail(text: string, detail: string): string {
  return detail === '' ? text : `${text}: ${detail}`;
}

export function required(at: FieldPath, detail = ''): FieldError {
  return { reason: 'FieldValueRequired', field: at.toString(), message: withDetail('Required value', detail) };
}

export function invalidValue(at: FieldPath, value: unknown, detail: string): FieldError {
  return { reason: 'FieldValueInvalid', field: at.toString(), message: withDetail(`Invalid value: ${printValue(value)}`, detail) };
}

export function duplicate(at: FieldPath, value: unknown): FieldError {
  return { reason: 'FieldValueDuplicate', field: at.toString(), message: `Duplicate value: ${printValue(value)}` };
}

export function notFoundValue(at: FieldPath, value: unknown): FieldError {
  return { reason: 'FieldValueNotFound', field: at.toString(), message: `Not found: ${printValue(value)}` };
}

export function notSupported(at: FieldPath, value: unknown, supported: readonly string[]): FieldError {
  const detail = supported.length === 0 ? '' : `supported values: ${supported.map(goQuote).join(', ')}`;
  return { reason: 'FieldValueNotSupported', field: at.toString(), message: withDetail(`Unsupported value: ${printValue(value)}`, detail) };
}

export function forbiddenField(at: FieldPath, detail: string): FieldError {
  return { reason: 'FieldValueForbidden', field: at.toString(), message: withDetail('Forbidden', detail) };
}

export function tooLong(at: FieldPath, bytesMax: number): FieldError {
  return { reason: 'FieldValueTooLong', field: at.toString(), message: `Too long: may not be more than ${bytesMax} ${bytesMax === 1 ? 'byte' : 'bytes'}` };
}

export function tooMany(at: FieldPath, actual: number, itemsMax: number): FieldError {
  return { reason: 'FieldValueTooMany', field: at.toString(), message: `Too many: ${actual}: must have at most ${itemsMax} ${itemsMax === 1 ? 'item' : 'items'}` };
}

/** One `invalidValue` a message, as the rules of names.ts return them. */
export function invalidEach(errors: FieldError[], at: FieldPath, value: unknown, messages: readonly string[]): void {
  for (const message of messages) errors.push(invalidValue(at, value, message));
}

/** An error unless the value is one of those supported. */
export function oneOf(errors: FieldError[], at: FieldPath, value: string | undefined, supported: readonly string[]): void {
  if (!supported.includes(value ?? '')) errors.push(notSupported(at, value ?? '', supported));
}

export function nonNegative(errors: FieldError[], at: FieldPath, value: number | undefined): void {
  if (value !== undefined && value < 0) errors.push(invalidValue(at, value, negativeMessage));
}

export const negativeMessage = 'must be greater than or equal to 0';
export const immutableMessage = 'field is immutable';
