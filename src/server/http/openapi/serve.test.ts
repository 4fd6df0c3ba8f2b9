import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { builtInCatalogue } from '../../../api/catalogue.ts';
import { decodeUtf8 } from '../../../base/bytes.ts';
import type { Call } from '../call.ts';
import { parseRequestInfo } from '../request-info.ts';
import { serveOpenApi } from './serve.ts';

const catalogue = builtInCatalogue();

interface Answered {
  status: number;
  headers: Readonly<Record<string, string | readonly string[]>>;
  body: Uint8Array;
}

/** What is answered to a GET; the call has what these paths use of one. */
async function get(target: string, headers: Record<string, string> = {}): Promise<Answered> {
  const answered: Answered = { status: 0, headers: {}, body: new Uint8Array() };
  const call = {
    parts: { catalogue, clock: { now: () => Date.UTC(2030, 0, 1) }, metrics: { answered: () => {} } },
    request: { method: 'GET', target, headers },
    info: parseRequestInfo('GET', target),
    auditId: 'audit',
    warnings: new Set(),
    responder: {
      head: (status: number, sent: Answered['headers']) => Object.assign(answered, { status, headers: sent }),
      end: (chunks: readonly Uint8Array[] = []) => Object.assign(answered, { body: Buffer.concat(chunks) }),
    },
  };
  await serveOpenApi(call as unknown as Call);
  return answered;
}

async function indexed(key: string): Promise<string> {
  const { paths } = JSON.parse(decodeUtf8((await get('/openapi/v3')).body)) as { paths: Record<string, { serverRelativeURL: string }> };
  const url = paths[key]?.serverRelativeURL;
  assert.ok(url, key);
  return url;
}

describe('/openapi', () => {
  test('the index leads to documents that may be kept for good', async () => {
    const url = await indexed('apis/apps/v1');
    assert.match(url, /^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{128}$/);
    const { status, headers, body } = await get(url);
    assert.equal(status, 200);
    assert.equal(headers['cache-control'], 'public, immutable');
    assert.equal(headers['expires'], 'Wed, 01 Jan 2031 00:00:00 GMT');
    assert.equal(headers['etag'], `"${url.split('=')[1]}"`);
    assert.equal((JSON.parse(decodeUtf8(body)) as { openapi: string }).openapi, '3.0.0');
  });

  test('without a hash a document must be asked for again, and may be unchanged', async () => {
    const first = await get('/openapi/v3/apis/apps/v1');
    assert.equal(first.headers['cache-control'], 'no-cache, private');
    const again = await get('/openapi/v3/apis/apps/v1', { 'if-none-match': first.headers['etag'] as string });
    assert.deepEqual([again.status, again.body.length], [304, 0]);
  });

  test('a hash that is out of date leads to the present one', async () => {
    const { status, headers } = await get('/openapi/v3/apis/apps/v1?hash=OLD');
    assert.deepEqual([status, headers['location']], [301, await indexed('apis/apps/v1')]);
  });

  test('compressed for those who take it', async () => {
    const plain = await get('/openapi/v3/api/v1');
    const { headers, body } = await get('/openapi/v3/api/v1', { 'accept-encoding': 'gzip, br' });
    assert.equal(headers['content-encoding'], 'gzip');
    assert.ok(gunzipSync(body).equals(plain.body));
  });

  test('Swagger is JSON or protobuf, as asked for', async () => {
    assert.equal((await get('/openapi/v2')).headers['content-type'], 'application/json');
    const protobuf = await get('/openapi/v2', { accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' });
    assert.equal(protobuf.headers['content-type'], 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf');
    assert.equal(decodeUtf8(protobuf.body.subarray(2, 5)), '2.0');
    assert.equal((await get('/openapi/v2', { accept: 'text/html' })).status, 406);
  });

  test('what is not there is not found', async () => {
    assert.equal((await get('/openapi/v3/apis/nothing/v1')).status, 404);
  });
});
