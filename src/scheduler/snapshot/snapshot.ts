/**
 * The cluster as scheduling sees it: nodes, the pods on them, and what has been
 * assumed of pods whose binding is under way. There is one, it is changed in
 * place, and a scheduling cycle runs on it without interruption; so there is
 * nothing to copy.
 *
 * Amounts stand in flat arrays by node slot. Three counters say what changed:
 * a node's `generation` (it or its pods), `version` (anything), and `epoch`
 * (the set of nodes, their labels, or objects other than nodes and pods: what
 * has been worked out across nodes is void). Changes of pods are kept in a log,
 * so that what counts pods can catch up instead of counting again.
 */
import type { Node, Pod } from '../../api/types/core-v1.ts';
import type { Labels } from '../../api/selectors/label-selector.ts';
import { milliValue, valueOf } from '../../api/quantity.ts';
import { NodeInfo } from './node-info.ts';
import { makeShape, shapeKey } from './pod-shape.ts';
import type { PodShape } from './pod-shape.ts';
import type { PodInfo } from './pod-info.ts';
import { cpu, memory, ResourceSlots } from './resources.ts';
import type { Topology } from './topology.ts';

export interface PodChange {
  readonly added: boolean;
  readonly pod: PodInfo;
  readonly node: NodeInfo;
}

/** What of a node has changed by an update. */
export interface NodeChange {
  readonly node: NodeInfo;
  readonly added: boolean;
  readonly allocatable: boolean;
  readonly labels: boolean;
  readonly taints: boolean;
  readonly unschedulable: boolean;
  readonly images: boolean;
}

const logMax = 4096;
const zoneLabel = 'topology.kubernetes.io/zone';
const regionLabel = 'topology.kubernetes.io/region';

export class Snapshot {
  readonly resources = new ResourceSlots();
  /** Amounts of one node stand `stride` apart. */
  stride = 8;
  allocatable = new Float64Array(0);
  requested = new Float64Array(0);
  nonZeroCpu = new Float64Array(0);
  nonZeroMemory = new Float64Array(0);
  /** By slot; never goes back, not even when a slot is used again. */
  generation = new Float64Array(0);
  version = 0;
  epoch = 0;
  /** Of pods that refuse others beside them, and of pods that say anything of others. */
  antiAffinityPods = 0;
  affinityPods = 0;
  softTaintedNodes = 0;
  /** Nodes that have the image, by its names. */
  readonly imageNodes = new Map<string, number>();
  /** How many pods use a claim, by `namespace/name`. */
  readonly claimUsers = new Map<string, number>();
  namespaceLabels: (name: string) => Labels = () => ({});

  readonly #nodes = new Map<string, NodeInfo>();
  readonly #bySlot: (NodeInfo | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  readonly #shapes = new Map<string, PodShape>();
  readonly #topologies = new Map<string, Topology>();
  #topologyEpoch = -1;
  #order: Int32Array | undefined;
  #log: PodChange[] = [];
  /** Number of changes before the first in the log. */
  #logStart = 0;

  get nodeCount(): number {
    return this.order.length;
  }

  node(name: string): NodeInfo | undefined {
    return this.#nodes.get(name);
  }

  at(slot: number): NodeInfo {
    return this.#bySlot[slot] as NodeInfo;
  }

  nodes(): IterableIterator<NodeInfo> {
    return this.#nodes.values();
  }

  /** Of all pods known. */
  shapes(): IterableIterator<PodShape> {
    return this.#shapes.values();
  }

  /** Slots of all nodes, one zone after the other in turn, so that any run of them is spread. */
  get order(): Int32Array {
    this.#order ??= this.#makeOrder();
    return this.#order;
  }

  setNode(node: Node): NodeChange {
    const name = node.metadata.name ?? '';
    const info = this.#nodes.get(name) ?? this.#newNode(name);
    const before = info.node;
    const oldLabels = info.labels;
    const oldTaints = before?.spec.taints;
    const oldImages = info.images;
    const wasUnschedulable = info.unschedulable;
    if (info.softTaints.length > 0) this.softTaintedNodes--;
    info.set(node);
    if (info.softTaints.length > 0) this.softTaintedNodes++;
    const allocatable = this.#setAllocatable(info, node);
    const labels = !before || !sameJson(oldLabels, info.labels);
    const images = !sameImages(oldImages, info.images);
    if (images) this.#countImages(oldImages, info.images);
    const change: NodeChange = {
      node: info,
      added: !before,
      allocatable,
      labels,
      taints: !sameJson(oldTaints, node.spec.taints),
      unschedulable: wasUnschedulable !== info.unschedulable,
      images,
    };
    if (change.added || labels || images || change.taints) this.invalidate();
    if (change.added || labels) this.#order = undefined;
    if (change.allocatable || change.unschedulable || change.taints || labels) this.#touch(info);
    return change;
  }

