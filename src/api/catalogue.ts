/**
 * Which resources are served. Built from data at start; custom resources and
 * aggregated APIs add and remove entries while it runs.
 */
import resourceData from './data/resources.json' with { type: 'json' };
import type { GroupVersionKind, ResourceData } from './data/format.ts';
import { metricsResources } from './metrics-api.ts';

export interface ResourceInfo extends Readonly<ResourceData> {
  /** `/registry/<group or core>/<resource>/`: where its objects are kept. All versions of a resource share it. */
  readonly storagePrefix: string;
  /** The version its objects are stored in. */
  readonly storageVersion: string;
}

/** The two resources named `events` are one: they share the core group's storage. */
const storedAs: Readonly<Record<string, { group: string; version: string }>> = {
  'events.k8s.io/events': { group: '', version: 'v1' },
  'autoscaling/horizontalpodautoscalers': { group: 'autoscaling', version: 'v2' },
};

/** Stable versions are on, alpha and beta ones off, as upstream. */
function isStable(version: string): boolean {
  return /^v\d+$/.test(version);
}

export function storagePrefixOf(group: string, resource: string): string {
  return `/registry/${group === '' ? 'core' : group}/${resource}/`;
}

export class Catalogue {
  readonly #resources = new Map<string, ResourceInfo>();
  readonly #kinds = new Map<string, ResourceInfo>();
  /** Raised by every change; discovery and OpenAPI documents are remade when it moved. */
  generation = 0;

  add(resource: ResourceInfo): void {
    this.#resources.set(`${resource.group}/${resource.version}/${resource.resource}`, resource);
    this.#kinds.set(`${resource.group}/${resource.version}/${resource.kind}`, resource);
    this.generation++;
  }

  remove(group: string, version: string, resource: string): void {
    const found = this.lookup(group, version, resource);
    if (!found) return;
    this.#resources.delete(`${group}/${version}/${resource}`);
    this.#kinds.delete(`${group}/${version}/${found.kind}`);
    this.generation++;
  }

  lookup(group: string, version: string, resource: string): ResourceInfo | undefined {
    return this.#resources.get(`${group}/${version}/${resource}`);
  }

  byKind(gvk: GroupVersionKind): ResourceInfo | undefined {
    return this.#kinds.get(`${gvk.group}/${gvk.version}/${gvk.kind}`);
  }

  /** The form in which the objects of a resource are kept: the same resource, in its storage group and version. */
  stored(resource: ResourceInfo): ResourceInfo {
    for (const other of this.#resources.values())
      if (
        other.storagePrefix === resource.storagePrefix &&
        other.version === resource.storageVersion &&
        storagePrefixOf(other.group, other.resource) === resource.storagePrefix
      )
        return other;
    return resource;
  }

  all(): IterableIterator<ResourceInfo> {
    return this.#resources.values();
  }
}

/** Every built-in resource; `include` decides which versions are on. */
export function builtInCatalogue(include: (group: string, version: string) => boolean = (_, version) => isStable(version)): Catalogue {
  const catalogue = new Catalogue();
  for (const entry of resourceData as ResourceData[]) {
    if (!include(entry.group, entry.version)) continue;
    const stored = storedAs[`${entry.group}/${entry.resource}`] ?? { group: entry.group, version: entry.version };
    catalogue.add({ ...entry, storagePrefix: storagePrefixOf(stored.group, entry.resource), storageVersion: stored.version });
  }
  for (const entry of metricsResources) catalogue.add({ ...entry, storagePrefix: storagePrefixOf(entry.group, entry.resource), storageVersion: entry.version });
  return catalogue;
}
