/**
 * RFC 6902. The document is never changed: containers on the way to a change
 * are copied, once a patch. What the patch asks for in vain (a path that is not
 * there, a test that fails) is upstream's 422 without particulars.
 */
import { apiError, badRequest, requestEntityTooLarge, type ApiError } from '../../../api/errors.ts';
import { equalObjects } from '../equality.ts';

const operationsMax = 10_000;

interface Operation {
  readonly op: string;
  readonly path: readonly string[];
  readonly from: readonly string[] | undefined;
  readonly value: unknown;
  readonly hasValue: boolean;
}

type Container = Record<string, unknown> | unknown[];

/** Throws ApiError 400 for what is no patch, 413 for too long a one, 422 for one that does not apply. */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest('json: cannot unmarshal into Go value of type jsonpatch.Patch');
  if (patch.length > operationsMax) throw requestEntityTooLarge(`The allowed maximum operations in a JSON patch is ${operationsMax}, got ${patch.length}`);
  const target = new Patched(document);
  for (const item of patch) apply(target, readOperation(item));
  return target.root;
}

function refused(): ApiError {
  return apiError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
}

function readOperation(item: unknown): Operation {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) throw badRequest('json: cannot unmarshal into Go value of type jsonpatch.Operation');
  const { op, path, from } = item as Record<string, unknown>;
  if (typeof op !== 'string' || typeof path !== 'string') throw refused();
  return {
    op,
    path: readPointer(path),
    from: typeof from === 'string' ? readPointer(from) : undefined,
    value: (item as Record<string, unknown>)['value'],
    hasValue: Object.hasOwn(item, 'value'),
  };
}

function readPointer(text: string): string[] {
  if (text === '') return [];
  if (!text.startsWith('/')) throw refused();
  return text
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function apply(target: Patched, operation: Operation): void {
  const { op, path, from, value, hasValue } = operation;
  switch (op) {
    case 'add':
      if (!hasValue) throw refused();
      return target.add(path, value);
    case 'replace':
      if (!hasValue) throw refused();
      return target.replace(path, value);
    case 'remove':
      target.remove(path);
      return;
    case 'move':
      if (!from || isPrefix(from, path)) throw refused();
      return target.add(path, target.remove(from));
    case 'copy':
      if (!from) throw refused();
      return target.add(path, target.get(from));
    case 'test':
      if (!equalObjects(target.find(path) ?? null, value ?? null)) throw refused();
      return;
    default:
      throw refused();
  }
}

/** Moving something into itself has no meaning. */
function isPrefix(outer: readonly string[], inner: readonly string[]): boolean {
  return outer.length < inner.length && outer.every((part, at) => part === inner[at]);
}

/** The document while it is being patched: containers that were copied belong to us and are changed in place. */
class Patched {
  root: unknown;
  readonly #ours = new WeakSet<object>();

  constructor(document: unknown) {
    this.root = document;
  }

  /** Undefined where there is nothing. */
  find(path: readonly string[]): unknown {
    let value = this.root;
    for (const part of path) {
      if (Array.isArray(value)) value = value[indexOf(part, value.length, false) ?? -1];
      else if (typeof value === 'object' && value !== null) value = Object.hasOwn(value, part) ? (value as Record<string, unknown>)[part] : undefined;
      else return undefined;
    }
    return value;
  }

  get(path: readonly string[]): unknown {
    const value = this.find(path);
    if (value === undefined) throw refused();
    // What is copied stands in two places: neither may be changed in place through the other.
    this.#disown(value);
    return value;
  }

  add(path: readonly string[], value: unknown): void {
    const last = path.at(-1);
    if (last === undefined) {
      this.root = value;
      return;
    }
    const parent = this.#parent(path);
    if (Array.isArray(parent)) {
      const at = last === '-' ? parent.length : indexOf(last, parent.length, true);
      if (at === undefined) throw refused();
      parent.splice(at, 0, value);
    } else setField(parent, last, value);
  }

  replace(path: readonly string[], value: unknown): void {
    const last = path.at(-1);
    if (last === undefined) {
      this.root = value;
      return;
    }
    const parent = this.#parent(path);
    if (Array.isArray(parent)) {
      const at = indexOf(last, parent.length, false);
      if (at === undefined) throw refused();
      parent[at] = value;
    } else {
      if (!Object.hasOwn(parent, last)) throw refused();
      setField(parent, last, value);
    }
  }

  remove(path: readonly string[]): unknown {
    const last = path.at(-1);
    if (last === undefined) throw refused();
    const parent = this.#parent(path);
    if (Array.isArray(parent)) {
      const at = indexOf(last, parent.length, false);
      if (at === undefined) throw refused();
      return parent.splice(at, 1)[0];
    }
    if (!Object.hasOwn(parent, last)) throw refused();
    const value = parent[last];
    delete parent[last];
    return value;
  }

  /** The container that holds the last part of `path`, and all above it, made our own. */
  #parent(path: readonly string[]): Container {
    let holder = this.#own(this.root);
    this.root = holder;
    for (const part of path.slice(0, -1)) {
      let next: Container;
      if (Array.isArray(holder)) {
        const at = indexOf(part, holder.length, false);
        if (at === undefined) throw refused();
        next = this.#own(holder[at]);
        holder[at] = next;
      } else {
        if (!Object.hasOwn(holder, part)) throw refused();
        next = this.#own(holder[part]);
        setField(holder, part, next);
      }
      holder = next;
    }
    return holder;
  }

  #own(value: unknown): Container {
    if (typeof value !== 'object' || value === null) throw refused();
    if (this.#ours.has(value)) return value as Container;
    const copy: Container = Array.isArray(value) ? [...value] : { ...(value as Record<string, unknown>) };
    this.#ours.add(copy);
    return copy;
  }

  #disown(value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    this.#ours.delete(value);
    for (const inner of Object.values(value)) this.#disown(inner);
  }
}

/** `__proto__` in a patch is a field like any other. */
function setField(target: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
  else target[name] = value;
}

/** A place in an array; negative ones count from the end, as upstream's library lets them. */
function indexOf(part: string, length: number, mayBeEnd: boolean): number | undefined {
  if (!/^-?(0|[1-9]\d*)$/.test(part)) return undefined;
  const number = Number(part);
  const at = number < 0 ? length + number + (mayBeEnd ? 1 : 0) : number;
  return at >= 0 && (at < length || (mayBeEnd && at === length)) ? at : undefined;
}
