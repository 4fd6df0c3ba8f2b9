/**
 * Watches over nodes: one whose lease and status stand still for the grace
 * period is said to be of unknown state, its pods not ready; taints follow the
 * conditions, and with them (taint-eviction/) the pods move elsewhere.
 *
 * Silence is measured by when a heartbeat was seen here, never by the time it
 * carries: clocks of nodes need not agree with ours.
 */
import type { Lease } from '../../api/types/coordination-v1.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import { formatTime } from '../../base/clock.ts';
import { isNotFound } from '../../client/failure.ts';
import { leases, nodes, pods } from '../../client/resources.ts';
import { TokenBucket } from '../../client/token-bucket.ts';
import type { ControllerContext, ControllerFactory } from '../runtime/context.ts';
import { isReady } from '../runtime/pod-state.ts';
import { indexByNode } from '../runtime/pods-by-node.ts';
import { periodically, reconciler } from '../runtime/reconciler.ts';
import { readyStatus, silentConditions, wantedNoExecute, wantedTaints } from './node-health.ts';
import { evictionRate, zoneState } from './zone-disruption.ts';

const monitorPeriodMs = 5_000;
const graceMs = 50_000;
/** A node that has never reported is given longer. */
const startupGraceMs = 60_000;
const leaseNamespace = 'kube-node-lease';
const zoneLabels = ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone'];

interface Heartbeat {
  /** What of the node and its lease changes with each heartbeat. */
  text: string;
  /** When it last changed, by our monotonic clock. */
  seenAt: number;
}

export const nodeLifecycleController: ControllerFactory = (context) => {
  const { client, clock } = context;
  const allNodes = context.informers.get(nodes);
  const allLeases = context.informers.get(leases);
  const podsOn = indexByNode(context.informers.get(pods));
  const recorder = context.recorder('node-controller');
  const heartbeats = new Map<string, Heartbeat>();
  const ration = new EvictionRation(context, () => allNodes.values());
  const loop = reconciler(context, {
    name: 'nodelifecycle',
    workers: 8,
    reconcile,
    beside: (signal) => periodically(context, 'nodelifecycle', monitorPeriodMs, signal, monitor),
  });

  const nodeEvent = (node: Node, reason: string, message: string) =>
    recorder.event({ apiVersion: 'v1', kind: 'Node', name: node.metadata.name, uid: node.metadata.uid }, 'Normal', reason, `Node ${node.metadata.name} ${message}`);
  allNodes.addHandler({
    onAdd(node) {
      observe(node);
      nodeEvent(node, 'RegisteredNode', `event: Registered Node ${node.metadata.name} in Controller`);
      loop.queue.add(node.metadata.name ?? '');
    },
    onUpdate(old, node) {
      observe(node);
      // Most updates are heartbeats and change nothing that matters.
      if (wantedTaints({ node, mayEvict: true, nowMs: 0 }) || readyStatus(old) !== readyStatus(node)) loop.queue.add(node.metadata.name ?? '');
    },
    onDelete(node) {
      heartbeats.delete(node.metadata.name ?? '');
      nodeEvent(node, 'RemovingNode', `event: Removing Node ${node.metadata.name} from Controller`);
    },
  });
  const beat = (lease: Lease) => {
    const node = lease.metadata.namespace === leaseNamespace ? allNodes.get(lease.metadata.name ?? '') : undefined;
    if (node) observe(node);
  };
  allLeases.addHandler({ onAdd: beat, onUpdate: (_, lease) => beat(lease) });
  return loop;

  function observe(node: Node): void {
    const name = node.metadata.name ?? '';
    const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
    // A condition that we wrote ourselves is no sign of life.
    const own = ready?.status === 'Unknown' ? '' : `${ready?.lastHeartbeatTime} ${ready?.status}`;
    const text = `${allLeases.get(`${leaseNamespace}/${name}`)?.spec?.renewTime} ${own}`;
    const known = heartbeats.get(name);
    if (known?.text === text) return;
    heartbeats.set(name, { text, seenAt: clock.monotonic() });
  }

  function isSilent(node: Node): boolean {
    const heartbeat = heartbeats.get(node.metadata.name ?? '');
    const patienceMs = readyStatus(node) === undefined ? startupGraceMs : graceMs;
    return heartbeat !== undefined && clock.monotonic() - heartbeat.seenAt > patienceMs;
  }

  async function monitor(): Promise<void> {
    for (const node of allNodes.values()) {
      if ((isSilent(node) && silentConditions(node, 0)) || wantedNoExecute(node)) loop.queue.add(node.metadata.name ?? '');
    }
  }

  async function reconcile(name: string, signal: AbortSignal): Promise<void> {
    let node = allNodes.get(name);
    if (!node) return;
    const nowMs = clock.now();
    const conditions = isSilent(node) ? silentConditions(node, nowMs) : undefined;
    if (conditions) node = await client.updateStatus(nodes, { ...node, status: { ...node.status, conditions } }, { signal });
    const evicting = wantedNoExecute(node);
    const tainted = node.spec?.taints?.some(({ key, effect }) => key === evicting && effect === 'NoExecute') ?? false;
    const taints = wantedTaints({ node, mayEvict: evicting !== undefined && !tainted && ration.take(node), nowMs });
    if (taints) await client.update(nodes, { ...node, spec: { ...node.spec, taints } }, { signal });
    if (evicting === undefined) return;
    const readyPods = podsOn(name).filter(isReady);
    if (readyPods.length > 0) nodeEvent(node, 'NodeNotReady', 'status is now: NodeNotReady');
    await Promise.all(readyPods.map((pod) => markNotReady(pod, nowMs, signal)));
  }

  async function markNotReady(pod: Pod, nowMs: number, signal: AbortSignal): Promise<void> {
    recorder.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
    const status = { conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: formatTime(nowMs) }] };
    await client.patch(pods, pod.metadata, { metadata: { uid: pod.metadata.uid }, status }, { type: 'strategic', subresource: 'status', signal }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
};

/** Gives out the permission to give a node up, zone by zone. */
class EvictionRation {
  readonly #context: ControllerContext;
  readonly #nodes: () => Iterable<Node>;
  readonly #buckets = new Map<string, { rate: number; bucket: TokenBucket }>();

  constructor(context: ControllerContext, allNodes: () => Iterable<Node>) {
    this.#context = context;
    this.#nodes = allNodes;
  }

  take(node: Node): boolean {
    const counts = new Map<string, { ready: number; notReady: number }>();
    for (const other of this.#nodes()) {
      const count = counts.get(zoneOf(other)) ?? { ready: 0, notReady: 0 };
      counts.set(zoneOf(other), count);
      if (readyStatus(other) === 'True') count.ready++;
      else count.notReady++;
    }
    const zone = zoneOf(node);
    const dark = [...counts.values()].every((count) => zoneState(count) === 'FullDisruption');
    const rate = evictionRate(counts.get(zone) ?? { ready: 0, notReady: 1 }, dark);
    if (rate === 0) return false;
    let entry = this.#buckets.get(zone);
    if (entry?.rate !== rate) this.#buckets.set(zone, (entry = { rate, bucket: new TokenBucket(this.#context.clock, rate, 1) }));
    return entry.bucket.tryTake();
  }
}

function zoneOf({ metadata }: Node): string {
  return zoneLabels.map((label) => metadata.labels?.[label] ?? '').join('/');
}
