/**
 * A node and its pods. Amounts of resources stand in the snapshot's flat arrays
 * at the node's slot; what is looked at less often stands here.
 */
import type { Node, Taint } from '../../api/types/core-v1.ts';
import type { HostPort } from './pod-shape.ts';
import { imageWithTag } from './pod-shape.ts';
import type { PodInfo } from './pod-info.ts';

const everyAddress = '0.0.0.0';

export class NodeInfo {
  readonly name: string;
  readonly slot: number;
  /** Undefined while only pods of the node are known, or pods have outlived it. */
  node: Node | undefined;
  labels: Readonly<Record<string, string>> = {};
  /** NoSchedule and NoExecute; those that only ask to prefer others stand apart. */
  taints: readonly Taint[] = [];
  softTaints: readonly Taint[] = [];
  unschedulable = false;
  podsMax = 0;
  /** Sizes in bytes, by every name of the image. */
  images: ReadonlyMap<string, number> = noImages;
  readonly pods = new Map<string, PodInfo>();
  /** Pods that say anything of the pods beside them. */
  readonly withAffinity = new Set<PodInfo>();
  /** By `protocol/port`, the addresses in use. */
  #ports: Map<string, string[]> | undefined;

  constructor(name: string, slot: number) {
    this.name = name;
    this.slot = slot;
  }

  set(node: Node): void {
    this.node = node;
    this.labels = node.metadata.labels ?? {};
    const taints = node.spec.taints ?? [];
    this.taints = taints.filter(({ effect }) => effect !== 'PreferNoSchedule');
    this.softTaints = taints.filter(({ effect }) => effect === 'PreferNoSchedule');
    this.unschedulable = node.spec.unschedulable ?? false;
    this.podsMax = Number(node.status?.allocatable?.['pods'] ?? 0);
    this.images = imagesOf(node);
  }

  addPod(pod: PodInfo): void {
    this.pods.set(pod.uid, pod);
    this.#place(pod, 1);
    if (pod.shape.hasAffinity) this.withAffinity.add(pod);
    for (const { protocol, port, ip } of pod.shape.hostPorts) {
      this.#ports ??= new Map();
      const key = `${protocol}/${port}`;
      const addresses = this.#ports.get(key);
      if (addresses) addresses.push(ip);
      else this.#ports.set(key, [ip]);
    }
  }

  removePod(pod: PodInfo): void {
    this.pods.delete(pod.uid);
    this.#place(pod, -1);
    this.withAffinity.delete(pod);
    for (const { protocol, port, ip } of pod.shape.hostPorts) {
      const key = `${protocol}/${port}`;
      const addresses = this.#ports?.get(key);
      const at = addresses?.indexOf(ip) ?? -1;
      if (at >= 0) addresses?.splice(at, 1);
      if (addresses?.length === 0) this.#ports?.delete(key);
    }
  }

  #place({ shape: { placed }, terminating }: PodInfo, amount: number): void {
    if (terminating) return;
    const count = (placed.get(this) ?? 0) + amount;
    if (count === 0) placed.delete(this);
    else placed.set(this, count);
  }

  /** The address `0.0.0.0` takes the port on every address. */
  hasFreePorts(wanted: readonly HostPort[]): boolean {
    for (const { protocol, port, ip } of wanted) {
      const used = this.#ports?.get(`${protocol}/${port}`);
      if (!used) continue;
      if (ip === everyAddress || used.includes(everyAddress) || used.includes(ip)) return false;
    }
    return true;
  }
}

const noImages: ReadonlyMap<string, number> = new Map();

function imagesOf({ status }: Node): ReadonlyMap<string, number> {
  if (!status?.images?.length) return noImages;
  const images = new Map<string, number>();
  for (const { names, sizeBytes } of status.images) for (const name of names ?? []) images.set(imageWithTag(name), sizeBytes ?? 0);
  return images;
}
