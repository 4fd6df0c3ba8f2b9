/** Pods that wait for a node that preemption makes room on for them. */
import type { PodInfo } from '../snapshot/pod-info.ts';

export class Nominator {
  readonly #nodeOf = new Map<string, string>();
  readonly #byNode = new Map<string, Map<string, PodInfo>>();

  get size(): number {
    return this.#nodeOf.size;
  }

  has(nodeName: string): boolean {
    return this.#byNode.has(nodeName);
  }

  set(pod: PodInfo, nodeName: string): void {
    this.delete(pod.uid);
    this.#nodeOf.set(pod.uid, nodeName);
    const pods = this.#byNode.get(nodeName);
    if (pods) pods.set(pod.uid, pod);
    else this.#byNode.set(nodeName, new Map([[pod.uid, pod]]));
  }

  delete(uid: string): void {
    const nodeName = this.#nodeOf.get(uid);
    if (nodeName === undefined) return;
    this.#nodeOf.delete(uid);
    const pods = this.#byNode.get(nodeName);
    pods?.delete(uid);
    if (pods?.size === 0) this.#byNode.delete(nodeName);
  }

  /** Those of at least the pod's priority, without itself: they have the better claim. */
  on(nodeName: string, pod: PodInfo): readonly PodInfo[] {
    const pods = this.#byNode.get(nodeName);
    if (!pods) return none;
    return [...pods.values()].filter((other) => other.uid !== pod.uid && other.shape.priority >= pod.shape.priority);
  }

  /** Those of lower priority: what they were promised is taken from them. */
  lowerOn(nodeName: string, priority: number): readonly PodInfo[] {
    return [...(this.#byNode.get(nodeName)?.values() ?? [])].filter((other) => other.shape.priority < priority);
  }
}

const none: readonly PodInfo[] = [];
