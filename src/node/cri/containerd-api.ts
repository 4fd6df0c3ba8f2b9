/**
 * containerd's own services, which it has beside CRI on the same socket: its
 * events, for runtimes without CRI's GetContainerEvents, and its snapshots, for
 * those without mounts of images.
 */
import { grpcMethods } from '../../base/grpc-table.ts';

/** Where containerd keeps what is CRI's. */
export const containerdNamespace = 'k8s.io';

const eventsMethod = grpcMethods({
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
export const subscribe = eventsMethod<{ readonly filters: readonly string[] }, Envelope>('Events', 'Subscribe');

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

const snapshotsMethod = grpcMethods({
  package: 'containerd.services.snapshots.v1',
  messages: {
    Mount: { type: ['string', 1], source: ['string', 2], options: ['string', 4, 'repeated'] },
    ViewSnapshotRequest: { snapshotter: ['string', 1], key: ['string', 2], parent: ['string', 3], labels: ['string', 4, 'map'] },
    SnapshotRequest: { snapshotter: ['string', 1], key: ['string', 2] },
    MountsResponse: { mounts: ['Mount', 1, 'repeated'] },
    Empty: {},
  },
  services: { Snapshots: { View: ['ViewSnapshotRequest', 'MountsResponse'], Mounts: ['SnapshotRequest', 'MountsResponse'], Remove: ['SnapshotRequest', 'Empty'] } },
  longs: Number,
});

/** As mount(8) takes it. */
export interface SnapshotMount {
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

interface SnapshotRequest {
  readonly snapshotter: string;
  readonly key: string;
}

interface MountsResponse {
  readonly mounts: readonly SnapshotMount[];
}

export const snapshots = {
  view: snapshotsMethod<SnapshotRequest & { readonly parent: string; readonly labels: Readonly<Record<string, string>> }, MountsResponse>('Snapshots', 'View'),
  mounts: snapshotsMethod<SnapshotRequest, MountsResponse>('Snapshots', 'Mounts'),
  remove: snapshotsMethod<SnapshotRequest, Record<string, never>>('Snapshots', 'Remove'),
} as const;
