/**
 * What a cluster of a given size asks of its control plane, worked out from
 * unit costs. Everything is linear but one thing: with several API servers each
 * of them keeps all objects and applies every change, whoever made it.
 */

/** Measured; see docs/scale.md for where from. */
export interface UnitCosts {
  /** CPU of the whole control plane for a pod, from its creation until it is Ready: its own three writes, its events, scheduling. */
  readonly podMs: number;
  /** CPU for one heartbeat of a node. */
  readonly heartbeatMs: number;
  /** Memory with no nodes; for a node; for a pod. */
  readonly baseMb: number;
  readonly nodeMb: number;
  readonly podMb: number;
  /** How much of the CPU is the API thread's, which cannot be divided. */
  readonly apiThreadShare: number;
  /** CPU of the API thread to apply a change that another server has made. */
  readonly fanInMs: number;
  /** Bytes written to the store. */
  readonly podBytes: number;
  readonly heartbeatBytes: number;
  /** Changes in the store for a pod. */
  readonly podChanges: number;
  /** Memory of the scheduler and the controllers for a pod that they hold parsed. */
  readonly brainsPodMb: number;
  /** CPU of the scheduler and the controllers for a pod: one process each, whatever the number of API servers. */
  readonly brainsPodMs: number;
}

export interface ClusterSize {
  readonly nodes: number;
  readonly podsPerNode: number;
  /** Pods created (and as many deleted) a second. */
  readonly podsPerSecond: number;
}

export interface Need {
  readonly heartbeatsPerSecond: number;
  readonly changesPerSecond: number;
  /** Of all servers together, what several servers do twice included. */
  readonly cores: number;
  /** API servers; undefined: there is no number of them that would do. */
  readonly servers: number | undefined;
  /** How busy the API thread of each is, 0 to 1. */
  readonly apiThreadLoad: number;
  /** Of each server. */
  readonly serverGb: number;
  readonly brainsGb: number;
  /** Of one thread, 0 to 1 and above. */
  readonly brainsLoad: number;
  readonly storeMbPerSecond: number;
}

const heartbeatPeriodS = 10;
const serversMax = 64;

/** `apiThreadMax`: how busy an API thread may be before its answers are too late. */
export function needOf(costs: UnitCosts, { nodes, podsPerNode, podsPerSecond }: ClusterSize, apiThreadMax: number): Need {
  const heartbeatsPerSecond = nodes / heartbeatPeriodS;
  const changesPerSecond = heartbeatsPerSecond + podsPerSecond * costs.podChanges;
  const workCores = (heartbeatsPerSecond * costs.heartbeatMs + podsPerSecond * costs.podMs) / 1000;
  const ownLoad = workCores * costs.apiThreadShare;
  const loadOf = (servers: number) => ownLoad / servers + (changesPerSecond * (1 - 1 / servers) * costs.fanInMs) / 1000;
  let servers = 1;
  while (servers < serversMax && loadOf(servers) > apiThreadMax) servers++;
  const apiThreadLoad = loadOf(servers);
  const pods = nodes * podsPerNode;
  return {
    heartbeatsPerSecond,
    changesPerSecond,
    cores: workCores + ((servers - 1) * changesPerSecond * costs.fanInMs) / 1000,
    servers: apiThreadLoad > apiThreadMax ? undefined : servers,
    apiThreadLoad,
    serverGb: (costs.baseMb + nodes * costs.nodeMb + pods * costs.podMb) / 1024,
    brainsGb: (pods * costs.brainsPodMb) / 1024,
    brainsLoad: (podsPerSecond * costs.brainsPodMs) / 1000,
    storeMbPerSecond: (heartbeatsPerSecond * costs.heartbeatBytes + podsPerSecond * costs.podBytes) / 1e6,
  };
}
