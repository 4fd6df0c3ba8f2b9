/**
 * Equality as upstream's semantic one: absent, empty and zero are the same, and
 * quantities are compared by amount where their texts differ. And the text that
 * says what differs.
 */
import { compareQuantity, isQuantity, parseQuantity } from '../quantity.ts';
import { goJson } from './go-format.ts';

export function semanticEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isNothing(a) || isNothing(b)) return isNothing(a) && isNothing(b);
  if (typeof a !== 'object' || typeof b !== 'object') {
    return typeof a === 'string' && typeof b === 'string' && sameAmount(a, b);
  }
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => semanticEqual(item, b[i]));
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key in left) if (!semanticEqual(left[key], right[key])) return false;
  for (const key in right) if (!(key in left) && !isNothing(right[key])) return false;
  return true;
}

function isNothing(value: unknown): boolean {
  if (!value) return true;
  if (typeof value !== 'object') return false;
  for (const key in value) if (!isNothing((value as Record<string, unknown>)[key])) return false;
  return !Array.isArray(value) || value.length === 0;
}

/** Texts like `1000m` and `1`. Two names that happen to be numbers of one value are not told apart. */
function sameAmount(a: string, b: string): boolean {
  if (!/^[\d.+-]/.test(a) || !/^[\d.+-]/.test(b) || !isQuantity(a) || !isQuantity(b)) return false;
  return compareQuantity(parseQuantity(a), parseQuantity(b)) === 0;
}

const contextLines = 3;

/** A unified diff of the two as indented JSON, for the error of an update that changes what it may not. */
export function describeDifference(before: unknown, after: unknown): string {
  const a = prettyLines(before);
  const b = prettyLines(after);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  if (head === a.length && head === b.length) return '';
  const start = Math.max(0, head - contextLines);
  const endA = Math.min(a.length, a.length - tail + contextLines);
  const endB = Math.min(b.length, b.length - tail + contextLines);
  const lines = [
    `@@ -${start + 1},${endA - start} +${start + 1},${endB - start} @@`,
    ...a.slice(start, head).map((line) => ` ${line}`),
    ...a.slice(head, a.length - tail).map((line) => `-${line}`),
    ...b.slice(head, b.length - tail).map((line) => `+${line}`),
    ...a.slice(a.length - tail, endA).map((line) => ` ${line}`),
  ];
  return `${lines.join('\n')}\n`;
}

function prettyLines(value: unknown): string[] {
  return JSON.stringify(JSON.parse(goJson(value)), null, 1).split('\n');
}
