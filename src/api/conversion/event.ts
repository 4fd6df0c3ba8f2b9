/**
 * Core Events and events.k8s.io Events are one resource with two faces. They
 * differ in the names of five fields only; objects are stored in the core form.
 */
import type { KubeObject } from '../object.ts';

const eventsApiVersion = 'events.k8s.io/v1';

/** Name in core/v1, name in events.k8s.io/v1. */
const renamedFields: readonly (readonly [core: string, events: string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
];

const toEvents = new Map(renamedFields);
const toCore = new Map(renamedFields.map(([core, events]) => [events, core]));

/** Not optional on the wire of the newer form: what is not set is sent so. */
const alwaysSent: Readonly<Record<string, unknown>> = {
  deprecatedSource: {},
  deprecatedFirstTimestamp: null,
  deprecatedLastTimestamp: null,
  eventTime: null,
};

function rename(event: KubeObject, names: ReadonlyMap<string, string>, apiVersion: string): KubeObject {
  const renamed: KubeObject = { apiVersion, kind: 'Event', metadata: event.metadata };
  for (const [field, value] of Object.entries(event))
    if (field !== 'apiVersion' && field !== 'kind' && value !== null && value !== undefined)
      renamed[names.get(field) ?? field] = value;
  return renamed;
}

export function coreEventToEvents(event: KubeObject): KubeObject {
  return { ...alwaysSent, ...rename(event, toEvents, eventsApiVersion) };
}

export function eventsEventToCore(event: KubeObject): KubeObject {
  return rename(event, toCore, 'v1');
}

/** An event of either group in the core form. */
export function coreEventOf(event: KubeObject): KubeObject {
  return event.apiVersion === eventsApiVersion ? eventsEventToCore(event) : event;
}

/** The selectable field of the core Event that a field selector of events.k8s.io means, or undefined for none. */
export function coreEventFieldLabel(label: string): string | undefined {
  if (label === 'reportingController') return 'reportingComponent';
  if (label.startsWith('regarding.')) return `involvedObject.${label.slice('regarding.'.length)}`;
  return ['reason', 'type', 'metadata.namespace', 'metadata.name'].includes(label) ? label : undefined;
}
