/**
 * Which paths there are below a group version, and with which methods. What is
 * refused here is refused before a body is looked at, as a router would.
 */
import type { ResourceInfo } from '../../api/catalogue.ts';
import * as errors from '../../api/errors.ts';
import type { RequestInfo } from './request-info.ts';

const ofCollections = new Set(['list', 'watch', 'create', 'deletecollection']);
const acrossNamespaces = new Set(['list', 'watch']);

/** Throws ApiError 404 for a path that leads nowhere, and 405 for one that is not there for the method. */
export function checkRoute(resource: ResourceInfo, info: RequestInfo, method: string): void {
  const inNamespace = info.namespace !== '' && !isNamespaces(resource);
  if (inNamespace && !resource.namespaced) throw errors.pathNotFound();
  if (info.subresource !== '') return checkSubresource(resource, info, method, inNamespace);
  const named = info.name !== '' && !ofCollections.has(info.verb);
  if (resource.namespaced && !inNamespace) {
    if (named) throw errors.pathNotFound();
    if (!acrossNamespaces.has(info.verb)) throw errors.methodNotAllowed();
  }
  const misplaced = info.name === '' ? info.verb === 'update' || info.verb === 'patch' : info.verb === 'create';
  if (misplaced || method === 'HEAD' || !resource.verbs.includes(info.verb)) throw errors.methodNotAllowed();
}

function checkSubresource(resource: ResourceInfo, info: RequestInfo, method: string, inNamespace: boolean): void {
  const known = resource.subresources.find(({ name }) => name === info.subresource);
  const isProxy = info.subresource === 'proxy';
  if (!known || (resource.namespaced && !inNamespace) || (info.rest.length > 0 && !isProxy)) throw errors.pathNotFound();
  // A proxy passes on what is asked, whatever it is.
  if (isProxy && (method === 'HEAD' || method === 'OPTIONS')) return;
  if (!known.verbs.includes(info.verb) || method === 'HEAD') throw errors.methodNotAllowed();
}

/** Their own path has the form of one into a namespace. */
function isNamespaces({ group, resource }: ResourceInfo): boolean {
  return group === '' && resource === 'namespaces';
}
