/**
 * Parsed JSON as the three patches handle it. `__proto__` in a body is a field
 * like any other, an integer too long for a double is a value and no object, and
 * nothing nests deeper than `depthMax`, so that recursion needs no guard.
 */
import { badRequest } from '../../../api/errors.ts';
import { isExactInteger } from '../../../codec/json.ts';

export type Fields = Record<string, unknown>;

/** Deeper than any type of the API goes. */
const depthMax = 1000;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isExactInteger(value);
}

export function field(source: Fields, name: string): unknown {
  return Object.hasOwn(source, name) ? source[name] : undefined;
}

export function setField(target: Fields, name: string, value: unknown): void {
  if (name === '__proto__')
    Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
  else target[name] = value;
}

/** Object spread defines fields instead of setting them, and so copies a `__proto__` too. */
export function copyFields(source: Fields): Fields {
  return { ...source };
}

export function refuseTooDeep(value: unknown): void {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > depthMax) throw badRequest('the patch is nested too deeply');
    const next: unknown[] = [];
    for (const outer of level) {
      if (Array.isArray(outer)) for (const inner of outer) next.push(inner);
      else if (isFields(outer)) for (const name of Object.keys(outer)) next.push(outer[name]);
    }
    level = next;
  }
}

/** As Go's encoding/json calls it in its errors. */
export function jsonKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (isExactInteger(value)) return 'number';
  if (typeof value === 'boolean') return 'bool';
  return value === null ? 'null' : typeof value;
}

/** The Go type that a value of this kind is decoded to: clients see it in errors. */
export function goType(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (isExactInteger(value)) return 'int64';
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    case 'number':
      return Number.isInteger(value) ? 'int64' : 'float64';
    default:
      return value === null || value === undefined ? '<nil>' : 'map[string]interface {}';
  }
}

/** As Go's fmt prints it with %v: `map[a:1 b:[x y]]`. */
export function goText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (isExactInteger(value)) return value.rawJSON;
  if (!isFields(value)) return value === null || value === undefined ? '<nil>' : String(value);
  const names = Object.keys(value).sort();
  return `map[${names.map((name) => `${name}:${goText(value[name])}`).join(' ')}]`;
}
