/**
 * How answers leave: negotiation, headers, Status for errors, warnings, lists
 * in slices. Everything that is sent to a client passes here, but watches.
 */
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { ApiError, internalError, serviceUnavailable, tooManyRequests } from '../../api/errors.ts';
import { StoreClosedError } from '../../storage/contract.ts';
import { StoreOverloadedError } from '../../storage/errors.ts';
import { formatGroupVersion } from '../../api/object.ts';
import type { Status } from '../../api/types/meta-v1.ts';
import { encodeUtf8 } from '../../base/bytes.ts';
import type { ExchangeRequest, Responder } from '../../base/exchange.ts';
import type { Logger } from '../../base/logger.ts';
import { negotiate, type MediaType, type Negotiated } from '../../codec/negotiation.ts';
import { encodeList, encodeProtobuf } from '../../codec/protobuf.ts';
import type { GroupVersionKind } from '../../api/schema.ts';
import { parseBytes } from '../watchcache/encoding.ts';
import type { Call, ResourceCall } from './call.ts';
import { objectForm, plainForm, wholeBody, type AnsweredKind, type ObjectForm } from './forms.ts';
import { tableOf } from './tables.ts';

const compress = promisify(gzip);
/** Answers smaller than this are not worth compressing; the figure is upstream's. */
const gzipBytesMin = 128 * 1024;
const sliceBytes = 1 << 20;

interface ListItem {
  readonly bytes: Uint8Array;
  derived?(kind: string, make: () => Uint8Array): Uint8Array;
}

export interface SentList {
  readonly revision: number;
  readonly entries: readonly ListItem[];
  /** Undefined on the last page. */
  readonly continueToken: string | undefined;
  readonly remainingItemCount: number | undefined;
}

function isMetaForm({ group, version, kind }: GroupVersionKind, kinds: readonly string[]): boolean {
  return group === 'meta.k8s.io' && (version === 'v1' || version === 'v1beta1') && kinds.includes(kind);
}

/** What the client wants of a resource: single, list or stream. Throws 406. */
export function negotiateFor(call: Call, want: { readonly list?: boolean; readonly stream?: boolean } = {}): Negotiated {
  const { headers } = call.request;
  const kinds = want.list ? ['Table', 'PartialObjectMetadataList'] : ['Table', 'PartialObjectMetadata', ...(want.stream ? ['PartialObjectMetadataList'] : [])];
  return negotiate({
    accept: headers['accept'],
    userAgent: headers['user-agent'],
    pretty: call.info.query.get('pretty'),
    offers: (form) => isMetaForm(form, kinds),
  });
}

export function warningHeaders(warnings: ReadonlySet<string>): Record<string, readonly string[]> {
  if (warnings.size === 0) return {};
  return { warning: [...warnings].map((text) => `299 - ${JSON.stringify(text)}`) };
}

function headersFor(call: Call, contentType: string): Record<string, string | readonly string[]> {
  return {
    'content-type': contentType,
    'cache-control': 'no-cache, private',
    'audit-id': call.auditId,
    ...warningHeaders(call.warnings),
  };
}

/** Sends whole bodies: compressed where that pays, indented or as YAML where a person reads. */
async function sendBody(call: Call, status: number, mediaType: MediaType, pretty: boolean, body: Uint8Array): Promise<void> {
  const { responder, request } = call;
  let bytes = body;
  let contentType: string = mediaType;
  if (mediaType === 'application/yaml') {
    const { stringifyYaml } = await import('../../codec/yaml.ts');
    bytes = encodeUtf8(stringifyYaml(parseBytes(body)));
  } else if (mediaType === 'application/json' && pretty) bytes = encodeUtf8(`${JSON.stringify(parseBytes(body), null, 2)}\n`);
  if (mediaType === 'application/json') contentType = 'application/json';
  const headers = headersFor(call, contentType);
  if (bytes.length >= gzipBytesMin && (request.headers['accept-encoding'] ?? '').includes('gzip')) {
    bytes = await compress(bytes, { level: constants.Z_BEST_SPEED });
    headers['content-encoding'] = 'gzip';
    headers['vary'] = 'Accept-Encoding';
  }
  headers['content-length'] = String(bytes.length);
  responder.head(status, headers);
  responder.end([bytes]);
}

/** An object that the registry just wrote: JSON in the stored version. */
export function sendWritten(call: ResourceCall, status: number, bytes: Uint8Array): Promise<void> {
  return sendResource(call, status, { bytes });
}

/** A cached object. */
export function sendEntry(call: ResourceCall, status: number, entry: ListItem): Promise<void> {
  return sendResource(call, status, entry);
}