  removeNode(name: string): void {
    const info = this.#nodes.get(name);
    if (!info?.node) return;
    if (info.softTaints.length > 0) this.softTaintedNodes--;
    this.#countImages(info.images, new Map());
    info.node = undefined;
    info.labels = {};
    info.images = new Map();
    info.softTaints = [];
    this.#order = undefined;
    this.#touch(info);
    this.invalidate();
    this.#dropIfEmpty(info);
  }

  /** Something beside nodes and pods has changed that scheduling depends on. */
  invalidate(): void {
    this.epoch++;
    this.version++;
  }

  /** The pod with the shape it shares with its like; give it back with `release`. */
  info(pod: Pod): PodInfo {
    const key = shapeKey(pod);
    let shape = this.#shapes.get(key);
    if (!shape) {
      shape = makeShape(key, pod, this.resources);
      this.#shapes.set(key, shape);
      if (this.resources.names.length > this.stride) this.#widen();
    }
    shape.users++;
    return { pod, uid: pod.metadata.uid ?? '', shape, terminating: pod.metadata.deletionTimestamp !== undefined && pod.metadata.deletionTimestamp !== null };
  }

  release({ shape }: PodInfo): void {
    if (--shape.users === 0) this.#shapes.delete(shape.key);
  }

  addPod(pod: PodInfo, nodeName: string): NodeInfo {
    const info = this.#nodes.get(nodeName) ?? this.#newNode(nodeName);
    info.addPod(pod);
    this.#count(info, pod, 1);
    this.#note({ added: true, pod, node: info });
    return info;
  }

  removePod(pod: PodInfo, nodeName: string): void {
    const info = this.#nodes.get(nodeName);
    if (!info || info.pods.get(pod.uid) !== pod) return;
    info.removePod(pod);
    this.#count(info, pod, -1);
    this.#note({ added: false, pod, node: info });
    this.#dropIfEmpty(info);
  }

  /** Number of pod changes so far. */
  get changes(): number {
    return this.#logStart + this.#log.length;
  }

  /** The changes after the first `since`; undefined where they are no longer known. */
  changesSince(since: number): readonly PodChange[] | undefined {
    if (since === this.changes) return noChanges;
    return since < this.#logStart ? undefined : this.#log.slice(since - this.#logStart);
  }

  topology(key: string): Topology {
    if (this.#topologyEpoch !== this.epoch) {
      this.#topologies.clear();
      this.#topologyEpoch = this.epoch;
    }
    let topology = this.#topologies.get(key);
    if (!topology) {
      topology = this.#makeTopology(key);
      this.#topologies.set(key, topology);
    }
    return topology;
  }

