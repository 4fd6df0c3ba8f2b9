/** NodeResourcesFit: what a pod asks for must be left on the node; nodes with the most left are preferred (LeastAllocated). */
import type { FilterPlugin, ScorePlugin } from '../framework/plugin.ts';
import { scoreMax } from '../framework/plugin.ts';
import type { ClusterEvent } from '../framework/cluster-event.ts';
import type { Status } from '../framework/status.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';
import type { PodShape } from '../snapshot/pod-shape.ts';
import type { PodInfo } from '../snapshot/pod-info.ts';
import { cpu, memory } from '../snapshot/resources.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';

const name = 'NodeResourcesFit';

/** The few combinations of reasons there are, made once. */
const statuses = new Map<string, Status>();
const statusesMax = 1000;

function refused(code: Status['code'], reasons: readonly string[]): Status {
  const key = `${code}:${reasons.join()}`;
  let status = statuses.get(key);
  if (!status) {
    if (statuses.size >= statusesMax) statuses.clear();
    status = { code, plugin: name, reasons };
    statuses.set(key, status);
  }
  return status;
}

export const nodeResourcesFit: FilterPlugin & ScorePlugin<true> = {
  name,
  requeueOn: {
    podDeleted: freesWhatIsAsked,
    podUpdated: freesWhatIsAsked,
    nodeAdded: true,
    nodeAllocatable: true,
  },
  filterScope: 'node',
  filter(_state, shape, node, snapshot) {
    return fits(shape, node, snapshot) ? undefined : explain(shape, node, snapshot);
  },
  weight: 1,
  scoreScope: 'node',
  preScore: () => true,
  score(_state, shape, { slot }, snapshot) {
    const base = slot * snapshot.stride;
    const cpus = snapshot.allocatable[base + cpu] as number;
    const bytes = snapshot.allocatable[base + memory] as number;
    let sum = 0;
    let weights = 0;
    if (cpus > 0) {
      sum += unused((snapshot.nonZeroCpu[slot] as number) + shape.nonZeroCpu, cpus);
      weights++;
    }
    if (bytes > 0) {
      sum += unused((snapshot.nonZeroMemory[slot] as number) + shape.nonZeroMemory, bytes);
      weights++;
    }
    return weights === 0 ? 0 : Math.trunc(sum / weights);
  },
};

function unused(requested: number, capacity: number): number {
  return requested > capacity ? 0 : Math.trunc(((capacity - requested) * scoreMax) / capacity);
}

function fits({ requests }: PodShape, node: NodeInfo, { allocatable, requested, stride }: Snapshot): boolean {
  if (node.pods.size + 1 > node.podsMax) return false;
  const base = node.slot * stride;
  for (let resource = 0; resource < requests.length; resource++) {
    const wanted = requests[resource] as number;
    if (wanted > 0 && wanted > (allocatable[base + resource] as number) - (requested[base + resource] as number)) return false;
  }
  return true;
}

function explain({ requests }: PodShape, node: NodeInfo, snapshot: Snapshot): Status {
  const reasons: string[] = [];
  let hopeless = false;
  if (node.pods.size + 1 > node.podsMax) reasons.push('Too many pods');
  for (let resource = 0; resource < requests.length; resource++) {
    const wanted = requests[resource] as number;
    if (wanted <= 0 || wanted <= snapshot.free(node, resource)) continue;
    reasons.push(`Insufficient ${snapshot.resources.names[resource]}`);
    // More than the node has at all: nobody's leaving would help.
    if (wanted > (snapshot.allocatable[node.slot * snapshot.stride + resource] as number)) hopeless = true;
  }
  return refused(hopeless ? 'unresolvable' : 'unschedulable', reasons);
}

function freesWhatIsAsked(_waiting: unknown, { shape }: PodInfo, event: ClusterEvent): boolean {
  if (!('pod' in event)) return true;
  // A place among the node's pods is freed in any case.
  if (event.kind === 'podDeleted') return true;
  return shape.requests.some((wanted, resource) => wanted > 0 && (event.pod.shape.requests[resource] ?? 0) > 0);
}
