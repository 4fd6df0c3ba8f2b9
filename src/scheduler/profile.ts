/** The default profile: upstream's plugins, in upstream's order, with upstream's weights. */
import type { Clock } from '../base/clock.ts';
import type { Client } from '../client/client.ts';
import { Framework } from './framework/framework.ts';
import type { FilterEntry } from './framework/framework.ts';
import type { PostFilterPlugin, ScorePlugin } from './framework/plugin.ts';
import { defaultBinder } from './plugins/default-binder.ts';
import { imageLocality } from './plugins/image-locality.ts';
import { interPodAffinity, interPodAffinityScore } from './plugins/inter-pod-affinity.ts';
import { nodeAffinity } from './plugins/node-affinity.ts';
import { nodeName } from './plugins/node-name.ts';
import { nodePorts } from './plugins/node-ports.ts';
import { nodeResourcesBalancedAllocation } from './plugins/node-resources-balanced-allocation.ts';
import { nodeResourcesFit } from './plugins/node-resources-fit.ts';
import { nodeUnschedulable } from './plugins/node-unschedulable.ts';
import { nodeVolumeLimits } from './plugins/node-volume-limits.ts';
import type { Owners } from './plugins/owners.ts';
import { podTopologySpread } from './plugins/pod-topology-spread.ts';
import { prioritySort } from './plugins/priority-sort.ts';
import { schedulingGates } from './plugins/scheduling-gates.ts';
import { taintToleration } from './plugins/taint-toleration.ts';
import { volumeBinding } from './plugins/volume-binding.ts';
import type { VolumeListers } from './plugins/volume-listers.ts';
import { volumeRestrictions } from './plugins/volume-restrictions.ts';
import { volumeZone } from './plugins/volume-zone.ts';
import type { SchedulerApi } from './scheduler-api.ts';

export interface ProfileOptions {
  readonly owners: Owners;
  readonly volumes: VolumeListers;
  readonly clock: Clock;
  readonly api: SchedulerApi;
  readonly client?: Client;
  readonly postFilter?: readonly PostFilterPlugin[];
}

export function defaultProfile({ owners, volumes, clock, api, client, postFilter = [] }: ProfileOptions): Framework {
  const spread = podTopologySpread(owners);
  const binding = volumeBinding({ listers: volumes, clock, ...(client ? { client } : {}) });
  // Each plugin is handed its own state back; the lists forget its type.
  const filter = [
    nodeUnschedulable,
    nodeName,
    taintToleration,
    nodeAffinity,
    nodePorts,
    nodeResourcesFit,
    volumeRestrictions(volumes),
    nodeVolumeLimits(volumes),
    binding,
    volumeZone(volumes),
    spread,
    interPodAffinity,
  ] as readonly unknown[] as readonly FilterEntry[];
  const score = [
    taintToleration,
    nodeAffinity,
    nodeResourcesFit,
    spread.scorer,
    interPodAffinityScore,
    nodeResourcesBalancedAllocation,
    imageLocality,
  ] as readonly unknown[] as readonly ScorePlugin<unknown>[];
  return new Framework({
    preEnqueue: [schedulingGates],
    queueSort: prioritySort,
    filter,
    postFilter,
    score,
    reserve: [],
    permit: [],
    preBind: [binding],
    bind: defaultBinder(api),
    postBind: [],
  });
}
