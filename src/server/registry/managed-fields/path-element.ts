/** The keys of FieldsV1: how items of lists are named, ordered and shown. */
import { goJson, goQuote } from '../../../api/validation/go-format.ts';
import type { ListKey } from './field-plan.ts';

/** How an item of a list with keys is named; undefined where it has none of them. */
export function keyElement(item: unknown, keys: readonly ListKey[]): string | undefined {
  if (typeof item !== 'object' || item === null) return undefined;
  const fields = item as Record<string, unknown>;
  const [only] = keys;
  if (keys.length === 1 && only) {
    const value = fields[only.name] ?? only.default;
    return value === undefined ? undefined : `k:{"${only.name}":${goJson(value)}}`;
  }
  let text = '';
  for (const { name, default: absent } of keys) {
    const value = fields[name] ?? absent;
    if (value !== undefined) text += `${text === '' ? '' : ','}"${name}":${goJson(value)}`;
  }
  return text === '' ? undefined : `k:{${text}}`;
}

/** How an item of a set is named. */
export function valueElement(item: unknown): string {
  return `v:${goJson(item)}`;
}

const kinds = '.fkvi';

/** Fields by name, then items by key, by value, by index. `.` comes first. */
export function compareElements(a: string, b: string): number {
  if (a === b) return 0;
  const kind = a.charCodeAt(0);
  if (kind !== b.charCodeAt(0)) return kinds.indexOf(a.charAt(0)) - kinds.indexOf(b.charAt(0));
  if (kind === 0x66) return a < b ? -1 : 1;
  const at = nameEnd(a);
  if (at > 0 && at === nameEnd(b) && a.startsWith(b.slice(0, at))) return a.slice(at, -2) < b.slice(at, -2) ? -1 : 1;
  return compareValues(valueOf(a), valueOf(b));
}

/** Most keys are one string, `k:{"name":"web"}`, and can be compared without being parsed: where the string begins; else 0. */
function nameEnd(element: string): number {
  const at = element.indexOf('":"') + '":"'.length;
  return at > 2 && element.endsWith('"}') && element.indexOf('"', at) === element.length - 2 ? at : 0;
}

function valueOf(element: string): unknown {
  try {
    return JSON.parse(element.slice(2)) as unknown;
  } catch {
    return element;
  }
}

function compareValues(a: unknown, b: unknown): number {
  if (typeof a !== typeof b) return ranks.indexOf(typeof a) - ranks.indexOf(typeof b);
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return a === b ? 0 : (a as string) < (b as string) ? -1 : 1;
  const left = Object.entries(a);
  const right = Object.entries(b);
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [leftName, leftValue] = left[i] as [string, unknown];
    const [rightName, rightValue] = right[i] as [string, unknown];
    if (leftName !== rightName) return leftName < rightName ? -1 : 1;
    const order = compareValues(leftValue, rightValue);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

const ranks = ['number', 'string', 'boolean', 'object'];

/** As messages show a path: `.spec.containers[name="web"].image`. */
export function pathText(path: readonly string[]): string {
  return path.map(elementText).join('');
}

export function elementText(element: string): string {
  const rest = element.slice(2);
  switch (element.charAt(0)) {
    case 'f':
      return `.${rest}`;
    case 'k':
      return `[${Object.entries(valueOf(element) as object).map(([name, value]) => `${name}=${shown(value)}`).join(',')}]`;
    case 'v':
      return `[=${shown(valueOf(element))}]`;
    default:
      return `[${rest}]`;
  }
}

function shown(value: unknown): string {
  return typeof value === 'string' ? goQuote(value) : JSON.stringify(value);
}
