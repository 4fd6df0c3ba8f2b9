/** Asks the server which resources it serves: one request where it knows aggregated discovery (every 1.27+ server). */
import { parseGroupVersion } from '../api/object.ts';
import type { Client } from './client.ts';
import type { Resource } from './resource.ts';

export interface ServedResource extends Resource {
  readonly verbs: readonly string[];
}

export interface Discovery {
  /** One entry a resource, in the version that its group prefers. */
  readonly resources: readonly ServedResource[];
  /** Group versions that could not be asked: an aggregated API that is down. */
  readonly stale: readonly string[];
}

interface GroupDiscovery {
  readonly metadata?: { readonly name?: string };
  readonly versions?: readonly {
    readonly version: string;
    readonly freshness?: string;
    readonly resources?: readonly {
      readonly resource: string;
      readonly scope: string;
      readonly verbs?: readonly string[];
      readonly responseKind?: { readonly group?: string; readonly version?: string; readonly kind?: string };
    }[];
  }[];
}

const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

export async function discover(client: Client, signal?: AbortSignal): Promise<Discovery> {
  const [core, groups] = await Promise.all(['/api', '/apis'].map((path) => client.json<{ items?: GroupDiscovery[] }>('GET', path, undefined, { accept, signal })));
  const resources: ServedResource[] = [];
  const stale: string[] = [];
  for (const group of [...(core?.items ?? []), ...(groups?.items ?? [])]) readGroup(group, resources, stale);
  return { resources, stale };
}

/** Versions come in the group's order of preference; the first that has a resource speaks for it. */
function readGroup(discovered: GroupDiscovery, resources: ServedResource[], stale: string[]): void {
  const group = discovered.metadata?.name ?? '';
  const seen = new Set<string>();
  for (const { version, freshness, resources: served = [] } of discovered.versions ?? []) {
    if (freshness === 'Stale') stale.push(group === '' ? version : `${group}/${version}`);
    for (const { resource, scope, verbs = [], responseKind } of served) {
      if (seen.has(resource)) continue;
      seen.add(resource);
      resources.push({ group, version, resource, kind: responseKind?.kind ?? '', namespaced: scope === 'Namespaced', verbs });
    }
  }
}

/** Finds the resource of an owner reference's apiVersion and kind among those served; another version of the same kind will do. */
export function resourceOfKind(resources: readonly ServedResource[], apiVersion: string, kind: string): ServedResource | undefined {
  const { group, version } = parseGroupVersion(apiVersion);
  let other: ServedResource | undefined;
  for (const resource of resources) {
    if (resource.group !== group || resource.kind !== kind) continue;
    if (resource.version === version) return resource;
    other ??= resource;
  }
  return other;
}
