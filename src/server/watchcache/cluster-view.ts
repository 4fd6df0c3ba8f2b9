/**
 * ClusterView over the watch caches: objects parsed on demand. Parsed objects
 * are kept only where they will be asked for again, which is of resources with
 * few objects (namespaces, roles, bindings, quotas), and only so many.
 */
import type { KubeObject } from '../../api/object.ts';
import type { ClusterView } from '../admission/contract.ts';
import type { Revision } from '../../storage/contract.ts';
import type { CacheEntry } from './cache-entry.ts';
import { parseBytes } from './encoding.ts';
import type { ResourceCache } from './resource-cache.ts';

/** Objects of larger resources are parsed each time. */
const smallResourceMax = 2000;
const parsedMax = 8192;
/** Larger objects are parsed each time. */
const parsedBytesMax = 64 << 10;

export function cachedClusterView(
  cacheNamed: (group: string, resource: string) => ResourceCache | undefined,
  fresh: () => Promise<void>,
): ClusterView {
  /** By key in the store, oldest first. The revision says whether it is the version that is asked for. */
  const parsed = new Map<string, { readonly revision: Revision; readonly object: KubeObject }>();
  const parse = (cache: ResourceCache, entry: CacheEntry): KubeObject => {
    if (cache.size > smallResourceMax || entry.length > parsedBytesMax) return parseBytes(entry.bytes);
    const key = cache.resource.storagePrefix + entry.key;
    const known = parsed.get(key);
    if (known?.revision === entry.modRevision) return known.object;
    const object = parseBytes(entry.bytes);
    parsed.delete(key);
    if (parsed.size >= parsedMax) parsed.delete(parsed.keys().next().value as string);
    parsed.set(key, { revision: entry.modRevision, object });
    return object;
  };
  return {
    get(group, resource, namespace, name) {
      const cache = cacheNamed(group, resource);
      const entry = cache?.get(namespace, name);
      return cache && entry ? parse(cache, entry) : undefined;
    },
    *list(group, resource, namespace) {
      const cache = cacheNamed(group, resource);
      if (!cache) return;
      for (const entry of cache.current(namespace)) yield parse(cache, entry);
    },
    fresh,
    onChange(group, resource, callback) {
      return cacheNamed(group, resource)?.onChange(callback) ?? (() => {});
    },
  };
}
