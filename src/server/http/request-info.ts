/**
 * What a request line asks for: path and query become verb, resource, name.
 * The path forms are upstream's:
 *
 *   /api/v1/namespaces/{ns}/{resource}/{name}/{subresource}
 *   /apis/{group}/{version}/...        the same for the named groups
 *   /api/v1/watch/...                  the old way to say ?watch=true
 */
import { badRequest } from '../../api/errors.ts';

export interface RequestInfo {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly isResource: boolean;
  /** For resources get, list, watch, create, ...; else the lower-case method. */
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly resource: string;
  readonly name: string;
  readonly subresource: string;
  /** Path segments behind the subresource (proxy paths). */
  readonly rest: readonly string[];
}

const noQuery = new URLSearchParams();

/** Namespaces have no namespace above them, but these stand where a resource would. */
const namespaceSubresources = new Set(['status', 'finalize']);

function isTrue(value: string | null): boolean {
  return value !== null && value !== '0' && value.toLowerCase() !== 'false';
}

function decodeSegments(path: string): string[] {
  const segments = path.split('/');
  const decoded: string[] = [];
  for (const segment of segments) {
    if (segment === '') continue;
    if (!segment.includes('%')) {
      decoded.push(segment);
      continue;
    }
    try {
      decoded.push(decodeURIComponent(segment));
    } catch {
      throw badRequest(`invalid URL escape in path segment "${segment}"`);
    }
  }
  return decoded;
}

function verbOf(method: string, hasName: boolean, query: URLSearchParams, oldWatch: boolean): string {
  switch (method) {
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return hasName ? 'delete' : 'deletecollection';
    case 'GET':
    case 'HEAD':
      if (oldWatch || isTrue(query.get('watch'))) return 'watch';
      return hasName ? 'get' : 'list';
    default:
      return method.toLowerCase();
  }
}

/** `metadata.name=x` alone in the field selector names the object, for authorization too. */
function nameInSelector(query: URLSearchParams): string {
  const selector = query.get('fieldSelector');
  if (!selector) return '';
  for (const term of selector.split(',')) {
    const match = /^metadata\.name==?([^=!]+)$/.exec(term);
    if (match?.[1]) return match[1];
  }
  return '';
}

export function parseRequestInfo(method: string, target: string): RequestInfo {
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? noQuery : new URLSearchParams(target.slice(mark + 1));
  const other: RequestInfo = {
    path,
    query,
    isResource: false,
    verb: method.toLowerCase(),
    group: '',
    version: '',
    namespace: '',
    resource: '',
    name: '',
    subresource: '',
    rest: [],
  };
  const isCore = path.startsWith('/api/');
  if (!isCore && !path.startsWith('/apis/')) return other;
  const segments = decodeSegments(path);
  let at = isCore ? 2 : 3;
  const group = isCore ? '' : (segments[1] ?? '');
  const version = segments[at - 1] ?? '';
  if (segments.length <= at) return other;
  let oldWatch = false;
  if (segments[at] === 'watch' && segments.length > at + 1) {
    oldWatch = true;
    at++;
  }
  let namespace = '';
  if (segments[at] === 'namespaces' && segments.length > at + 2 && !namespaceSubresources.has(segments[at + 2] as string)) {
    namespace = segments[at + 1] as string;
    at += 2;
  } else if (segments[at] === 'namespaces' && segments.length > at + 1) {
    namespace = segments[at + 1] as string;
  }
  const resource = segments[at] as string;
  let name = segments[at + 1] ?? '';
  const subresource = segments[at + 2] ?? '';
  const verb = verbOf(method, name !== '' && !oldWatch, query, oldWatch);
  if (name === '' && (verb === 'list' || verb === 'watch' || verb === 'deletecollection')) name = nameInSelector(query);
  return { path, query, isResource: true, verb, group, version, namespace, resource, name, subresource, rest: segments.slice(at + 3) };
}