function sendResource(call: ResourceCall, status: number, item: ListItem): Promise<void> {
  const negotiated = negotiateFor(call);
  if (negotiated.as?.kind === 'Table') {
    const table = tableOf(call.stored, [parseBytes(item.bytes)], includeObjectOf(call), call.parts.clock.now(), {});
    return sendBody(call, status, negotiated.mediaType, negotiated.pretty, encodeUtf8(JSON.stringify(table)));
  }
  const form = objectForm(call.resource, call.stored, negotiated);
  return sendBody(call, status, form.mediaType, negotiated.pretty, wholeBody(form, formBytes(item, form)));
}

function formBytes(item: ListItem, form: ObjectForm): Uint8Array {
  if (form.id === 'json') return item.bytes;
  return item.derived ? item.derived(form.id, () => form.encode(item.bytes)) : form.encode(item.bytes);
}

/** Something that is not stored, given as JSON. */
export function sendObject(call: Call, status: number, bytes: Uint8Array, kind: AnsweredKind): Promise<void> {
  const negotiated = negotiate({ accept: call.request.headers['accept'], userAgent: call.request.headers['user-agent'], pretty: call.info.query.get('pretty'), offers: () => false });
  return sendBody(call, status, negotiated.mediaType, negotiated.pretty, plainBody(kind, negotiated.mediaType, bytes));
}

function plainBody(kind: AnsweredKind, mediaType: MediaType, json: Uint8Array): Uint8Array {
  const form = plainForm(kind, mediaType);
  return wholeBody(form, form.encode(json));
}

const statusKind: AnsweredKind = { group: '', version: 'v1', kind: 'Status', type: 'io.k8s.apimachinery.pkg.apis.meta.v1.Status' };

export function sendStatus(call: Call, status: Status & { readonly code: number }): Promise<void> {
  return sendObjectOrJson(call, status.code, encodeUtf8(JSON.stringify(status)), statusKind);
}

/** As `sendObject`, for clients that asked for a form which a Status does not have (a Table). */
function sendObjectOrJson(call: Call, code: number, bytes: Uint8Array, kind: AnsweredKind): Promise<void> {
  const mediaType = mediaTypeForStatus(call.request);
  return sendBody(call, code, mediaType, false, plainBody(kind, mediaType, bytes));
}

function mediaTypeForStatus(request: ExchangeRequest): MediaType {
  return (request.headers['accept'] ?? '').startsWith('application/vnd.kubernetes.protobuf') ? 'application/vnd.kubernetes.protobuf' : 'application/json';
}

// -- lists -------------------------------------------------------------------

export async function sendList(call: ResourceCall, list: SentList): Promise<void> {
  const negotiated = negotiateFor(call, { list: true });
  const { resource, stored } = call;
  if (negotiated.as?.kind === 'Table') return sendTable(call, list, negotiated);
  const form = objectForm(resource, stored, negotiated);
  const partial = negotiated.as !== undefined;
  const listKind = partial ? 'PartialObjectMetadataList' : `${resource.kind}List`;
  const apiVersion = formatGroupVersion(form.kind);
  const metadata = listMetadata(list);
  if (form.mediaType === 'application/vnd.kubernetes.protobuf') {
    const items = list.entries.map((item) => formBytes(item, form));
    return sendBody(call, 200, form.mediaType, false, Buffer.concat(encodeList({ apiVersion, kind: listKind }, metadata, items)));
  }
  const head = encodeUtf8(`{"kind":"${listKind}","apiVersion":"${apiVersion}","metadata":${JSON.stringify(metadata)},"items":[`);
  const wantsGzip = (call.request.headers['accept-encoding'] ?? '').includes('gzip');
  if (negotiated.pretty || form.mediaType === 'application/yaml' || wantsGzip || list.entries.length < 64)
    return sendBody(call, 200, form.mediaType, negotiated.pretty, joined(head, list.entries, form));
  return streamItems(call, head, list.entries, form);
}

function listMetadata(list: SentList): Record<string, unknown> {
  return {
    resourceVersion: String(list.revision),
    ...(list.continueToken === undefined ? {} : { continue: list.continueToken }),
    ...(list.remainingItemCount === undefined ? {} : { remainingItemCount: list.remainingItemCount }),
  };
}

const comma = encodeUtf8(',');
const tail = encodeUtf8(']}');

