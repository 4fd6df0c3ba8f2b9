/** The paths that are no resources: health, version, metrics, discovery, OpenAPI, the token issuer's public documents. */
import * as errors from '../../api/errors.ts';
import { encodeUtf8 } from '../../base/bytes.ts';
import type { Call } from './call.ts';
import { serveDiscovery } from './discovery/serve.ts';
import { serveHealth } from './health.ts';
import { serveOpenApi } from './openapi/serve.ts';
import { sendJson, sendPageNotFound, sendText } from './respond.ts';
import { version } from './version.ts';

type Server = (call: Call) => void | Promise<void>;

const exact: Readonly<Record<string, Server>> = {
  '/': (call) => sendJson(call, 200, { paths: rootPaths(call) }),
  '/version': (call) => sendJson(call, 200, version),
  '/version/': (call) => sendJson(call, 200, version),
  '/metrics': serveMetrics,
  '/debug/slo': (call) => sendJson(call, 200, call.parts.slo.report()),
  '/.well-known/openid-configuration': (call) => sendPublicDocument(call, call.parts.issuerDocuments.discovery, 'application/json'),
  '/openid/v1/jwks': (call) => sendPublicDocument(call, call.parts.issuerDocuments.keys, 'application/jwk-set+json'),
};

const prefixes: readonly (readonly [string, Server])[] = [
  ['/healthz', serveHealth],
  ['/livez', serveHealth],
  ['/readyz', serveHealth],
  ['/openapi/', serveOpenApi],
  ['/apis', serveDiscovery],
  ['/api', serveDiscovery],
];

export function serveSystemPath(call: Call): void | Promise<void> {
  const { path } = call.info;
  const method = call.request.method;
  if (method !== 'GET' && method !== 'HEAD') {
    if (!exact[path] && !prefixes.some(([prefix]) => isUnder(path, prefix))) return sendPageNotFound(call);
    throw errors.methodNotAllowed();
  }
  const server = exact[path] ?? prefixes.find(([prefix]) => isUnder(path, prefix))?.[1];
  return server ? server(call) : sendPageNotFound(call);
}

function isUnder(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
}

function rootPaths({ parts }: Call): string[] {
  const groupVersions = new Set<string>();
  for (const { group, version: v } of parts.catalogue.all())
    if (group !== '') {
      groupVersions.add(`/apis/${group}`);
      groupVersions.add(`/apis/${group}/${v}`);
    }
  return [
    '/.well-known/openid-configuration',
    '/api',
    '/api/v1',
    '/apis',
    ...[...groupVersions].sort(),
    '/debug/slo',
    '/healthz',
    '/livez',
    '/metrics',
    '/openapi/v2',
    '/openapi/v3',
    '/openid/v1/jwks',
    '/readyz',
    '/version',
  ];
}

async function serveMetrics(call: Call): Promise<void> {
  const { text, contentType } = await call.parts.metrics.render(call.request.headers['accept']);
  sendText(call, 200, text, contentType);
}

function sendPublicDocument(call: Call, document: string, contentType: string): void {
  const body = encodeUtf8(document);
  call.responder.head(200, { 'content-type': contentType, 'cache-control': 'public, max-age=3600', 'content-length': String(body.length) });
  call.responder.end([body]);
}
