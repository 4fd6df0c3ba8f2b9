/**
 * Which fields of which resource a field selector may name, how the names of
 * one API version map to those that are indexed, and how the values are read
 * off an object. metadata.name and metadata.namespace are not listed: they are
 * part of every object's key. Facts: upstream's AddFieldLabelConversionFunc
 * calls and the ToSelectableFields of its strategies.
 */
import type { KubeObject } from '../object.ts';
import type { FieldSelector } from './field-selector.ts';
import { SelectorError } from './selector-error.ts';

/** One selectable field: where its value stands and what it is where nothing stands there. */
interface FieldSource {
  readonly paths: readonly (readonly string[])[];
  readonly absent: string;
}

/** The fields of one stored resource that selectors can name, in the order in which their values are kept. */
export class SelectableFields {
  readonly names: readonly string[];
  /** Where in an object the values stand: what `valuesOf` needs to see of it. */
  readonly paths: readonly (readonly string[])[];
  readonly #sources: readonly FieldSource[];

  constructor(sources: Readonly<Record<string, FieldSource>>) {
    this.names = Object.keys(sources);
    this.#sources = Object.values(sources);
    this.paths = this.#sources.flatMap((source) => source.paths);
  }

  /** The values for `names`. */
  valuesOf(object: KubeObject): string[] {
    return this.#sources.map((source) => valueOf(object, source));
  }
}

function valueOf(object: KubeObject, { paths, absent }: FieldSource): string {
  for (const path of paths) {
    let value: unknown = object;
    for (const step of path) {
      if (typeof value !== 'object' || value === null) {
        value = undefined;
        break;
      }
      value = (value as Record<string, unknown>)[step];
    }
    if (value !== undefined && value !== null && value !== '') return String(value);
  }
  return absent;
}

const at = (path: string, absent = ''): FieldSource => ({ paths: [path.split('.')], absent });

const eventFields: Readonly<Record<string, FieldSource>> = {
  'involvedObject.kind': at('involvedObject.kind'),
  'involvedObject.namespace': at('involvedObject.namespace'),
  'involvedObject.name': at('involvedObject.name'),
  'involvedObject.uid': at('involvedObject.uid'),
  'involvedObject.apiVersion': at('involvedObject.apiVersion'),
  'involvedObject.resourceVersion': at('involvedObject.resourceVersion'),
  'involvedObject.fieldPath': at('involvedObject.fieldPath'),
  reason: at('reason'),
  reportingComponent: at('reportingComponent'),
  source: { paths: [['source', 'component'], ['reportingComponent']], absent: '' },
  type: at('type'),
};

interface ResourceLabels {
  readonly fields: Readonly<Record<string, FieldSource>>;
  /** False: metadata.namespace is refused for this kind. */
  readonly namespace: boolean;
  /** Names that stand for another. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Only these names are accepted, each standing for an indexed one. */
  readonly only?: Readonly<Record<string, string>>;
  readonly unsupported?: (label: string, version: string) => string;
}

