/**
 * The cgroups of a node's pods: `<root>/kubepods`, limited to what the node has
 * for pods; in it `burstable` and `besteffort`, and in each a cgroup a pod. What
 * is there already is taken as it is, whoever made it.
 */
import type { Pod } from '../../../api/types/core-v1.ts';
import { podRequests } from '../../../api/pod-resources.ts';
import { computeQos, type QosClass } from '../../../api/qos.ts';
import { milliValue, valueOf } from '../../../api/quantity.ts';
import type { PodCgroups } from '../settings/machine-setup.ts';
import type { CgroupTree } from './cgroup-tree.ts';
import { cpuShares, podLimits } from './limits.ts';

export interface NodeCgroupsOptions {
  readonly tree: CgroupTree;
  /** Empty: the machine's own. Several nodes on one machine have one each. */
  readonly root: string;
  readonly allocatable: Readonly<Record<string, string>>;
  /** Processes in one pod; undefined: as many as the machine allows. */
  readonly podPidsMax: number | undefined;
}

const classDirectories: Readonly<Record<QosClass, string>> = { Guaranteed: '', Burstable: '/burstable', BestEffort: '/besteffort' };
const podPrefix = 'pod';

export class NodeCgroups implements PodCgroups {
  readonly #options: NodeCgroupsOptions;
  readonly #top: string;
  readonly #paths = new Map<string, string>();
  /** What the burstable pods ask for, in thousandths of a CPU. */
  readonly #burstableCpu = new Map<string, number>();

  /** `start` makes it ready. */
  constructor(options: NodeCgroupsOptions) {
    this.#options = options;
    this.#top = `${options.root}/kubepods`;
  }

  async start(): Promise<void> {
    const { tree, allocatable } = this.#options;
    const { cpu = '0', memory = '0' } = allocatable;
    await tree.apply(this.#top, { cpuShares: cpuShares(milliValue(cpu)), ...(valueOf(memory) > 0 ? { memoryBytes: valueOf(memory) } : {}) });
    for (const [qos, directory] of Object.entries(classDirectories)) {
      if (directory !== '') await tree.apply(this.#top + directory, { cpuShares: cpuShares(0) });
      for (const name of await tree.children(this.#top + directory)) if (name.startsWith(podPrefix)) this.#paths.set(name.slice(podPrefix.length), this.#path(qos as QosClass, name));
    }
  }

  async create(pod: Pod): Promise<string> {
    const uid = pod.metadata.uid ?? '';
    const qos = computeQos(pod);
    const path = this.#paths.get(uid) ?? this.#path(qos, podPrefix + uid);
    this.#paths.set(uid, path);
    await this.#options.tree.apply(path, podLimits(pod, this.#options.podPidsMax));
    if (qos === 'Burstable') {
      this.#burstableCpu.set(uid, podRequests(pod, { includeStatus: false }).get('cpu') ?? 0);
      await this.#shareCpu();
    }
    return path;
  }

  async remove(podUid: string): Promise<void> {
    const path = this.#paths.get(podUid);
    if (path === undefined) return;
    await this.#options.tree.remove(path);
    this.#paths.delete(podUid);
    if (this.#burstableCpu.delete(podUid)) await this.#shareCpu();
  }

  podUids(): Promise<readonly string[]> {
    return Promise.resolve([...this.#paths.keys()]);
  }

  /** Burstable pods together weigh as much as they ask for together. */
  async #shareCpu(): Promise<void> {
    let milliCpu = 0;
    for (const one of this.#burstableCpu.values()) milliCpu += one;
    await this.#options.tree.apply(this.#top + classDirectories.Burstable, { cpuShares: cpuShares(milliCpu) });
  }

  #path(qos: QosClass, name: string): string {
    return `${this.#top}${classDirectories[qos]}/${name}`;
  }
}
