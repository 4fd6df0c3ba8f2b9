/**
 * containerd's own service of events, which it has beside CRI on the same
 * socket: what a runtime without CRI's GetContainerEvents tells.
 */
import { grpcMethods } from '../../base/grpc-table.ts';

const method = grpcMethods({
  package: 'containerd.services.events.v1',
  messages: {
    SubscribeRequest: { filters: ['string', 1, 'repeated'] },
    Any: { value: ['bytes', 2] },
    Envelope: { topic: ['string', 3], event: ['Any', 4] },
  },
  services: { Events: { Subscribe: ['SubscribeRequest', 'Envelope', 'response'] } },
  longs: Number,
});

export interface Envelope {
  readonly topic: string;
  readonly event: { readonly value: Buffer } | null;
}

/** Filters are alternatives; within one, a comma says "and". */
export const subscribe = method<{ readonly filters: readonly string[] }, Envelope>('Events', 'Subscribe');

/**
 * Events of tasks are messages whose first field is the container's id, and of
 * an exit the second that of the process; ids are shorter than 128 bytes, so
 * their lengths take one.
 */
export function namedByTaskEvent(event: Buffer): { readonly containerId: string; readonly processId: string } {
  const readString = (field: number, at: number) => (event[at] === ((field << 3) | 2) ? event.toString('utf8', at + 2, at + 2 + (event[at + 1] ?? 0)) : '');
  const containerId = readString(1, 0);
  return { containerId, processId: readString(2, 2 + containerId.length) };
}
