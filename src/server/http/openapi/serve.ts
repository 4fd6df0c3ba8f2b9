/** /openapi/v3, the documents below it, and /openapi/v2. */
import type { Catalogue } from '../../../api/catalogue.ts';
import { encodeUtf8 } from '../../../base/bytes.ts';
import type { Call } from '../call.ts';
import { sendPageNotFound } from '../respond.ts';
import { OpenApiLibrary, type Entry, type OpenApiDocument } from './library.ts';

const libraries = new WeakMap<Catalogue, OpenApiLibrary>();

/** Smaller bodies gain nothing. */
const gzipBytesMin = 1024;
const yearMs = 365 * 24 * 60 * 60 * 1000;
const uncached = 'no-cache, private';

function libraryOf(catalogue: Catalogue): OpenApiLibrary {
  let library = libraries.get(catalogue);
  if (!library) libraries.set(catalogue, (library = new OpenApiLibrary(catalogue)));
  return library;
}

export async function serveOpenApi(call: Call): Promise<void> {
  const library = libraryOf(call.parts.catalogue);
  const { v3, v2 } = await library.contents();
  const { path } = call.info;
  if (path === '/openapi/v3') {
    const paths = Object.fromEntries([...v3].map(([key, { hash }]) => [key, { serverRelativeURL: `/openapi/v3/${key}?hash=${hash}` }]));
    return send(call, 200, { 'content-type': 'application/json', 'cache-control': uncached }, encodeUtf8(JSON.stringify({ paths })));
  }
  if (path === '/openapi/v2') return serveV2(call, v2, library);
  if (!path.startsWith('/openapi/v3/')) return sendPageNotFound(call);
  const entry = v3.get(path.slice('/openapi/v3/'.length));
  if (!entry) return send(call, 404, {});
  return serveV3(call, entry, library);
}

async function serveV3(call: Call, entry: Entry, library: OpenApiLibrary): Promise<void> {
  if (!accepts(call, ['application/json'])) return send(call, 406, { vary: 'Accept' });
  const etag = `"${entry.hash}"`;
  const asked = call.info.query.get('hash');
  if (asked && asked !== entry.hash) {
    const location = `${call.info.path}?hash=${entry.hash}`;
    return send(call, 301, { etag, location, vary: 'Accept', 'cache-control': uncached, 'content-type': 'application/json' });
  }
  const caching = asked
    ? { 'cache-control': 'public, immutable', expires: new Date(call.parts.clock.now() + yearMs).toUTCString() }
    : { 'cache-control': uncached };
  const headers = { etag, vary: 'Accept', 'content-type': 'application/json', ...caching };
  return serveDocument(call, headers, () => library.documentV3(entry));
}

/** The protobuf form goes by two names: clients still ask by the older one, the second. */
const protobufV2 = ['application/com.github.proto-openapi.spec.v2.v1.0+protobuf', 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf'];

async function serveV2(call: Call, entry: Entry, library: OpenApiLibrary): Promise<void> {
  const accepted = accepts(call, ['application/json', ...protobufV2]);
  if (!accepted) return send(call, 406, { vary: 'Accept' });
  const encoding = accepted === 'application/json' ? 'json' : 'protobuf';
  const contentType = encoding === 'json' ? accepted : (protobufV2[0] as string);
  const headers = { etag: `"${entry.hash}"`, vary: 'Accept', 'content-type': contentType, 'cache-control': uncached };
  return serveDocument(call, headers, () => library.documentV2(entry, encoding));
}

type Headers = Readonly<Record<string, string>>;

async function serveDocument(call: Call, headers: Headers & { etag: string }, make: () => Promise<OpenApiDocument>): Promise<void> {
  const known = call.request.headers['if-none-match'];
  if (known !== undefined && known.split(',').some((tag) => tag.trim() === headers.etag)) {
    const { 'content-type': _, ...rest } = headers as Headers;
    return send(call, 304, rest);
  }
  const document = await make();
  if (document.body.length < gzipBytesMin || !(call.request.headers['accept-encoding'] ?? '').includes('gzip')) return send(call, 200, headers, document.body);
  return send(call, 200, { ...headers, 'content-encoding': 'gzip', vary: 'Accept-Encoding, Accept' }, await document.compressed());
}

/** The first of the offers that the client takes. */
function accepts(call: Call, offers: readonly string[]): string | undefined {
  const ranges = (call.request.headers['accept'] ?? '*/*').split(',').map((range) => (range.split(';')[0] as string).trim());
  for (const range of ranges) {
    const found = offers.find((offer) => range === offer || range === '*/*' || range === `${offer.split('/')[0]}/*`);
    if (found) return found;
  }
  return undefined;
}

function send(call: Call, status: number, headers: Headers, body?: Uint8Array): void {
  call.responder.head(status, { ...headers, 'audit-id': call.auditId, ...(status === 304 ? {} : { 'content-length': String(body?.length ?? 0) }) });
  call.responder.end(body ? [body] : []);
}
