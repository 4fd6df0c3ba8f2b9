/**
 * Reads a few paths out of the JSON of an object without parsing the rest:
 * about five times as fast as JSON.parse when 150,000 pods are loaded. Bytes
 * are trusted to be JSON (they were encoded by us); anything that looks
 * different from what JSON.stringify writes makes it give up, and the caller
 * parses.
 */
import type { KubeObject } from '../../api/object.ts';

/** The wanted members of an object; one without members of its own is taken whole. */
interface Wanted {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly members: Wanted[];
}

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const comma = 0x2c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

export class Projection {
  readonly #wanted: readonly Wanted[];

  /** A path into an array takes the array whole. */
  constructor(paths: readonly (readonly string[])[]) {
    const root: Wanted[] = [];
    for (const path of paths) {
      const index = path.findIndex((step) => /^\d+$/.test(step));
      let members = root;
      for (const name of index < 0 ? path : path.slice(0, index)) {
        let member = members.find((other) => other.name === name);
        if (!member) members.push((member = { name, bytes: Buffer.from(name), members: [] }));
        members = member.members;
      }
    }
    this.#wanted = root;
  }

  /** An object with only the wanted paths; undefined where the bytes are not as expected. */
  of(json: Uint8Array): KubeObject | undefined {
    const object: Record<string, unknown> = {};
    return readMembers(json, 0, this.#wanted, object) === json.length
      ? (object as unknown as KubeObject)
      : undefined;
  }
}

/** Reads the object that begins at `at` into `target`; returns where it ends, or -1. */
function readMembers(
  json: Uint8Array,
  at: number,
  wanted: readonly Wanted[],
  target: Record<string, unknown>,
): number {
  if (json[at] !== openBrace) return -1;
  if (json[at + 1] === closeBrace) return at + 2;
  while (at >= 0 && at < json.length) {
    const keyStart = at + 2;
    if (json[at + 1] !== quote) return -1;
    const keyEnd = stringEnd(json, keyStart);
    if (json[keyEnd] !== colon) return -1;
    const member = memberAt(json, keyStart, keyEnd - 1, wanted);
    const value = keyEnd + 1;
    if (member && member.members.length > 0 && json[value] === openBrace) {
      const child: Record<string, unknown> = {};
      at = readMembers(json, value, member.members, child);
      if (at < 0) return -1;
      target[member.name] = child;
    } else {
      at = valueEnd(json, value);
      if (member && at > 0)
        target[member.name] = JSON.parse(
          Buffer.from(json.buffer, json.byteOffset + value, at - value).toString(),
        );
    }
    if (json[at] === closeBrace) return at + 1;
    if (json[at] !== comma) return -1;
  }
  return -1;
}

function memberAt(
  json: Uint8Array,
  start: number,
  end: number,
  wanted: readonly Wanted[],
): Wanted | undefined {
  for (const member of wanted) {
    const { bytes } = member;
    if (bytes.length !== end - start) continue;
    let i = 0;
    while (i < bytes.length && bytes[i] === json[start + i]) i++;
    if (i === bytes.length) return member;
  }
  return undefined;
}

/** The index after the closing quote of the string whose content begins at `at`. */
function stringEnd(json: Uint8Array, at: number): number {
  for (; at < json.length; at++) {
    const char = json[at];
    if (char === quote) return at + 1;
    if (char === backslash) at++;
  }
  return at;
}

/** The index after the value that begins at `at`. */
function valueEnd(json: Uint8Array, at: number): number {
  let depth = 0;
  while (at < json.length) {
    const char = json[at];
    if (char === quote) {
      at = stringEnd(json, at + 1);
      if (depth === 0) return at;
      continue;
    }
    if (char === openBrace || char === openBracket) depth++;
    else if (char === closeBrace || char === closeBracket) {
      // Without depth it closes what the value is in.
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (char === comma && depth === 0) return at;
    at++;
  }
  return at;
}
