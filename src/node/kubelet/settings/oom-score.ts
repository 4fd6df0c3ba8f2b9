/** Who goes first when the machine is out of memory. The formula is upstream's (pkg/kubelet/qos/policy.go). */
import type { Container, Pod } from '../../../api/types/core-v1.ts';
import { qosOf } from '../../../api/qos.ts';
import { valueOf } from '../../../api/quantity.ts';

const guaranteed = -997;
const bestEffort = 1000;
const nodeCriticalPriority = 2_000_001_000;

export function oomScoreAdj(pod: Pod, container: Container, memoryCapacityBytes: number): number {
  if (isNodeCritical(pod)) return guaranteed;
  const qos = qosOf(pod);
  if (qos === 'Guaranteed') return guaranteed;
  if (qos === 'BestEffort') return bestEffort;
  const spare = spareOfPod(pod);
  const scoreOf = (bytes: number) => 1000 - Math.trunc((1000 * (bytes + spare)) / memoryCapacityBytes);
  let score = scoreOf(memoryRequest(container));
  // A sidecar lives no shorter than what it serves.
  if (pod.spec.initContainers?.includes(container) && container.restartPolicy === 'Always') score = Math.min(score, scoreOf(Math.min(...pod.spec.containers.map(memoryRequest))));
  if (score < 1000 + guaranteed) return 1000 + guaranteed;
  return score === bestEffort ? bestEffort - 1 : score;
}

function isNodeCritical({ metadata, spec }: Pod): boolean {
  return spec.priorityClassName === 'system-node-critical' || (metadata.annotations?.['kubernetes.io/config.source'] ?? 'api') !== 'api' || (spec.priority ?? 0) >= nodeCriticalPriority;
}

function memoryRequest({ resources }: Container): number {
  return valueOf(resources?.requests?.['memory'] ?? '0');
}

/** What the pod asks for beyond its containers, evenly. */
function spareOfPod({ spec }: Pod): number {
  const ofPod = spec.resources?.requests?.['memory'];
  if (ofPod === undefined) return 0;
  const all = [...spec.containers, ...(spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always')];
  const used = all.reduce((sum, container) => sum + memoryRequest(container), 0);
  return Math.max(0, Math.trunc((valueOf(ofPod) - used) / all.length));
}
