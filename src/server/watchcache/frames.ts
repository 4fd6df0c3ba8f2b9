/**
 * Watch events as JSON lines: `{"type":"ADDED","object":...}\n`. The object is
 * the cached bytes as they are. Encodings for other media types implement the
 * same interface (contract.ts) next to their codecs.
 */
import { formatGroupVersion } from '../../api/object.ts';
import { copyBytes } from '../../base/bytes.ts';
import type { Status } from '../../api/types/meta-v1.ts';
import type { Revision } from '../../storage/contract.ts';
import type { CachedResource } from './cached-resource.ts';
import type { FrameEncoding, FrameType } from './contract.ts';

const encoder = new TextEncoder();
const heads: Readonly<Record<FrameType, Uint8Array>> = {
  ADDED: encoder.encode('{"type":"ADDED","object":'),
  MODIFIED: encoder.encode('{"type":"MODIFIED","object":'),
  DELETED: encoder.encode('{"type":"DELETED","object":'),
};
const tail = encoder.encode('}\n');

/** One JSON line around an object that is encoded already. */
export function jsonLine(type: FrameType, object: Uint8Array): Uint8Array {
  const head = heads[type];
  const line = Buffer.allocUnsafeSlow(head.length + object.length + tail.length);
  copyBytes(head, line, 0);
  copyBytes(object, line, head.length);
  copyBytes(tail, line, head.length + object.length);
  return line;
}

export function jsonBookmark(
  apiVersion: string,
  kind: string,
  revision: Revision,
  initialEventsEnd: boolean,
): Uint8Array {
  const metadata = {
    resourceVersion: String(revision),
    ...(initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
  };
  return encoder.encode(`${JSON.stringify({ type: 'BOOKMARK', object: { kind, apiVersion, metadata } })}\n`);
}

export function jsonErrorLine(status: Status): Uint8Array {
  return encoder.encode(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
}

/** JSON in the storage version: the cached bytes themselves. */
export function jsonLines(resource: CachedResource): FrameEncoding {
  const apiVersion = formatGroupVersion(resource);
  return {
    id: 'json',
    frame: (type, entry) => jsonLine(type, entry.bytes),
    bookmark: (revision, initialEventsEnd) =>
      jsonBookmark(apiVersion, resource.kind, revision, initialEventsEnd),
    error: jsonErrorLine,
  };
}
