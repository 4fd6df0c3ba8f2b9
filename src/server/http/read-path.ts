/** GET and LIST: out of the watch cache, in the form that was asked for. Nothing is parsed for a reader of JSON. */
import * as errors from '../../api/errors.ts';
import { supportedFieldSelector } from '../../api/selectors/field-labels.ts';
import { parseFieldSelector } from '../../api/selectors/field-selector.ts';
import { parseLabelSelector } from '../../api/selectors/parse-label-selector.ts';
import { SelectorError } from '../../api/selectors/selector-error.ts';
import { subjectOf } from '../registry/registry.ts';
import type { ListRequest } from '../watchcache/list-options.ts';
import type { SelectionRequest } from '../watchcache/selection.ts';
import type { ResourceCall } from './call.ts';
import { sendEntry, sendList } from './respond.ts';

export async function serveRead(call: ResourceCall): Promise<void> {
  if (call.info.verb === 'get') return get(call);
  const list = await call.cache.list(listRequestOf(call));
  await sendList(call, list);
}

async function get(call: ResourceCall): Promise<void> {
  const { info, resource } = call;
  const entry = await call.cache.getFresh(info.namespace, info.name, info.query.get('resourceVersion') ?? '');
  if (!entry) throw errors.notFound(subjectOf(resource, info.name));
  sendEntry(call, 200, entry);
}

/** The selectors of a list, a watch or a deletion of many. Throws ApiError 400 in upstream's words. */
export function selectionOf({ info, stored }: ResourceCall): SelectionRequest {
  const labels = info.query.get('labelSelector');
  const fields = info.query.get('fieldSelector');
  try {
    return {
      namespace: info.namespace === '' || !stored.namespaced ? undefined : info.namespace,
      labelSelector: labels ? parseLabelSelector(labels) : undefined,
      fieldSelector: fields ? supportedFieldSelector(parseFieldSelector(fields), info.group, info.version, info.resource) : undefined,
    };
  } catch (error) {
    if (error instanceof SelectorError) throw errors.badRequest(error.message);
    throw error;
  }
}

export function listRequestOf(call: ResourceCall): ListRequest {
  const { query } = call.info;
  // Means nothing to a list, and is read all the same.
  integerOf(query, 'timeoutSeconds');
  return {
    ...selectionOf(call),
    resourceVersion: query.get('resourceVersion') ?? undefined,
    resourceVersionMatch: query.get('resourceVersionMatch') ?? undefined,
    sendInitialEvents: booleanOf(query, 'sendInitialEvents'),
    continue: query.get('continue') ?? undefined,
    limit: integerOf(query, 'limit'),
  };
}

export function booleanOf(query: URLSearchParams, name: string): boolean | undefined {
  const value = query.get(name);
  return value === null ? undefined : value !== '0' && value.toLowerCase() !== 'false';
}

export function integerOf(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === '') return undefined;
  if (!/^[-+]?\d{1,19}$/.test(value)) throw errors.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  return Number(value);
}
