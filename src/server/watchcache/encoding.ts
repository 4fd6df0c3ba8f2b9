/**
 * The bytes of an object, at rest and on the wire. At rest an object begins
 * with kind, apiVersion and metadata, which begins with managedFields, and has no
 * resourceVersion, which only the store can know; it is put in before them, at a
 * place that needs no parsing to find.
 */
import type { KubeObject } from '../../api/object.ts';
import { copyBytes } from '../../base/bytes.ts';
import { insertManagedFields } from '../../codec/managed-fields-text.ts';
import type { Revision } from '../../storage/contract.ts';

const metadataHead = Buffer.from('"metadata":{');
/** kind and apiVersion are short: metadata begins within so many bytes, or this is not one of our encodings. */
const headBytesMax = 1024;
const closingBrace = 0x7d;

/**
 * What goes into the store: the fixed head, then everything else as it is.
 * `managedFields` is the JSON of the list, '' for none. Pooled memory: to be
 * copied, not kept.
 */
export function encodeForStorage(object: KubeObject, managedFields = ''): Uint8Array {
  const { kind, apiVersion, metadata } = object;
  const head = insertManagedFields(JSON.stringify({ kind, apiVersion, metadata: { ...metadata, resourceVersion: undefined } }), managedFields);
  // In two texts: a copy of the whole object is made by its shape, putting one together in another order is not.
  const rest = JSON.stringify({ ...object, kind: undefined, apiVersion: undefined, metadata: undefined });
  return Buffer.from(rest === '{}' ? head : `${head.slice(0, -1)},${rest.slice(1)}`);
}

/** Where resourceVersion goes in stored bytes; -1 where they do not have the head that encodeForStorage writes. */
export function resourceVersionOffset(stored: Uint8Array): number {
  const end = Math.min(stored.length, headBytesMax) - metadataHead.length;
  for (let at = 0; at <= end; at++) {
    let matching = 0;
    while (stored[at + matching] === metadataHead[matching]) if (++matching === metadataHead.length) return at + matching;
  }
  return -1;
}

/** What `spliceResourceVersion` puts in: `"resourceVersion":"123",`, without the comma where metadata is empty. */
function resourceVersionField(stored: Uint8Array, offset: number, revision: Revision): string {
  return stored[offset] === closingBrace
    ? `"resourceVersion":"${revision}"`
    : `"resourceVersion":"${revision}",`;
}

/** Most revisions have few digits; this many bytes always hold the field. */
export const resourceVersionBytesMax = 40;

/** Writes `stored` with its resourceVersion to `target` at `at`; returns the length. */
export function spliceInto(
  target: Uint8Array,
  at: number,
  stored: Uint8Array,
  offset: number,
  revision: Revision,
): number {
  const field = resourceVersionField(stored, offset, revision);
  // The head is too short to be worth a view of its own.
  for (let i = 0; i < offset; i++) target[at + i] = stored[i] as number;
  for (let i = 0; i < field.length; i++) target[at + offset + i] = field.charCodeAt(i);
  copyBytes(stored, target, at + offset + field.length, offset);
  return stored.length + field.length;
}

/** The object as clients see it at `revision`. Pooled memory, as that of `encodeForStorage`. */
export function spliceResourceVersion(stored: Uint8Array, revision: Revision): Uint8Array {
  const ours = inStorageForm(stored);
  const offset = resourceVersionOffset(ours);
  const target = Buffer.allocUnsafe(ours.length + resourceVersionField(ours, offset, revision).length);
  spliceInto(target, 0, ours, offset, revision);
  return target;
}

/** `stored` itself, or its re-encoding where someone else wrote it in another order or with a resourceVersion. */
export function inStorageForm(stored: Uint8Array): Uint8Array {
  if (resourceVersionOffset(stored) >= 0) return stored;
  return encodeForStorage(parseBytes(stored));
}

/** Replaces the resourceVersion of bytes that `spliceResourceVersion` made. */
export function withResourceVersion(bytes: Uint8Array, revision: Revision): Uint8Array {
  const offset = resourceVersionOffset(bytes) + '"resourceVersion":"'.length;
  const end = bytes.indexOf(0x22, offset);
  const digits = String(revision);
  const target = new Uint8Array(bytes.length - (end - offset) + digits.length);
  copyBytes(bytes, target, 0, 0, offset);
  for (let i = 0; i < digits.length; i++) target[offset + i] = digits.charCodeAt(i);
  copyBytes(bytes, target, offset + digits.length, end);
  return target;
}

export function parseBytes(bytes: Uint8Array): KubeObject {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as KubeObject;
}
