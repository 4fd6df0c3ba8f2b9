/**
 * YAML bodies. Loaded on first use only: kubectl sends JSON, and start-up
 * should not pay for a parser that few need.
 */
import { LineCounter, isScalar, parseDocument, stringify, type ParsedNode } from 'yaml';
import { badRequest } from '../api/errors.ts';

/** Enough for anchors that people write; far too few for a bomb. */
const aliasesMax = 100;

/** One document. Throws ApiError 400. */
export function parseYaml(text: string): unknown {
  return parse(text).value;
}

export interface LooseYaml {
  /** The last of several values that have one key. */
  readonly value: unknown;
  /** A line for each key that is there again, in Go's words. */
  readonly duplicates: readonly string[];
}

/** One document in which keys may be repeated. Throws ApiError 400. */
export function parseYamlLoosely(text: string): LooseYaml {
  const duplicates: string[] = [];
  return { value: parse(text, duplicates).value, duplicates };
}

function parse(text: string, duplicates?: string[]): { readonly value: unknown } {
  const lines = new LineCounter();
  const repeated = (a: ParsedNode, b: ParsedNode): boolean => {
    if (!isScalar(a) || !isScalar(b) || a.value !== b.value) return false;
    duplicates?.push(`line ${lines.linePos(b.range[0]).line}: key ${JSON.stringify(b.value)} already set in map`);
    return duplicates === undefined;
  };
  const document = parseDocument(text, { version: '1.1', merge: true, lineCounter: lines, uniqueKeys: repeated, customTags: withoutTimestamps, logLevel: 'silent' });
  const [wrong] = document.errors;
  if (wrong) throw yamlError(`line ${lines.linePos(wrong.pos[0]).line}: ${wrong.message.split('\n')[0]}`);
  try {
    return { value: onlyJson(document.toJS({ maxAliasCount: aliasesMax })) };
  } catch (error) {
    throw yamlError(error instanceof Error ? error.message : 'malformed document');
  }
}

export function stringifyYaml(value: unknown): string {
  // Through JSON: exact integers and the like have their text only there.
  return stringify(JSON.parse(JSON.stringify(value)), { version: '1.1', aliasDuplicateObjects: false, lineWidth: 0 });
}

function yamlError(why: string): Error {
  return badRequest(`error converting YAML to JSON: yaml: ${why}`);
}

/** A date stays the text it was: JSON has no dates, and the API's times are strings. */
function withoutTimestamps<T>(tags: T[]): T[] {
  return tags.filter((tag) => (tag as { tag?: string }).tag !== 'tag:yaml.org,2002:timestamp');
}

/** YAML 1.1 reads binary and sets too; only what JSON can say is let through. */
function onlyJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null)) as unknown;
}
