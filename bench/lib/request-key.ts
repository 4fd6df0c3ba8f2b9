/** What kind of call a request is, in the words of upstream's metrics: the unit that API latency is stated for. */

export interface RequestKey {
  /** GET, LIST, POST, PUT, PATCH, DELETE, DELETECOLLECTION, WATCH. */
  readonly verb: string;
  readonly resource: string;
  readonly subresource: string;
  readonly scope: Scope;
}

export type Scope = 'resource' | 'namespace' | 'cluster';

export const formatKey = ({ verb, resource, subresource, scope }: RequestKey): string => `${verb} ${resource}${subresource ? `/${subresource}` : ''} (${scope})`;

/** Of a request to the API of resources, by its method and target; undefined for other paths. */
export function keyOfRequest(method: string, target: string): RequestKey | undefined {
  const [path = '', query = ''] = target.split('?', 2) as [string, string?];
  const [, root, ...rest] = path.split('/');
  if (root !== 'api' && root !== 'apis') return undefined;
  const parts = rest.slice(root === 'api' ? 1 : 2);
  const isNamespaced = parts[0] === 'namespaces' && parts.length > 2 && parts[2] !== 'status' && parts[2] !== 'finalize';
  const [resource, name = '', subresource = ''] = isNamespaced ? parts.slice(2) : parts;
  if (!resource) return undefined;
  const verb = verbOf(method, name !== '', /(?:^|&)watch=(?:true|1)/.test(query));
  return { verb, resource, subresource, scope: name !== '' || verb === 'POST' ? 'resource' : isNamespaced ? 'namespace' : 'cluster' };
}

function verbOf(method: string, hasName: boolean, isWatch: boolean): string {
  if (method === 'GET') return isWatch ? 'WATCH' : hasName ? 'GET' : 'LIST';
  return method === 'DELETE' && !hasName ? 'DELETECOLLECTION' : method;
}

const leftOutVerbs = new Set(['WATCH', 'WATCHLIST', 'CONNECT', 'PROXY']);
const leftOutSubresources = new Set(['exec', 'attach', 'portforward', 'log', 'proxy']);

/** Whether the API's latency objectives speak of such calls: not of events, nor of what takes as long as its user likes. */
export function isCounted({ verb, resource, subresource }: RequestKey): boolean {
  return resource !== 'events' && !leftOutVerbs.has(verb) && !leftOutSubresources.has(subresource);
}

/** Reads of one object, and writes: the calls that must be answered within a second. */
export const isSingle = ({ verb, scope }: RequestKey): boolean => verb !== 'LIST' || scope === 'resource';
