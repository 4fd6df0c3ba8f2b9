/** What is served, said in the three ways clients ask: legacy lists, group documents, and the aggregated form. */
import { createHash } from 'node:crypto';
import type { Catalogue, ResourceInfo } from '../../../api/catalogue.ts';
import { formatGroupVersion, type GroupVersion } from '../../../api/object.ts';

/** Upstream's order of groups: what kubectl prefers where a short name is in two. */
const groupOrder = [
  '', 'apiregistration.k8s.io', 'apps', 'events.k8s.io', 'authentication.k8s.io', 'authorization.k8s.io', 'autoscaling', 'batch',
  'certificates.k8s.io', 'networking.k8s.io', 'policy', 'rbac.authorization.k8s.io', 'storage.k8s.io', 'admissionregistration.k8s.io',
  'apiextensions.k8s.io', 'scheduling.k8s.io', 'coordination.k8s.io', 'node.k8s.io', 'discovery.k8s.io', 'resource.k8s.io',
  'flowcontrol.apiserver.k8s.io', 'internal.apiserver.k8s.io', 'storagemigration.k8s.io',
];

interface ServedGroup {
  readonly name: string;
  /** Preferred first. */
  readonly versions: readonly ServedVersion[];
}

interface ServedVersion extends GroupVersion {
  readonly resources: readonly ResourceInfo[];
}

/** GA before beta before alpha, the newer before the older. */
function versionRank(version: string): number {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (!match) return -1;
  const stage = match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0;
  return stage * 1e6 + Number(match[1]) * 1e3 + Number(match[3] ?? 0);
}

export function servedGroups(catalogue: Catalogue): ServedGroup[] {
  const byGroup = new Map<string, Map<string, ResourceInfo[]>>();
  for (const resource of catalogue.all()) {
    let versions = byGroup.get(resource.group);
    if (!versions) byGroup.set(resource.group, (versions = new Map()));
    const list = versions.get(resource.version);
    if (list) list.push(resource);
    else versions.set(resource.version, [resource]);
  }
  const place = (group: string) => {
    const at = groupOrder.indexOf(group);
    return at < 0 ? groupOrder.length : at;
  };
  return [...byGroup]
    .sort(([a], [b]) => place(a) - place(b) || (a < b ? -1 : 1))
    .map(([name, versions]) => ({
      name,
      versions: [...versions]
        .sort(([a], [b]) => versionRank(b) - versionRank(a))
        .map(([version, resources]) => ({
          group: name,
          version,
          resources: resources.sort((a, b) => (a.resource < b.resource ? -1 : 1)),
        })),
    }));
}

/** /api */
export function coreVersions(serverAddress: string): unknown {
  return {
    kind: 'APIVersions',
    apiVersion: 'v1',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

function groupDocument({ name, versions }: ServedGroup) {
  const list = versions.map((version) => ({ groupVersion: formatGroupVersion(version), version: version.version }));
  return { name, versions: list, preferredVersion: list[0] };
}

/** /apis */
export function groupList(catalogue: Catalogue): unknown {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: servedGroups(catalogue).filter(({ name }) => name !== '').map(groupDocument) };
}

/** /apis/{group}; undefined where there is none. */
export function groupOf(catalogue: Catalogue, name: string): unknown {
  const group = servedGroups(catalogue).find((candidate) => candidate.name === name);
  return group && { kind: 'APIGroup', apiVersion: 'v1', ...groupDocument(group) };
}

/** As upstream computes it: which storage a resource is in, so that clients may cache. */
export function storageVersionHash(group: string, version: string, kind: string): string {
  return createHash('sha256').update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString('base64');
}

/** /api/v1 and /apis/{group}/{version}; undefined where there is none. */
export function resourceList(catalogue: Catalogue, wanted: GroupVersion): unknown {
  const version = servedGroups(catalogue)
    .find(({ name }) => name === wanted.group)
    ?.versions.find((candidate) => candidate.version === wanted.version);
  if (!version) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: formatGroupVersion(wanted),
    resources: version.resources.flatMap((resource) => [legacyResource(catalogue, resource), ...legacySubresources(resource)]),
  };
}

function legacyResource(catalogue: Catalogue, resource: ResourceInfo): unknown {
  const { verbs, shortNames, categories } = resource;
  const stored = catalogue.stored(resource);
  const isStored = verbs.includes('get') && verbs.includes('create');
  return {
    name: resource.resource,
    singularName: resource.singular,
    namespaced: resource.namespaced,
    kind: resource.kind,
    verbs,
    ...(shortNames.length ? { shortNames } : {}),
    ...(categories.length ? { categories } : {}),
    ...(isStored ? { storageVersionHash: storageVersionHash(stored.group, stored.version, stored.kind) } : {}),
  };
}

function legacySubresources(resource: ResourceInfo): unknown[] {
  return resource.subresources.map(({ name, kind, verbs }) => {
    const foreign = kind.group !== resource.group || kind.version !== resource.version;
    return {
      name: `${resource.resource}/${name}`,
      singularName: '',
      namespaced: resource.namespaced,
      ...(foreign ? { group: kind.group, version: kind.version } : {}),
      kind: kind.kind,
      verbs,
    };
  });
}

/** The aggregated form of /api (core) or /apis (the rest): all groups with all resources in one document. */
export function aggregated(catalogue: Catalogue, core: boolean, version: 'v2' | 'v2beta1'): unknown {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: servedGroups(catalogue)
      .filter(({ name }) => (name === '') === core)
      .map(({ name, versions }) => ({
        metadata: name === '' ? {} : { name },
        versions: versions.map((served) => ({ version: served.version, resources: served.resources.map(aggregatedResource), freshness: 'Current' })),
      })),
  };
}

function aggregatedResource(resource: ResourceInfo): unknown {
  const { shortNames, categories, subresources } = resource;
  const kindOf = (kind: { group: string; version: string; kind: string }) => ({
    group: kind.group === resource.group ? '' : kind.group,
    version: kind.group === resource.group && kind.version === resource.version ? '' : kind.version,
    kind: kind.kind,
  });
  return {
    resource: resource.resource,
    responseKind: { group: '', version: '', kind: resource.kind },
    scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: resource.singular,
    verbs: resource.verbs,
    ...(shortNames.length ? { shortNames } : {}),
    ...(categories.length ? { categories } : {}),
    ...(subresources.length
      ? { subresources: subresources.map(({ name, kind, verbs }) => ({ subresource: name, responseKind: kindOf(kind), verbs })) }
      : {}),
  };
}
