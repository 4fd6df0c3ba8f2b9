/**
 * What can be done at every path of a resource, in neither dialect: the paths
 * follow from whether the resource is namespaced, the operations from its verbs.
 */
import type { ResourceInfo } from '../../../api/catalogue.ts';
import type { GroupVersionKind } from '../../../api/schema.ts';
import * as parameters from './parameters.ts';
import type { Parameter } from './parameters.ts';
import { metaTypes, patchType, typeOfKind } from './schemas.ts';

export type Method = 'get' | 'put' | 'post' | 'delete' | 'options' | 'head' | 'patch';

export interface Answer {
  readonly code: number;
  readonly description: string;
  /** Absent where the answer is text. */
  readonly type: string | undefined;
}

export interface Operation {
  readonly method: Method;
  readonly id: string;
  readonly tag: string;
  readonly description: string;
  readonly action?: string;
  readonly kind?: GroupVersionKind;
  readonly parameters: readonly Parameter[];
  readonly body?: { readonly type: string; readonly required: boolean; readonly mediaTypes: readonly string[] };
  readonly answers: readonly Answer[];
  readonly produces: readonly string[];
}

export interface PathItem {
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly operations: readonly Operation[];
}

const anyMediaType = ['*/*'];
export const objectMediaTypes = ['application/json', 'application/vnd.kubernetes.protobuf', 'application/yaml'];
const listMediaTypes = [...objectMediaTypes, 'application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'].sort();
const patchMediaTypes = ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json'];

const deleteOptions = `${metaTypes}.DeleteOptions`;
const status = `${metaTypes}.Status`;

/** Kinds whose deletion is answered with the object, not with a Status. */
const answeredWhenDeleted: ReadonlySet<string> = new Set(
  ['PersistentVolumeClaim', 'Pod', 'PodTemplate', 'ResourceQuota', 'ServiceAccount', 'Service', 'PersistentVolume']
    .concat(['DeviceClass', 'ResourceClaim', 'ResourceClaimTemplate', 'ResourceSlice'])
    .concat(['CSIDriver', 'CSINode', 'StorageClass', 'VolumeAttachment', 'VolumeAttributesClass']),
);

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `rbac.authorization.k8s.io` is rbacAuthorization; the group without a name is core. */
export function groupWord(group: string): string {
  const [first = '', ...rest] = (group === '' ? 'core' : group.replace(/\.k8s\.io$/, '')).split(/[.-]/);
  return first + rest.map(upperFirst).join('');
}

export function rootPath(group: string, version: string): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}

function answers(type: string | undefined, ...codes: number[]): Answer[] {
  const words: Readonly<Record<number, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };
  return codes.map((code) => ({ code, description: words[code] ?? '', type }));
}

export function listTypeOf(resource: ResourceInfo): string {
  return `${resource.type}List`;
}

/** What the operations at the paths of one resource have in common. */
interface Naming {
  readonly resource: ResourceInfo;
  readonly tag: string;
  /** `AppsV1`. */
  readonly group: string;
  /** `NamespacedDeployment`. */
  readonly object: string;
}

function namingOf(resource: ResourceInfo): Naming {
  const word = groupWord(resource.group);
  return {
    resource,
    tag: `${word}_${resource.version}`,
    group: upperFirst(word) + upperFirst(resource.version),
    object: (resource.namespaced ? 'Namespaced' : '') + resource.kind,
  };
}

/** What an operation works on: the resource itself or a subresource that is an object. */
interface Target {
  readonly naming: Naming;
  readonly type: string;
  readonly kind: GroupVersionKind;
  /** `Status` for the subresource status. */
  readonly suffix: string;
  /** In words, for descriptions. */
  readonly words: string;
}

function operation(target: Target, method: Method, verb: string, action: string, rest: Pick<Operation, 'description' | 'parameters' | 'answers'> & Partial<Operation>): Operation {
  const { naming, kind, suffix } = target;
  return { method, id: verb + naming.group + naming.object + suffix, tag: naming.tag, action, kind, produces: objectMediaTypes, ...rest };
}

const objectOperations: Readonly<Record<string, (target: Target) => Operation>> = {
  create: (target) =>
    operation(target, 'post', 'create', 'post', {
      description: `Create ${target.words}.`,
      parameters: parameters.writeParameters,
      body: { type: target.type, required: true, mediaTypes: anyMediaType },
      answers: answers(target.type, 200, 201, 202),
    }),
  get: (target) => operation(target, 'get', 'read', 'get', { description: `Read ${target.words}.`, parameters: [], answers: answers(target.type, 200) }),
  update: (target) =>
    operation(target, 'put', 'replace', 'put', {
      description: `Replace ${target.words}.`,
      parameters: parameters.writeParameters,
      body: { type: target.type, required: true, mediaTypes: anyMediaType },
      answers: answers(target.type, 200, 201),
    }),
  patch: (target) =>
    operation(target, 'patch', 'patch', 'patch', {
      description: `Change parts of ${target.words}.`,
      parameters: parameters.patchParameters,
      body: { type: patchType, required: true, mediaTypes: patchMediaTypes },
      answers: answers(target.type, 200, 201),
    }),
  delete: (target) =>
    operation(target, 'delete', 'delete', 'delete', {
      description: `Delete ${target.words}.`,
      parameters: parameters.deleteParameters,
      body: { type: deleteOptions, required: false, mediaTypes: anyMediaType },
      answers: answers(answeredWhenDeleted.has(target.kind.kind) ? target.type : status, 200, 202),
    }),
};

