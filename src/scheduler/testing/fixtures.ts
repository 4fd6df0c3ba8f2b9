/** Nodes, pods and a core without an API, for tests and benchmarks. */
import { seededRandom } from '../../base/random.ts';
import { systemClock } from '../../base/clock.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import { EquivalenceCache } from '../framework/equivalence.ts';
import type { Framework } from '../framework/framework.ts';
import { noOwners } from '../plugins/owners.ts';
import type { Owners } from '../plugins/owners.ts';
import { noVolumes } from '../plugins/volume-listers.ts';
import type { VolumeListers } from '../plugins/volume-listers.ts';
import { defaultProfile } from '../profile.ts';
import { Nominator } from '../queue/nominator.ts';
import { ScheduleOne } from '../schedule-one.ts';
import type { ScheduleResult } from '../schedule-one.ts';
import type { SchedulerApi } from '../scheduler-api.ts';
import type { PodInfo } from '../snapshot/pod-info.ts';
import { Snapshot } from '../snapshot/snapshot.ts';

export function makeNode(name: string, more: { labels?: Record<string, string>; spec?: Partial<Node['spec']>; allocatable?: Record<string, string>; images?: [string, number][] } = {}): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...more.labels } },
    spec: { ...more.spec },
    status: {
      allocatable: { cpu: '8', memory: '32Gi', pods: '110', ...more.allocatable },
      images: (more.images ?? []).map(([image, sizeBytes]) => ({ names: [image], sizeBytes })),
    },
  };
}

let serial = 0;

export function makePod(name: string, more: { metadata?: Partial<Pod['metadata']>; spec?: Partial<Pod['spec']>; requests?: Record<string, string>; status?: Pod['status'] } = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'ns', uid: `${name}-${serial++}`, generation: 1, ...more.metadata },
    spec: {
      schedulerName: 'default-scheduler',
      priority: 0,
      containers: [{ name: 'main', image: 'image', resources: more.requests ? { requests: more.requests } : {} }],
      ...more.spec,
    },
    status: more.status ?? { phase: 'Pending' },
  };
}

/** Answers everything and does nothing. */
export const idleApi: SchedulerApi = {
  bind: () => Promise.resolve(),
  patchPodStatus: () => Promise.resolve(),
  deletePod: () => Promise.resolve(),
  record: () => {},
};

/** A snapshot and the cycle over it. */
export class Core {
  readonly snapshot = new Snapshot();
  readonly nominator = new Nominator();
  readonly framework: Framework;
  readonly equivalences: EquivalenceCache;
  readonly cycle: ScheduleOne;

  constructor(options: { owners?: Owners; volumes?: VolumeListers; percentageOfNodesToScore?: number } = {}) {
    const { snapshot, nominator } = this;
    this.framework = defaultProfile({ owners: options.owners ?? noOwners, volumes: options.volumes ?? noVolumes, clock: systemClock(), api: idleApi });
    this.equivalences = new EquivalenceCache(this.framework, snapshot);
    const percentage = options.percentageOfNodesToScore;
    this.cycle = new ScheduleOne({ snapshot, equivalences: this.equivalences, nominator, random: seededRandom(7), ...(percentage === undefined ? {} : { percentageOfNodesToScore: percentage }) });
  }

  nodes(...nodes: Node[]): this {
    for (const node of nodes) this.snapshot.setNode(node);
    return this;
  }

  /** As if it ran there already. */
  run(nodeName: string, pod: Pod): PodInfo {
    const info = this.snapshot.info(pod);
    this.snapshot.addPod(info, nodeName);
    return info;
  }

  try(pod: Pod): ScheduleResult {
    return this.cycle.schedule(this.snapshot.info(pod));
  }

  /** The node's name, or the message of the failure. The pod stays on the node. */
  place(pod: Pod): string {
    const info = this.snapshot.info(pod);
    const result = this.cycle.schedule(info);
    if (result.kind === 'noNodes') return 'no nodes';
    if (result.kind === 'unfit') return result.error.message;
    this.snapshot.addPod(info, result.node.name);
    return result.node.name;
  }
}
