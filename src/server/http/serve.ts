/**
 * The front of the server: every exchange comes through `serve`, is known
 * (authentication), let in (fairness, authorization) and sent down one of the
 * paths: write-path, read-path, watch-path, or a system path. Whatever is thrown
 * on the way becomes a Status here, and only here.
 */
import type { ExchangeHandler, ExchangeRequest, Responder, UserInfo } from '../../base/exchange.ts';
import { assert } from '../../base/assert.ts';
import type { ResourceInfo } from '../../api/catalogue.ts';
import * as errors from '../../api/errors.ts';
import type { RequestAttributes } from '../access/contract.ts';
import { forbiddenRequest } from '../access/authorization.ts';
import { impersonate, isImpersonating } from '../access/impersonation.ts';
import type { ApiServerParts, Call, ResourceCall } from './call.ts';
import { deprecationOf } from './deprecations.ts';
import { serveRead } from './read-path.ts';
import { parseRequestInfo, type RequestInfo } from './request-info.ts';
import { sendError, sendPageNotFound } from './respond.ts';
import { checkRoute } from './routes.ts';
import { serveSubresource } from './subresources/table.ts';
import { isHealthPath } from './health.ts';
import { serveSystemPath } from './system-paths.ts';
import { isVirtual, serveVirtual } from './virtual-resources.ts';
import { serveWatch } from './watch-path.ts';
import { serveWrite } from './write-path.ts';

const noWarnings: ReadonlySet<string> = new Set();

export function createHandler(parts: ApiServerParts): ExchangeHandler {
  return (request, responder) => {
    const started = parts.clock.monotonic();
    let info: RequestInfo;
    try {
      info = parseRequestInfo(request.method, request.target);
    } catch (error) {
      sendError(request, responder, error, parts.logger, noWarnings);
      return;
    }
    const warnings = new Set<string>();
    const measured = parts.requests.begin(info, request.headers['content-type'], responder, started);
    serve(parts, request, measured, info, warnings).catch((error: unknown) => sendError(request, measured, error, parts.logger, warnings));
  };
}

/** Until the caches are loaded and the bootstrap objects written, only the health of the server can be asked. */
function refuseWhileStarting(parts: ApiServerParts, info: RequestInfo): void {
  if (parts.state.ready || isHealthPath(info.path)) return;
  throw errors.apiError(503, 'ServiceUnavailable', 'the server is starting', { retryAfterSeconds: 1 });
}

async function serve(parts: ApiServerParts, request: ExchangeRequest, responder: Responder, info: RequestInfo, warnings: Set<string>): Promise<void> {
  refuseWhileStarting(parts, info);
  const authenticated = await authenticate(parts, request);
  const user = isImpersonating(request.headers) ? await impersonate(authenticated, request.headers, parts.authorizer) : authenticated;
  const attributes = attributesOf(info, user);
  const call: Call = { parts, request, responder, info, user, attributes, warnings, auditId: request.headers['audit-id'] ?? parts.random.uuid() };
  const answer = parts.authorizer.authorize(attributes);
  const { decision, reason } = answer instanceof Promise ? await answer : answer;
  if (decision !== 'allow') throw forbiddenRequest(attributes, reason);
  if (!info.isResource) return serveSystemPath(call);

  const resource = parts.catalogue.lookup(info.group, info.version, info.resource);
  if (!resource) return serveNoResource(call);
  checkRoute(resource, info, request.method);
  warnIfDeprecated(resource, info, warnings);
  if (isVirtual(resource)) return serveVirtual({ ...call, resource });
  const cache = parts.caches.cache(resource.storagePrefix);
  assert(cache, 'every resource that is kept has a watch cache');
  const resourceCall: ResourceCall = { ...call, resource, stored: parts.catalogue.stored(resource), cache };
  if (info.subresource !== '' && (await serveSubresource(resourceCall))) return;
  switch (info.verb) {
    case 'get':
    case 'list':
      return serveRead(resourceCall);
    case 'watch':
      return serveWatch(resourceCall);
    case 'create':
    case 'update':
    case 'patch':
    case 'delete':
    case 'deletecollection':
      return serveWrite(resourceCall);
    default:
      throw errors.methodNotAllowed();
  }
}

/** Of the subresources only status is of the resource's own kind. */
function warnIfDeprecated(resource: ResourceInfo, info: RequestInfo, warnings: Set<string>): void {
  const text = info.subresource === '' || info.subresource === 'status' ? deprecationOf(resource) : '';
  if (text !== '') warnings.add(text);
}

/** Where nobody serves the group, the path is as unknown as any other. */
function serveNoResource(call: Call): void {
  const { group } = call.info;
  for (const resource of call.parts.catalogue.all()) if (resource.group === group) throw errors.pathNotFound();
  sendPageNotFound(call);
}

async function authenticate(parts: ApiServerParts, request: ExchangeRequest): Promise<UserInfo> {
  const user = await parts.authentication.authenticate(request);
  if (!user) throw errors.unauthorized();
  return user;
}

function attributesOf(info: RequestInfo, user: UserInfo): RequestAttributes {
  return {
    user,
    verb: info.verb,
    isResource: info.isResource,
    path: info.path,
    group: info.group,
    version: info.version,
    resource: info.resource,
    subresource: info.subresource,
    namespace: info.namespace,
    name: info.name,
    fieldSelector: info.query.get('fieldSelector') ?? '',
    labelSelector: info.query.get('labelSelector') ?? '',
  };
}
