/**
 * pods, services and nodes/{name}/proxy/{path}: the request as the caller makes
 * it, to what is meant by it, bodies both ways as they come. The answer leads
 * back through the proxy where it has links and redirects.
 */
import { posix } from 'node:path';
import * as errors from '../../../api/errors.ts';
import type { KubeObject } from '../../../api/object.ts';
import type { Backend, BackendAnswer } from '../backends/backend-client.ts';
import { forwardedHeaders, type Headers } from '../backends/headers.ts';
import { goneSignal, relayAnswer, relayUpgrade } from '../backends/relay.ts';
import { changeContextOf, type ResourceCall } from '../call.ts';
import { withRewrittenLinks } from './html-links.ts';
import { rewriteLink, type ProxiedPage } from './links.ts';
import { backendOf } from './target.ts';

const optionKinds: Readonly<Record<string, string>> = { pods: 'PodProxyOptions', services: 'ServiceProxyOptions', nodes: 'NodeProxyOptions' };

export async function serveProxy(call: ResourceCall): Promise<void> {
  const { parts, stored, info, request, responder } = call;
  const options = { kind: optionKinds[info.resource], apiVersion: 'v1', path: info.rest.join('/') };
  await parts.registry.admit('CONNECT', stored, info.name, options as unknown as KubeObject, undefined, changeContextOf(call, { dryRun: false }));
  const backend = await backendOf(call);
  const path = pathOf(call);
  const query = request.target.includes('?') ? request.target.slice(request.target.indexOf('?')) : '';
  if (responder.takeOver) return relayUpgrade(call, backend, `${path || '/'}${query}`);
  // What a page calls its own folder would be the proxy's.
  if (path === '' && (request.method === 'GET' || request.method === 'HEAD')) return redirect(call, `${info.path}/${query}`);
  const page = pageOf(call, backend);
  const body = await bodyOf(call);
  const headers = { ...forwardedHeaders(request.headers, request.remoteAddress), 'x-forwarded-uri': posix.join(page.prefix, path || '/') };
  const asked = { method: request.method, target: `${path || '/'}${query}`, headers, ...(body ? { body } : {}), signal: goneSignal(responder) };
  const answer = await parts.backends.send(backend, asked).catch((error: Error) => {
    throw errors.serviceUnavailable(`error trying to reach service: ${error.message}`);
  });
  await relayAnswer(call, throughProxy(answer, page));
}

function redirect({ responder, auditId }: ResourceCall, location: string): void {
  responder.head(301, { location, 'audit-id': auditId });
  responder.end();
}

/** As the backend shall see it; empty where only the proxy itself is named. */
function pathOf({ info: { rest, path } }: ResourceCall): string {
  const joined = rest.length === 0 ? '' : posix.join('/', ...rest.map(encodePath));
  return path.endsWith('/') && !joined.endsWith('/') ? `${joined}/` : joined;
}

/** What may stand in a path stays as it is. */
function encodePath(segment: string): string {
  return encodeURIComponent(segment).replace(/%(?:24|26|2B|2C|2F|3A|3B|3D|40)/g, decodeURIComponent);
}

function pageOf({ info, request }: ResourceCall, { host, port, scheme }: Backend): ProxiedPage {
  const segments = info.path.split('/').filter((segment) => segment !== '');
  const isDefaultPort = port === (scheme === 'https' ? 443 : 80);
  return { prefix: `/${segments.slice(0, segments.length - info.rest.length).join('/')}`, backendHost: isDefaultPort ? host : `${host}:${port}`, requestHost: request.headers['host'] ?? '' };
}

/** Undefined where there is none. */
async function bodyOf({ request }: ResourceCall): Promise<AsyncIterable<Uint8Array> | undefined> {
  if (request.parts) return request.parts();
  const body = await request.body();
  return body.length === 0 ? undefined : oneOf(body);
}

async function* oneOf(body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield body;
}

function throughProxy(answer: BackendAnswer, page: ProxiedPage): BackendAnswer {
  const { location } = answer.headers;
  if (location !== undefined) return { ...answer, headers: { ...answer.headers, location: rewriteLink(String(location), page) } };
  const type = String(answer.headers['content-type'] ?? '').split(';')[0]?.trim();
  if (type !== 'text/html') return answer;
  const body = withRewrittenLinks(answer.body, String(answer.headers['content-encoding'] ?? ''), (link) => rewriteLink(link, page));
  return body ? { ...answer, headers: withoutLength(answer.headers), body } : answer;
}

function withoutLength(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'content-length'));
}
