/** The frames of a watch in the form that was asked for: JSON lines, length-prefixed protobuf, Tables, metadata only. */
import { formatGroupVersion } from '../../api/object.ts';
import { tableFor } from '../../api/tables/table-for.ts';
import type { Status } from '../../api/types/meta-v1.ts';
import { encodeUtf8 } from '../../base/bytes.ts';
import { watchContentType, type Negotiated } from '../../codec/negotiation.ts';
import { encodeProtobuf, encodeWatchFrame } from '../../codec/protobuf.ts';
import type { CacheEntry } from '../watchcache/cache-entry.ts';
import type { FrameEncoding, FrameType } from '../watchcache/contract.ts';
import { parseBytes } from '../watchcache/encoding.ts';
import { jsonBookmark, jsonErrorLine, jsonLine } from '../watchcache/frames.ts';
import type { ResourceCall } from './call.ts';
import { isStoredForm, objectForm, wholeBody, type ObjectForm } from './forms.ts';
import { tableOf, type IncludeObject } from './tables.ts';

export interface WatchEncoding extends FrameEncoding {
  readonly contentType: string;
}

export function watchEncoding(call: ResourceCall, negotiated: Negotiated): WatchEncoding {
  const contentType = watchContentType(negotiated.mediaType);
  if (negotiated.as?.kind === 'Table') return { ...tableFrames(call), contentType };
  const form = objectForm(call.resource, call.stored, negotiated);
  if (form.mediaType === 'application/vnd.kubernetes.protobuf') return { ...protobufFrames(form), contentType };
  return { ...jsonFrames(form), contentType };
}

/** Made once for all who watch, list or get this version of the object. What is deleted has no further readers. */
function objectBytes(form: ObjectForm, type: FrameType, entry: CacheEntry): Uint8Array {
  if (isStoredForm(form)) return entry.bytes;
  return type === 'DELETED' ? form.encode(entry.bytes) : entry.derived(form.id, ({ bytes }) => form.encode(bytes));
}

function jsonFrames(form: ObjectForm): FrameEncoding {
  const apiVersion = formatGroupVersion(form.kind);
  return {
    id: form.id,
    frame: (type, entry) => jsonLine(type, objectBytes(form, type, entry)),
    bookmark: (revision, initialEventsEnd) => jsonBookmark(apiVersion, form.kind.kind, revision, initialEventsEnd),
    error: jsonErrorLine,
  };
}

function protobufFrames(form: ObjectForm): FrameEncoding {
  return {
    id: form.id,
    frame: (type, entry) => encodeWatchFrame(type, wholeBody(form, objectBytes(form, type, entry))),
    bookmark: (revision, initialEventsEnd) => {
      const bookmark = { kind: form.kind.kind, apiVersion: formatGroupVersion(form.kind), metadata: bookmarkMetadata(revision, initialEventsEnd) };
      return encodeWatchFrame('BOOKMARK', encodeProtobuf(bookmark));
    },
    error: (status) => encodeWatchFrame('ERROR', encodeProtobuf(status)),
  };
}

function bookmarkMetadata(revision: number, initialEventsEnd: boolean) {
  return { resourceVersion: String(revision), ...(initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}) };
}

/** Ages move on, so the frames of Tables are made anew for each event; the columns are told once by upstream, here each time. */
function tableFrames(call: ResourceCall): FrameEncoding {
  const asked = call.info.query.get('includeObject');
  const include: IncludeObject = asked === 'None' || asked === 'Object' ? asked : 'Metadata';
  const { clock } = call.parts;
  return {
    id: `table:${include}`,
    frame: (type: FrameType, entry) => encodeUtf8(`${JSON.stringify({ type, object: tableOf(call.stored, [parseBytes(entry.bytes)], include, clock.now(), {}) })}\n`),
    bookmark: (revision, initialEventsEnd) => {
      const object = { kind: call.stored.kind, apiVersion: formatGroupVersion(call.stored), metadata: bookmarkMetadata(revision, initialEventsEnd) };
      const table = {
        kind: 'Table',
        apiVersion: 'meta.k8s.io/v1',
        metadata: bookmarkMetadata(revision, initialEventsEnd),
        columnDefinitions: tableFor(call.stored.group, call.stored.kind).columns,
        rows: [{ cells: [], object }],
      };
      return encodeUtf8(`${JSON.stringify({ type: 'BOOKMARK', object: table })}\n`);
    },
    error: (status: Status) => jsonErrorLine(status),
  };
}