function joined(head: Uint8Array, items: readonly ListItem[], form: ObjectForm): Uint8Array {
  const chunks: Uint8Array[] = [head];
  for (let i = 0; i < items.length; i++) {
    if (i > 0) chunks.push(comma);
    chunks.push(formBytes(items[i] as ListItem, form));
  }
  chunks.push(tail);
  return Buffer.concat(chunks);
}

/** The cached bytes, slice by slice: one write a turn, and a slow reader is waited for. */
function streamItems(call: ResourceCall, head: Uint8Array, items: readonly ListItem[], form: ObjectForm): Promise<void> {
  const { responder } = call;
  responder.head(200, headersFor(call, form.mediaType));
  return new Promise((resolve) => {
    let at = 0;
    let first: Uint8Array | undefined = head;
    let waiting = false;
    const next = (): void => {
      waiting = false;
      if (responder.closed) return resolve();
      const chunks: Uint8Array[] = first ? [first] : [];
      first = undefined;
      let size = 0;
      while (at < items.length && size < sliceBytes) {
        if (at > 0) chunks.push(comma);
        const bytes = formBytes(items[at] as ListItem, form);
        chunks.push(bytes);
        size += bytes.length;
        at++;
      }
      if (at === items.length) {
        chunks.push(tail);
        responder.end(chunks);
        return resolve();
      }
      if (responder.write(chunks)) setImmediate(next);
      else waiting = true;
    };
    responder.onDrain(() => {
      if (waiting) next();
    });
    responder.onClose(() => resolve());
    next();
  });
}

function includeObjectOf(call: Call): 'None' | 'Metadata' | 'Object' {
  const asked = call.info.query.get('includeObject');
  return asked === 'None' || asked === 'Object' ? asked : 'Metadata';
}

/** Rows parsed and printed between two turns of the loop. */
const rowsPerTurn = 100;

async function sendTable(call: ResourceCall, list: SentList, negotiated: Negotiated): Promise<void> {
  const now = call.parts.clock.now();
  const objects = [];
  for (let i = 0; i < list.entries.length; i++) {
    objects.push(parseBytes((list.entries[i] as ListItem).bytes));
    if (i % rowsPerTurn === rowsPerTurn - 1) await new Promise((resolve) => setImmediate(resolve));
  }
  const table = tableOf(call.stored, objects, includeObjectOf(call), now, listMetadata(list));
  return sendBody(call, 200, negotiated.mediaType, negotiated.pretty, encodeUtf8(JSON.stringify(table)));
}

// -- plain answers and errors --------------------------------------------------

export function sendJson(call: Call, status: number, value: unknown): Promise<void> {
  return sendBody(call, status, 'application/json', negotiate({ accept: undefined, userAgent: call.request.headers['user-agent'], pretty: call.info.query.get('pretty') }).pretty, encodeUtf8(JSON.stringify(value)));
}

export function sendText(call: Call, status: number, text: string, contentType = 'text/plain; charset=utf-8'): void {
  const body = encodeUtf8(text);
  call.responder.head(status, { ...headersFor(call, contentType), 'x-content-type-options': 'nosniff', 'content-length': String(body.length) });
  call.responder.end([body]);
}

/** Where there is no API at all, there is no Status either. */
export function sendPageNotFound(call: Call): void {
  sendText(call, 404, '404 page not found\n');
}

/** What the store says when it cannot take a write is the client's to hear: come again, or go elsewhere. */
function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof StoreOverloadedError) return tooManyRequests('the server has too many writes waiting, please try again later', 1);
  if (error instanceof StoreClosedError) return serviceUnavailable('the server is shutting down');
  return internalError(error instanceof Error ? error.message : String(error));
}

/** Whatever was thrown, as a Status. What is not an ApiError is a bug: logged whole, and told only in outline. */
export function sendError(request: ExchangeRequest, responder: Responder, error: unknown, logger: Logger, warnings: ReadonlySet<string>): void {
  const known = toApiError(error);
  if (known.code === 500 && !(error instanceof ApiError)) logger.error('a request failed unexpectedly', { method: request.method, target: request.target, error });
  const { status } = known;
  const mediaType = mediaTypeForStatus(request);
  const json = encodeUtf8(JSON.stringify(status));
  const body = mediaType === 'application/json' ? json : encodeProtobuf(status);
  const headers: Record<string, string | readonly string[]> = {
    'content-type': mediaType,
    'cache-control': 'no-cache, private',
    'content-length': String(body.length),
    ...warningHeaders(warnings),
  };
  if (status.details?.retryAfterSeconds) headers['retry-after'] = String(status.details.retryAfterSeconds);
  responder.head(status.code, headers);
  responder.end([body]);
}
