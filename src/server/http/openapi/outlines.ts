/**
 * Which documents there are and what each holds: for OpenAPI 3.0 one for every
 * group version, every group and every path beside them, for Swagger one for all.
 */
import type { Catalogue, ResourceInfo } from '../../../api/catalogue.ts';
import type { GroupVersionKind } from '../../../api/schema.ts';
import { groupWord, informationPath, objectMediaTypes, pathsOf, rootPath, typesIn, type PathItem } from './operations.ts';
import { metaTypes, reachableTypes } from './schemas.ts';

export interface Outline {
  readonly items: readonly PathItem[];
  /** The names of all types that the items need, sorted. */
  readonly types: readonly string[];
  /** Which of the kinds that share a type the document speaks of. */
  readonly shows: (kind: GroupVersionKind) => boolean;
}

/** A document that can be made. What it says follows from its sources alone. */
export interface Source {
  /** The resources that it describes. */
  readonly resources: readonly ResourceInfo[];
  outline(): Outline;
}

/** Kinds that every group version has, all of one type; a group version's document names the common one and its own. */
const kindsOfAllGroups: ReadonlySet<string> = new Set(['WatchEvent', 'DeleteOptions']);
const watchEvent = `${metaTypes}.WatchEvent`;

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const systemItems: Readonly<Record<string, PathItem>> = {
  '.well-known/openid-configuration': informationPath(
    '/.well-known/openid-configuration/',
    'getServiceAccountIssuerOpenIDConfiguration',
    'WellKnown',
    'The configuration of the issuer of service account tokens.',
    undefined,
    ['application/json'],
  ),
  api: informationPath('/api/', 'getCoreAPIVersions', 'core', 'The versions of the core group.', `${metaTypes}.APIVersions`, objectMediaTypes),
  apis: informationPath('/apis/', 'getAPIVersions', 'apis', 'The groups of the API.', `${metaTypes}.APIGroupList`, objectMediaTypes),
  'openid/v1/jwks': informationPath(
    '/openid/v1/jwks/',
    'getServiceAccountIssuerOpenIDKeyset',
    'openid',
    'The public keys of the issuer of service account tokens.',
    undefined,
    ['application/jwk-set+json'],
  ),
  version: informationPath('/version/', 'getCodeVersion', 'version', 'The version of the API server.', 'io.k8s.apimachinery.pkg.version.Info', ['application/json']),
};

function groupItem(group: string): PathItem {
  const word = groupWord(group);
  return informationPath(`/apis/${group}/`, `get${upperFirst(word)}APIGroup`, word, `The versions of the group ${group}.`, `${metaTypes}.APIGroup`, objectMediaTypes);
}

function versionItem(group: string, version: string): PathItem {
  const word = groupWord(group);
  const id = `get${upperFirst(word)}${upperFirst(version)}APIResources`;
  return informationPath(`${rootPath(group, version)}/`, id, `${word}_${version}`, `The resources of ${group === '' ? '' : `${group}/`}${version}.`, `${metaTypes}.APIResourceList`, objectMediaTypes);
}

function byPath(a: PathItem, b: PathItem): number {
  return a.path < b.path ? -1 : 1;
}

function outline(items: PathItem[], withEvents: boolean, shows: Outline['shows']): Outline {
  const types = typesIn(items);
  if (withEvents) types.add(watchEvent);
  return { items: items.sort(byPath), types: reachableTypes(types), shows };
}

function isWatched({ verbs }: ResourceInfo): boolean {
  return verbs.includes('watch');
}

function infoSource(item: PathItem): Source {
  return { resources: [], outline: () => outline([item], false, ({ group }) => group === '') };
}

/** The documents of OpenAPI 3.0 by their path below /openapi/v3/, in order. */
export function sourcesV3(catalogue: Catalogue): Map<string, Source> {
  const versions = new Map<string, ResourceInfo[]>();
  const sources: [string, Source][] = Object.entries(systemItems).map(([key, item]) => [key, infoSource(item)]);
  const groups = new Set<string>();
  for (const resource of catalogue.all()) {
    const key = rootPath(resource.group, resource.version).slice(1);
    const known = versions.get(key);
    if (known) known.push(resource);
    else versions.set(key, [resource]);
    if (resource.group !== '') groups.add(resource.group);
  }
  for (const group of groups) sources.push([`apis/${group}`, infoSource(groupItem(group))]);
  for (const [key, resources] of versions) {
    const { group, version } = resources[0] as ResourceInfo;
    const shows = (kind: GroupVersionKind): boolean =>
      !kindsOfAllGroups.has(kind.kind) || (kind.group === '' && kind.version === 'v1') || (kind.group === group && kind.version === version);
    const make = (): Outline => outline([versionItem(group, version), ...resources.flatMap(pathsOf)], resources.some(isWatched), shows);
    sources.push([key, { resources, outline: make }]);
  }
  return new Map(sources.sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function sourceV2(catalogue: Catalogue): Source {
  const resources = [...catalogue.all()];
  return {
    resources,
    outline: () => {
      const groups = new Set(resources.map(({ group }) => group).filter((group) => group !== ''));
      const versions = new Map(resources.map(({ group, version }) => [`${group}/${version}`, versionItem(group, version)]));
      return outline([...Object.values(systemItems), ...[...groups].map(groupItem), ...versions.values(), ...resources.flatMap(pathsOf)], true, () => true);
    },
  };
}