  #makeTopology(key: string): Topology {
    const numbers = new Map<string, number>();
    const values: string[] = [];
    const valueOf = new Int32Array(this.generation.length).fill(-1);
    for (const slot of this.order) {
      const value = this.at(slot).labels[key];
      if (value === undefined) continue;
      let number = numbers.get(value);
      if (number === undefined) {
        number = values.length;
        numbers.set(value, number);
        values.push(value);
      }
      valueOf[slot] = number;
    }
    return { key, values, valueOf };
  }

  #makeOrder(): Int32Array {
    const zones = new Map<string, number[]>();
    for (const { node, labels, slot } of this.#nodes.values()) {
      if (!node) continue;
      const zone = `${labels[regionLabel] ?? ''}:${labels[zoneLabel] ?? ''}`;
      const slots = zones.get(zone);
      if (slots) slots.push(slot);
      else zones.set(zone, [slot]);
    }
    const lists = [...zones.values()];
    const order: number[] = [];
    const longest = lists.reduce((max, { length }) => Math.max(max, length), 0);
    for (let i = 0; i < longest; i++) for (const list of lists) if (i < list.length) order.push(list[i] as number);
    return Int32Array.from(order);
  }

  #newNode(name: string): NodeInfo {
    const slot = this.#freeSlots.pop() ?? this.#bySlot.length;
    const info = new NodeInfo(name, slot);
    this.#nodes.set(name, info);
    this.#bySlot[slot] = info;
    if (slot >= this.generation.length) this.#grow(Math.max(64, slot * 2));
    this.#touch(info);
    return info;
  }

  #dropIfEmpty(info: NodeInfo): void {
    if (info.node || info.pods.size > 0) return;
    this.#nodes.delete(info.name);
    this.#bySlot[info.slot] = undefined;
    const base = info.slot * this.stride;
    this.allocatable.fill(0, base, base + this.stride);
    this.requested.fill(0, base, base + this.stride);
    this.nonZeroCpu[info.slot] = 0;
    this.nonZeroMemory[info.slot] = 0;
    this.#freeSlots.push(info.slot);
  }

  #grow(slots: number): void {
    this.allocatable = copyInto(new Float64Array(slots * this.stride), this.allocatable);
    this.requested = copyInto(new Float64Array(slots * this.stride), this.requested);
    this.nonZeroCpu = copyInto(new Float64Array(slots), this.nonZeroCpu);
    this.nonZeroMemory = copyInto(new Float64Array(slots), this.nonZeroMemory);
    this.generation = copyInto(new Float64Array(slots), this.generation);
    this.epoch++;
  }

  /** More kinds of resources than fit: amounts move further apart. */
  #widen(): void {
    const old = this.stride;
    const stride = old * 2;
    const slots = this.generation.length;
    const spread = (from: Float64Array) => {
      const to = new Float64Array(slots * stride);
      for (let slot = 0; slot < slots; slot++) to.set(from.subarray(slot * old, slot * old + old), slot * stride);
      return to;
    };
    this.allocatable = spread(this.allocatable);
    this.requested = spread(this.requested);
    this.stride = stride;
  }

  #setAllocatable(info: NodeInfo, node: Node): boolean {
    const amounts = new Map<number, number>();
    for (const [name, text] of Object.entries(node.status?.allocatable ?? {})) {
      if (name === 'pods') continue;
      amounts.set(this.resources.slot(name), name === 'cpu' ? milliValue(text) : valueOf(text));
    }
    while (this.resources.names.length > this.stride) this.#widen();
    let changed = false;
    const base = info.slot * this.stride;
    for (let resource = 0; resource < this.resources.names.length; resource++) {
      const amount = amounts.get(resource) ?? 0;
      if (this.allocatable[base + resource] !== amount) changed = true;
      this.allocatable[base + resource] = amount;
    }
    return changed;
  }

  #count(info: NodeInfo, { shape }: PodInfo, sign: 1 | -1): void {
    const base = info.slot * this.stride;
    const { requests } = shape;
    for (let resource = 0; resource < requests.length; resource++) {
      this.requested[base + resource] = (this.requested[base + resource] as number) + sign * (requests[resource] as number);
    }
    this.nonZeroCpu[info.slot] = (this.nonZeroCpu[info.slot] as number) + sign * shape.nonZeroCpu;
    this.nonZeroMemory[info.slot] = (this.nonZeroMemory[info.slot] as number) + sign * shape.nonZeroMemory;
    if (shape.hasAffinity) this.#countAffinity(shape, sign);
    for (const claim of shape.claims) {
      const key = `${shape.namespace}/${claim}`;
      const users = (this.claimUsers.get(key) ?? 0) + sign;
      if (users === 0) this.claimUsers.delete(key);
      else this.claimUsers.set(key, users);
    }
    this.#touch(info);
  }

  /** The first such pod, and the last, change what every other pod must be checked for. */
  #countAffinity(shape: PodShape, sign: 1 | -1): void {
    const before = this.affinityPods === 0 || this.antiAffinityPods === 0;
    this.affinityPods += sign;
    if (shape.antiAffinity.length > 0) this.antiAffinityPods += sign;
    const after = this.affinityPods === 0 || this.antiAffinityPods === 0;
    if (before || after) this.epoch++;
  }

  #countImages(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): void {
    for (const name of before.keys()) {
      const left = (this.imageNodes.get(name) ?? 1) - 1;
      if (left === 0) this.imageNodes.delete(name);
      else this.imageNodes.set(name, left);
    }
    for (const name of after.keys()) this.imageNodes.set(name, (this.imageNodes.get(name) ?? 0) + 1);
  }

  #touch({ slot }: NodeInfo): void {
    this.version++;
    this.generation[slot] = this.version;
  }

  #note(change: PodChange): void {
    this.#log.push(change);
    if (this.#log.length <= logMax) return;
    const kept = this.#log.slice(-logMax / 2);
    this.#logStart += this.#log.length - kept.length;
    this.#log = kept;
  }

  /** How much of a resource a node has left, for messages and hints. */
  free(node: NodeInfo, resource: number): number {
    const at = node.slot * this.stride + resource;
    return (this.allocatable[at] as number) - (this.requested[at] as number);
  }

  /** Total cpu and memory of a node. */
  capacityOf({ slot }: NodeInfo): readonly [cpu: number, memory: number] {
    const base = slot * this.stride;
    return [this.allocatable[base + cpu] as number, this.allocatable[base + memory] as number];
  }
}

const noChanges: readonly PodChange[] = [];

function copyInto(to: Float64Array<ArrayBuffer>, from: Float64Array): Float64Array<ArrayBuffer> {
  to.set(from);
  return to;
}

function sameJson(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
}

function sameImages(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  if (a.size !== b.size) return false;
  for (const [name, size] of a) if (b.get(name) !== size) return false;
  return true;
}