const table: Readonly<Record<string, ResourceLabels>> = {
  '/pods': {
    namespace: true,
    fields: {
      'spec.nodeName': at('spec.nodeName'),
      'spec.restartPolicy': at('spec.restartPolicy'),
      'spec.schedulerName': at('spec.schedulerName'),
      'spec.serviceAccountName': at('spec.serviceAccountName'),
      'spec.hostNetwork': at('spec.hostNetwork', 'false'),
      'status.phase': at('status.phase'),
      'status.podIP': {
        paths: [
          ['status', 'podIPs', '0', 'ip'],
          ['status', 'podIP'],
        ],
        absent: '',
      },
      // Accepted, but without a value upstream.
      'status.podIPs': { paths: [], absent: '' },
      'status.nominatedNodeName': at('status.nominatedNodeName'),
    },
    aliases: { 'spec.host': 'spec.nodeName' },
  },
  '/nodes': { namespace: false, fields: { 'spec.unschedulable': at('spec.unschedulable', 'false') } },
  '/namespaces': { namespace: false, fields: { 'status.phase': at('status.phase') } },
  '/secrets': { namespace: true, fields: { type: at('type') } },
  '/services': {
    namespace: true,
    fields: { 'spec.clusterIP': at('spec.clusterIP'), 'spec.type': at('spec.type') },
  },
  '/replicationcontrollers': { namespace: true, fields: { 'status.replicas': at('status.replicas', '0') } },
  '/events': { namespace: true, fields: eventFields },
  'events.k8s.io/events': {
    namespace: true,
    fields: eventFields,
    only: {
      reason: 'reason',
      'regarding.kind': 'involvedObject.kind',
      'regarding.namespace': 'involvedObject.namespace',
      'regarding.name': 'involvedObject.name',
      'regarding.uid': 'involvedObject.uid',
      'regarding.apiVersion': 'involvedObject.apiVersion',
      'regarding.resourceVersion': 'involvedObject.resourceVersion',
      'regarding.fieldPath': 'involvedObject.fieldPath',
      reportingController: 'reportingComponent',
      type: 'type',
    },
  },
  'batch/jobs': {
    namespace: true,
    fields: { 'status.successful': at('status.succeeded', '0') },
    unsupported: (label) => `field label ${JSON.stringify(label)} not supported for Job`,
  },
  'certificates.k8s.io/certificatesigningrequests': {
    namespace: false,
    fields: { 'spec.signerName': at('spec.signerName') },
  },
  'certificates.k8s.io/clustertrustbundles': {
    namespace: false,
    fields: { 'spec.signerName': at('spec.signerName') },
  },
  'certificates.k8s.io/podcertificaterequests': {
    namespace: false,
    fields: {
      'spec.signerName': at('spec.signerName'),
      'spec.podName': at('spec.podName'),
      'spec.nodeName': at('spec.nodeName'),
    },
  },
  'resource.k8s.io/resourceslices': {
    namespace: false,
    fields: { 'spec.nodeName': at('spec.nodeName'), 'spec.driver': at('spec.driver') },
    unsupported: (label, version) =>
      `field label not supported for resource.k8s.io/${version}, Kind=ResourceSlice: ${label}`,
  },
};

function labelsOf(group: string, resource: string): ResourceLabels | undefined {
  const key = `${group}/${resource}`;
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

const noFields = new SelectableFields({});
const selectable = new Map(
  Object.entries(table).map(([key, labels]) => [key, new SelectableFields(labels.fields)]),
);

/** What the cache keeps of a built-in resource for field selectors. */
export function selectableFieldsOf(group: string, resource: string): SelectableFields {
  return selectable.get(`${group}/${resource}`) ?? noFields;
}

/** What the cache keeps of a custom resource: its `selectableFields`, as dotted paths without the leading dot. */
export function customSelectableFields(paths: readonly string[]): SelectableFields {
  return new SelectableFields(Object.fromEntries(paths.map((path) => [path, at(path)])));
}

/** The fields that are worth an index: many watchers and lists pin them. */
export function indexedFieldsOf(group: string, resource: string): readonly string[] {
  return group === '' && resource === 'pods'
    ? ['spec.nodeName']
    : group === 'resource.k8s.io' && resource === 'resourceslices'
      ? ['spec.nodeName']
      : [];
}

/**
 * The selector in the names that are indexed. Throws SelectorError with the
 * text that the API answers for a field that the resource does not offer.
 */
export function supportedFieldSelector(
  selector: FieldSelector,
  group: string,
  version: string,
  resource: string,
): FieldSelector {
  if (selector.isEmpty) return selector;
  const labels = labelsOf(group, resource);
  return selector.renamed((field) => {
    if (field === 'metadata.name') return field;
    if (field === 'metadata.namespace' && labels?.namespace !== false) return field;
    if (!labels) {
      throw new SelectorError(
        `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
      );
    }
    const accepted = labels.only ?? labels.aliases ?? {};
    if (Object.hasOwn(accepted, field)) return accepted[field] as string;
    if (!labels.only && Object.hasOwn(labels.fields, field)) return field;
    throw new SelectorError(labels.unsupported?.(field, version) ?? `field label not supported: ${field}`);
  });
}