function listOperation(target: Target, id: string): Operation {
  return operation(target, 'get', 'list', 'list', {
    id,
    description: `List or watch ${target.naming.resource.resource}.`,
    parameters: parameters.listParameters,
    answers: answers(listTypeOf(target.naming.resource), 200),
    produces: listMediaTypes,
  });
}

function deleteCollectionOperation(target: Target): Operation {
  const { group, object, resource } = target.naming;
  return operation(target, 'delete', 'delete', 'deletecollection', {
    id: `delete${group}Collection${object}`,
    description: `Delete many ${resource.resource}.`,
    parameters: parameters.deleteCollectionParameters,
    body: { type: deleteOptions, required: false, mediaTypes: anyMediaType },
    answers: answers(status, 200),
  });
}

function item(path: string, common: readonly Parameter[], operations: readonly (Operation | undefined | false)[]): PathItem[] {
  const present = operations.filter((one): one is Operation => Boolean(one));
  return present.length === 0 ? [] : [{ path, parameters: common, operations: present }];
}

function objectOperation(target: Target, verbs: readonly string[], verb: string): Operation | undefined {
  return verbs.includes(verb) ? objectOperations[verb]?.(target) : undefined;
}

export function pathsOf(resource: ResourceInfo): PathItem[] {
  const { group, version, kind, namespaced, verbs } = resource;
  const naming = namingOf(resource);
  const root = rootPath(group, version);
  const collection = `${root}/${namespaced ? 'namespaces/{namespace}/' : ''}${resource.resource}`;
  const target: Target = { naming, type: resource.type, kind: { group, version, kind }, suffix: '', words: `the ${kind}` };
  const where = namespaced ? [parameters.namespaceParameter] : [];
  const pretty = parameters.prettyParameter;
  const lists = verbs.includes('list');
  return [
    ...item(collection, [...where, ...pretty], [
      lists && listOperation(target, `list${naming.group}${naming.object}`),
      objectOperation(target, verbs, 'create'),
      verbs.includes('deletecollection') && deleteCollectionOperation(target),
    ]),
    ...item(`${root}/${resource.resource}`, pretty, [namespaced && lists && listOperation(target, `list${naming.group}${kind}ForAllNamespaces`)]),
    ...item(
      `${collection}/{name}`,
      [parameters.nameParameter(kind), ...where, ...pretty],
      ['get', 'update', 'delete', 'patch'].map((verb) => objectOperation(target, verbs, verb)),
    ),
    ...resource.subresources.flatMap((subresource) => subresourcePaths(naming, subresource, `${collection}/{name}/${subresource.name}`, where)),
  ];
}

type Subresource = ResourceInfo['subresources'][number];

function subresourcePaths(naming: Naming, { name, kind, verbs }: Subresource, path: string, where: readonly Parameter[]): PathItem[] {
  const { resource } = naming;
  const own = parameters.subresourceParameters[`${resource.resource}/${name}`] ?? [];
  const common = [parameters.nameParameter(kind.kind), ...where];
  if (kind.kind.endsWith('Options')) return connectPaths(naming, { name, kind, verbs }, path, [...own, ...common]);
  const type = kind.group === resource.group && kind.version === resource.version && kind.kind === resource.kind ? resource.type : typeOfKind(kind);
  const target: Target = { naming, type: type ?? resource.type, kind, suffix: upperFirst(name), words: `the ${name} of the ${resource.kind}` };
  const operations = ['get', 'create', 'update', 'patch'].map((verb) => objectOperation(target, verbs, verb));
  if (name === 'log') {
    const text = operations.map((one) => one && { ...one, answers: answers(undefined, 200), produces: [...objectMediaTypes, 'text/plain'].sort() });
    return item(path, [...own, ...common, ...parameters.prettyParameter], text);
  }
  return item(path, [...common, ...parameters.prettyParameter], operations);
}

const connectMethods: readonly (readonly [verb: string, Method])[] = [
  ['get', 'get'],
  ['update', 'put'],
  ['create', 'post'],
  ['delete', 'delete'],
  ['patch', 'patch'],
];

/** Streams and proxies: what is asked and answered is not the API's. */
function connectPaths(naming: Naming, { name, kind, verbs }: Subresource, path: string, common: readonly Parameter[]): PathItem[] {
  const isProxy = name === 'proxy';
  const methods = connectMethods.filter(([verb]) => verbs.includes(verb)).map(([, method]) => method);
  const operations = (suffix: string): Operation[] =>
    [...methods, ...(isProxy ? (['options', 'head'] as const) : [])].map((method) => ({
      method,
      id: `connect${naming.group}${upperFirst(method)}${naming.object}${upperFirst(name)}${suffix}`,
      tag: naming.tag,
      description: `Connect to the ${name} of the ${naming.resource.kind}.`,
      action: 'connect',
      kind,
      parameters: [],
      answers: answers(undefined, 200),
      produces: anyMediaType,
    }));
  return [...item(path, common, operations('')), ...(isProxy ? item(`${path}/{path}`, [...common, parameters.restOfPathParameter], operations('WithPath')) : [])];
}

/** A path that only tells something: discovery, the version, the issuer's documents. */
export function informationPath(path: string, id: string, tag: string, description: string, type: string | undefined, produces: readonly string[]): PathItem {
  return { path, parameters: [], operations: [{ method: 'get', id, tag, description, parameters: [], answers: answers(type, 200), produces }] };
}

/** The types that an item's operations take and answer with. */
export function typesIn(items: Iterable<PathItem>): Set<string> {
  const types = new Set<string>();
  for (const { operations } of items)
    for (const { body, answers: given } of operations) {
      if (body) types.add(body.type);
      for (const { type } of given) if (type !== undefined) types.add(type);
    }
  return types;
}
