/**
 * The forms in which an object can be answered: its own kind, its metadata
 * alone or a Table; in JSON, YAML or protobuf; in the version that is stored or
 * another one that is served. Each turns the cached bytes into bytes, once for
 * all readers who ask the same (`CacheEntry.derived`). JSON in the stored
 * version is the cached bytes themselves.
 */
import { convert } from '../../api/conversion/convert.ts';
import type { ResourceInfo } from '../../api/catalogue.ts';
import { formatGroupVersion, type KubeObject } from '../../api/object.ts';
import { encodeUtf8 } from '../../base/bytes.ts';
import { encodeMessage, envelope } from '../../codec/protobuf.ts';
import type { MediaType, Negotiated } from '../../codec/negotiation.ts';
import { parseBytes } from '../watchcache/encoding.ts';

/** A kind whose objects are answered, and the schema type that describes it. */
export interface AnsweredKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** In schema.json. */
  readonly type: string;
}

/** How one object becomes bytes. */
export interface ObjectForm {
  /** Readers with the same id get the same bytes. */
  readonly id: string;
  /** What the objects are called in this form. */
  readonly kind: AnsweredKind;
  readonly mediaType: MediaType;
  /** From the stored JSON, resourceVersion included. In protobuf the bare message, which lists are made of; see `wholeBody`. */
  encode(bytes: Uint8Array): Uint8Array;
}

const partialKind: AnsweredKind = {
  group: 'meta.k8s.io',
  version: 'v1',
  kind: 'PartialObjectMetadata',
  type: 'io.k8s.apimachinery.pkg.apis.meta.v1.PartialObjectMetadata',
};

/** The form of single objects that a request gets; Tables are made in tables.ts. */
export function objectForm(resource: ResourceInfo, stored: ResourceInfo, negotiated: Negotiated): ObjectForm {
  const { mediaType } = negotiated;
  if (negotiated.as?.kind.startsWith('PartialObjectMetadata'))
    return form(partialKind, mediaType, (object) => ({ kind: partialKind.kind, apiVersion: formatGroupVersion(partialKind), metadata: object.metadata }));
  if (resource === stored) return form(resource, mediaType, undefined);
  return form(resource, mediaType, (object) => convert(object, stored, resource));
}

/** The form of something that is not stored: a Scale, a review, a Status. */
export function plainForm(kind: AnsweredKind, mediaType: MediaType): ObjectForm {
  return form(kind, mediaType, undefined);
}

function form(kind: AnsweredKind, mediaType: MediaType, change: ((object: KubeObject) => KubeObject) | undefined): ObjectForm {
  const id = `${mediaType}:${kind.group}/${kind.version}/${kind.kind}`;
  const object = (bytes: Uint8Array) => (change ? change(parseBytes(bytes)) : parseBytes(bytes));
  if (mediaType === 'application/vnd.kubernetes.protobuf')
    return { id, kind, mediaType, encode: (bytes) => encodeMessage(object(bytes)) };
  // YAML is JSON until it is sent, as a whole.
  if (!change) return { id: 'json', kind, mediaType, encode: (bytes) => bytes };
  return { id: id.replace('yaml', 'json'), kind, mediaType, encode: (bytes) => encodeUtf8(JSON.stringify(object(bytes))) };
}

/** What `encode` gave, as the body of an answer of its own: protobuf in its envelope. */
export function wholeBody(form: ObjectForm, encoded: Uint8Array): Uint8Array {
  if (form.mediaType !== 'application/vnd.kubernetes.protobuf') return encoded;
  return envelope({ apiVersion: formatGroupVersion(form.kind), kind: form.kind.kind }, encoded);
}

/** True where the form's bytes are the cached ones. */
export function isStoredForm(form: ObjectForm): boolean {
  return form.id === 'json';
}
