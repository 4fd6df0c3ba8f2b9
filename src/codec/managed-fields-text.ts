/**
 * Our API server writes managedFields at the head of metadata, behind the
 * resourceVersion, where they are found without parsing. Who does not need them
 * parsed cuts them out first: they are often half of an object.
 */
import { assert } from '../base/assert.ts';

const metadataHead = '"metadata":{';
const versionHead = '"resourceVersion":"';
const listHead = '"managedFields":[';
/** Kind and apiVersion, and the type of a watch event, are short. */
const headLengthMax = 1024;
/** Sets have no lists in them, so the first end of one is its end; a string that looks like it is not followed by a name. */
const listEnd = '],"';

interface CutText {
  /** The JSON without the list. */
  readonly rest: string;
  /** The JSON of the list; '' where it is not there, or not at the head of metadata. */
  readonly managedFields: string;
}

/** Takes the JSON of an object, or of a watch event. */
export function cutManagedFields(text: string): CutText {
  const start = listStart(text);
  if (start < 0) return { rest: text, managedFields: '' };
  let end = text.indexOf(listEnd, start);
  while (end >= 0 && !isLetter(text.charCodeAt(end + listEnd.length))) end = text.indexOf(listEnd, end + 1);
  if (end < 0) return { rest: text, managedFields: '' };
  return {
    rest: text.slice(0, start) + text.slice(end + '],'.length),
    managedFields: text.slice(start + listHead.length - 1, end + 1),
  };
}

function isLetter(code: number): boolean {
  return (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a;
}

function listStart(text: string): number {
  const head = text.indexOf(metadataHead);
  if (head < 0 || head > headLengthMax) return -1;
  let at = head + metadataHead.length;
  if (text.startsWith(versionHead, at)) at = text.indexOf('"', at + versionHead.length) + '",'.length;
  return text.startsWith(listHead, at) ? at : -1;
}

/** The other way round, for the JSON of an object that begins with kind, apiVersion and metadata, and has a name. */
export function insertManagedFields(text: string, managedFields: string): string {
  if (managedFields === '') return text;
  const at = text.indexOf(metadataHead) + metadataHead.length;
  assert(text.charAt(at) !== '}', 'something follows managedFields, or their end could not be told');
  return `${text.slice(0, at)}"managedFields":${managedFields},${text.slice(at)}`;
}
