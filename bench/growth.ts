/**
 * How the costs grow with the cluster: CPU of the server for each pod that is
 * started and for each heartbeat, and memory, at 100 to 5000 nodes. What grows
 * faster than the cluster shows as a line that rises.
 */
import { Api } from './lib/api.ts';
import { systemName } from './lib/measurement.ts';
import { createNamespace } from './lib/namespaces.ts';
import { percentile } from './lib/percentile.ts';
import { PodWatch } from './lib/pod-watch.ts';
import type { Bench, Run } from './lib/run.ts';
import { saturate } from './lib/saturation.ts';
import { ServerLatency } from './lib/server-latency.ts';
import { startTarget } from './lib/start-target.ts';
import { podStages } from './lib/start-up.ts';
import { Usage } from './lib/usage.ts';

const sizes = [100, 300, 1000, 3000, 5000];
const heartbeatS = 60;
/** Nodes that have just registered are busier than they will be. */
const settleS = 10;

interface Costs {
  readonly nodes: number;
  readonly msPerPod: number;
  readonly podsPerSecond: number;
  readonly startUpMs: number;
  readonly msPerHeartbeat: number;
  readonly idleCores: number;
  readonly emptyMb: number;
  readonly fullMb: number;
}

export const growth: Bench = {
  title: 'Growth',
  async run(run) {
    const most = run.options.nodes ?? (sizes.at(-1) as number);
    // A smaller limit still shows a line: its quarter, its half and itself.
    const wanted = most < 300 ? [most / 4, most / 2, most].map(Math.ceil) : sizes.filter((size) => size <= most);
    const podsPerNode = run.options.podsPerNode ?? 10;
    run.settings({ nodes: wanted.join(', '), 'pods a node': podsPerNode });
    const costs: Costs[] = [];
    for (const nodes of wanted) costs.push(await measure(run, nodes, podsPerNode));
    const line = (chart: string, name: string, unit: string, of: (cost: Costs) => number) => run.series({ chart, name, unit, x: 'nodes', points: costs.map((cost) => [cost.nodes, of(cost)]) });
    line('Server CPU for a pod started', 'a pod', 'ms', ({ msPerPod }) => msPerPod);
    line('Server CPU for a heartbeat', 'a heartbeat', 'ms', ({ msPerHeartbeat }) => msPerHeartbeat);
    line('Pods started a second', 'pods', '/s', ({ podsPerSecond }) => podsPerSecond);
    line('Start-up of a pod while the cluster fills, p99', 'p99', 'ms', ({ startUpMs }) => startUpMs);
    line('Server memory', 'with nodes alone', 'MB', ({ emptyMb }) => emptyMb);
    line('Server memory', `with ${podsPerNode} pods a node`, 'MB', ({ fullMb }) => fullMb);
    line('Server CPU while only heartbeats come', 'cores', 'cores', ({ idleCores }) => idleCores);
  },
};

async function measure(run: Run, nodes: number, podsPerNode: number): Promise<Costs> {
  // The nodes as a process of their own: their cost is not the server's.
  const target = await startTarget(run, { nodes, fleets: [{ prefix: 'hollow-', nodes }] });
  const api = await Api.open(target.config);
  try {
    run.measured(await systemName(run, api));
    const usage = new Usage(() => target.processes(), run.beganAt);
    const server = await ServerLatency.open(api);
    await run.pass(`${nodes} nodes settle`, settleS);
    await server.takePart();
    const seconds = run.options.durationS ?? heartbeatS;
    const idleBefore = usage.cpuMs('server');
    await run.pass(`heartbeats of ${nodes} nodes`, seconds);
    const idleMs = usage.cpuMs('server') - idleBefore;
    const isHeartbeat = ({ resource, subresource, verb }: { resource: string; subresource: string; verb: string }) => verb !== 'GET' && verb !== 'LIST' && (resource === 'leases' || (resource === 'nodes' && subresource === 'status'));
    const heartbeats = (await server.takePart()).filter(isHeartbeat).reduce((sum, { count }) => sum + count, 0);
    const emptyMb = usage.serverMemory().nowMb;

    const pods = nodes * podsPerNode;
    const namespace = await createNamespace(api, 'growth');
    const watch = await PodWatch.open(target.config, { namespace });
    const before = usage.cpuMs('server');
    const beganAt = performance.now();
    await run.phase(`${pods} pods`, 'pods', pods, async (progress) => void (await saturate(api, watch, namespace, pods, progress)));
    const filledS = (performance.now() - beganAt) / 1000;
    const startUps = Float64Array.from(podStages([...watch.pods.values()]).total).sort();
    watch.close();
    await server.stop();
    const costs: Costs = {
      nodes,
      msPerPod: (usage.cpuMs('server') - before) / pods,
      podsPerSecond: pods / filledS,
      startUpMs: percentile(startUps, 99),
      msPerHeartbeat: idleMs / Math.max(1, heartbeats),
      idleCores: idleMs / 1000 / seconds,
      emptyMb,
      fullMb: usage.serverMemory().nowMb,
    };
    usage.stop();
    run.figure(
      { name: `${nodes} nodes: server CPU for a pod`, value: costs.msPerPod, unit: 'ms', note: `${pods} pods, ${costs.podsPerSecond.toFixed(0)} a second` },
      { name: `${nodes} nodes: server CPU for a heartbeat`, value: costs.msPerHeartbeat, unit: 'ms', note: `${(heartbeats / seconds).toFixed(1)} a second; controllers and all else that idles included` },
      { name: `${nodes} nodes: server memory`, value: costs.fullMb, unit: 'MB', note: `${emptyMb.toFixed(0)} MB before the pods` },
    );
    return costs;
  } finally {
    api.close();
    await target.stop();
  }
}
