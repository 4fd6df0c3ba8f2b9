/** events.k8s.io/v1: the fields of the core form that are not optional on the wire. */
import type { Event } from '../types/events-v1.ts';
import { defaulter, type Defaulters } from './kind-defaulter.ts';

const unset = null as unknown as string;

export const defaulters: Defaulters = {
  'events.k8s.io/v1/Event': defaulter<Event>((event) => {
    event.deprecatedSource ??= {};
    event.deprecatedFirstTimestamp ??= unset;
    event.deprecatedLastTimestamp ??= unset;
    event.eventTime ??= unset;
  }),
};
