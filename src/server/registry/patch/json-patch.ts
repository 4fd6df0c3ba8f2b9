/**
 * RFC 6902 as upstream applies it. The document is never changed: containers on
 * the way to a change are copied, once a patch. What the patch asks for in vain
 * (a path that is not there, a test that fails) is a 422 without particulars.
 *
 * Where upstream's library is laxer than the RFC, so is this: a missing value is
 * null, `replace` of a missing field adds it, a missing field copies as null, an
 * index may be negative or have leading zeros, and what stands before the first
 * slash of a path does not matter.
 */
import { apiError, badRequest, type ApiError } from '../../../api/errors.ts';
import { isExactInteger } from '../../../codec/json.ts';
import { identicalValues } from '../equality.ts';
import { field, isFields, jsonKind, refuseTooDeep, setField, type Fields } from './json-values.ts';

const operationsMax = 10_000;
/** Of all that `copy` copies, as JSON text: copies of copies would double with every operation. */
const copiedCharactersMax = 3 * 1024 * 1024;

interface Operation {
  readonly op: string;
  readonly path: string | undefined;
  readonly from: string | undefined;
  readonly value: unknown;
}

type Container = Fields | unknown[];

/** Throws ApiError 400 for what is no patch, 413 for too long a one, 422 for one that does not apply. */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  if (patch === null) return document;
  if (!Array.isArray(patch)) throw undecodable(patch, 'value of type []handlers.jsonPatchOp');
  refuseTooDeep(patch);
  const operations = patch.map(readOperation);
  if (operations.length > operationsMax) {
    const message = `Request entity too large: The allowed maximum operations in a JSON patch is ${operationsMax}, got ${operations.length}`;
    throw apiError(413, 'RequestEntityTooLarge', message);
  }
  const target = new Patched(document);
  for (const operation of operations) apply(target, operation);
  if (operations.some(({ op }) => op === 'move' || op === 'copy')) refuseTooDeep(target.root);
  return target.root;
}

function refused(): ApiError {
  return apiError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
}

function undecodable(value: unknown, wanted: string): ApiError {
  return badRequest(`error decoding patch: json: cannot unmarshal ${jsonKind(value)} into Go ${wanted}`);
}

function readOperation(item: unknown): Operation {
  if (item === null) return { op: '', path: undefined, from: undefined, value: null };
  if (!isFields(item)) throw undecodable(item, 'value of type handlers.jsonPatchOp');
  const text = (name: string): string | undefined => {
    const value = field(item, name) ?? undefined;
    if (value !== undefined && typeof value !== 'string')
      throw undecodable(value, `struct field jsonPatchOp.${name} of type string`);
    return value;
  };
  return {
    op: text('op') ?? '',
    path: text('path'),
    from: text('from'),
    value: field(item, 'value') ?? null,
  };
}

/** Undefined for the whole document. */
function readPointer(text: string | undefined): [string, ...string[]] | undefined {
  if (text === undefined) throw refused();
  const [first, ...rest] = text
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  return first === undefined ? undefined : [first, ...rest];
}

function apply(target: Patched, operation: Operation): void {
  const { op, value } = operation;
  const path = readPointer(operation.path);
  if (path === undefined) {
    wholeDocument(target, operation);
    return;
  }
  switch (op) {
    case 'add':
      return target.add(path, value);
    case 'replace':
      return target.replace(path, value);
    case 'remove':
      target.remove(path);
      return;
    case 'move':
      return target.add(path, target.remove(sourceOf(operation)));
    case 'copy':
      return target.add(path, target.copyOf(sourceOf(operation)));
    case 'test':
      if (!identicalValues(target.get(path), value)) throw refused();
      return;
    default:
      throw refused();
  }
}

function wholeDocument(target: Patched, { op, value }: Operation): void {
  if (op === 'replace' && (isFields(value) || Array.isArray(value))) target.root = value;
  else if (op !== 'test' || !identicalValues(target.root, value)) throw refused();
}

function sourceOf({ from }: Operation): [string, ...string[]] {
  const path = readPointer(from);
  if (path === undefined) throw refused();
  return path;
}

/** The document while it is being patched: containers that were copied belong to us and are changed in place. */
class Patched {
  root: unknown;
  readonly #ours = new WeakSet<object>();
  #copiedCharacters = 0;

  constructor(document: unknown) {
    this.root = document;
  }

  /** A field that is not there reads as null; an element that is not there, or a way that ends before, is refused. */
  get(path: readonly [string, ...string[]]): unknown {
    let value = this.root;
    for (const [depth, part] of path.entries()) {
      if (depth > 0 && value === null) throw refused();
      value = child(container(value), part);
    }
    return value;
  }

  copyOf(path: readonly [string, ...string[]]): unknown {
    const value = this.get(path);
    this.#copiedCharacters += JSON.stringify(value).length;
    if (this.#copiedCharacters > copiedCharactersMax) throw refused();
    // What is copied stands in two places: neither may be changed in place through the other.
    this.#disown(value);
    return value;
  }

  add(path: readonly [string, ...string[]], value: unknown): void {
    const { holder, last } = this.#ownHolder(path);
    if (Array.isArray(holder))
      holder.splice(last === '-' ? holder.length : indexOf(last, holder.length + 1), 0, value);
    else setField(holder, last, value);
  }

  replace(path: readonly [string, ...string[]], value: unknown): void {
    const { holder, last } = this.#ownHolder(path);
    if (Array.isArray(holder)) holder[indexOf(last, holder.length)] = value;
    else setField(holder, last, value);
  }

  remove(path: readonly [string, ...string[]]): unknown {
    const { holder, last } = this.#ownHolder(path);
    if (Array.isArray(holder)) return holder.splice(indexOf(last, holder.length), 1)[0];
    if (!Object.hasOwn(holder, last)) throw refused();
    const value = holder[last];
    delete holder[last];
    return value;
  }

  /** The container that holds the last part of `path`, and all above it, made our own. */
  #ownHolder(path: readonly [string, ...string[]]): { readonly holder: Container; readonly last: string } {
    let holder = this.#own(this.root);
    this.root = holder;
    for (const part of path.slice(0, -1)) {
      const next = this.#own(child(holder, part));
      if (Array.isArray(holder)) holder[indexOf(part, holder.length)] = next;
      else setField(holder, part, next);
      holder = next;
    }
    return { holder, last: path.at(-1) as string };
  }

  #own(value: unknown): Container {
    const known = container(value);
    if (this.#ours.has(known)) return known;
    const copy: Container = Array.isArray(known) ? [...known] : { ...known };
    this.#ours.add(copy);
    return copy;
  }

  #disown(value: unknown): void {
    if (typeof value !== 'object' || value === null || isExactInteger(value)) return;
    this.#ours.delete(value);
    for (const inner of Object.values(value)) this.#disown(inner);
  }
}

function container(value: unknown): Container {
  if (Array.isArray(value) || isFields(value)) return value;
  throw refused();
}

function child(holder: Container, part: string): unknown {
  return Array.isArray(holder) ? holder[indexOf(part, holder.length)] : (field(holder, part) ?? null);
}

/** Of one of `places` places; a negative index counts from the last of them. */
function indexOf(part: string, places: number): number {
  const index = /^[+-]?\d+$/.test(part) ? Number(part) : Number.NaN;
  const at = index < 0 ? places + index : index;
  if (!(at >= 0 && at < places)) throw refused();
  return at;
}
