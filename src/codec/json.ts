/**
 * JSON bodies. V8's parser does the work; what it does not know is added only
 * where the text calls for it: integers beyond 2^53 stay exact, lone surrogates
 * and bytes that are not UTF-8 become U+FFFD, and what is wrong is said in the
 * words of Go's encoding/json, which clients and tests look for.
 */
import { encodeUtf8 } from '../base/bytes.ts';
import { JsonSyntaxError, depthMax, explainJsonError, isTooDeep } from './json-scan.ts';

export { JsonSyntaxError, findDuplicateFields } from './json-scan.ts';

/** An integer beyond 2^53 that fits an int64: prints as it was written. */
export interface ExactInteger {
  readonly rawJSON: string;
}

interface ExactJson {
  rawJSON(text: string): ExactInteger;
  isRawJSON(value: unknown): value is ExactInteger;
  parse(text: string, reviver: (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown): unknown;
}
/** Not yet in TypeScript's library. */
const exactJson = JSON as unknown as ExactJson;

const int64Min = -(2n ** 63n);
const int64Max = 2n ** 63n - 1n;
/** Every number of at most this many digits is exact as a double. */
const exactDigits = 15;

/** Throws JsonSyntaxError, whose message is Go's. */
export function parseJson(bytes: Uint8Array): unknown {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return parseJsonText(buffer.toString('utf8'), buffer);
}

export function parseJsonText(text: string, bytes: Uint8Array = Buffer.from(text)): unknown {
  if (text.length > 2 * depthMax && isTooDeep(text)) throw new JsonSyntaxError('exceeded max depth');
  const exact = hasLongDigits(text);
  let value: unknown;
  try {
    value = exact ? exactJson.parse(text, keepInteger) : JSON.parse(text);
  } catch {
    throw new JsonSyntaxError(explainJsonError(bytes));
  }
  return text.includes('\\u') && /\\u[dD][89a-fA-F]/.test(text) ? withoutLoneSurrogates(value) : value;
}

export function stringifyJson(value: unknown): string {
  return JSON.stringify(value);
}

export function encodeJson(value: unknown): Uint8Array {
  return encodeUtf8(JSON.stringify(value));
}

/** A parsed value whose objects and lists are the caller's own. */
export function copyJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || isExactInteger(value)) return value;
  if (Array.isArray(value)) return value.map(copyJson);
  // A spread takes fields named __proto__ as they are; those that there are can then be set.
  const copy: Record<string, unknown> = { ...value };
  for (const name in copy) {
    const inner = copy[name];
    if (typeof inner === 'object' && inner !== null) copy[name] = copyJson(inner);
  }
  return copy;
}

export function isExactInteger(value: unknown): value is ExactInteger {
  return exactJson.isRawJSON(value);
}

/** For an int64 of any size, from text (protobuf decoding has it as a bigint). */
export function exactInteger(value: bigint): number | ExactInteger {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : exactJson.rawJSON(value.toString());
}

/** Any run of 16 digits covers an index divisible by 16: looking there only costs a sixteenth of a scan. */
function hasLongDigits(text: string): boolean {
  const isDigit = (index: number) => {
    const code = text.charCodeAt(index);
    return code >= 0x30 && code <= 0x39;
  };
  for (let at = 0; at < text.length; at += exactDigits + 1) {
    if (!isDigit(at)) continue;
    let from = at;
    let to = at;
    while (isDigit(from - 1)) from--;
    while (isDigit(to + 1)) to++;
    if (to - from >= exactDigits) return true;
    at = Math.max(at, to - ((to - at) % (exactDigits + 1)));
  }
  return false;
}

function keepInteger(this: unknown, _key: string, value: unknown, context: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || context.source === undefined) return value;
  if (!/^-?[0-9]+$/.test(context.source)) return value;
  const integer = BigInt(context.source);
  // Beyond int64 it is a float to Go too; where the schema says integer, conform() refuses it.
  return integer >= int64Min && integer <= int64Max ? exactJson.rawJSON(context.source) : value;
}

/** In place, without recursion: the input may be as deep as the parser allows. */
function withoutLoneSurrogates(root: unknown): unknown {
  if (typeof root === 'string') return root.toWellFormed();
  const pending: unknown[] = [root];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (typeof next !== 'object' || next === null || isExactInteger(next)) continue;
    const holder = next as Record<string, unknown>;
    for (const key of Object.keys(holder)) {
      const value = holder[key];
      const wellFormed = typeof value === 'string' ? value.toWellFormed() : value;
      if (!key.isWellFormed()) {
        delete holder[key];
        Object.defineProperty(holder, key.toWellFormed(), { value: wellFormed, writable: true, enumerable: true, configurable: true });
      } else if (wellFormed !== value) holder[key] = wellFormed;
      if (typeof value === 'object' && value !== null) pending.push(value);
    }
  }
  return root;
}
