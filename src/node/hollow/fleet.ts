/**
 * A fleet of hollow nodes in one process: each is a kubelet with an identity of
 * its own over the pretending runtime; all share one timer. A fleet that starts
 * again takes its nodes and their pods up where the API says they were.
 */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { MetricRegistry } from '../../base/metrics/registry.ts';
import type { Random } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import { EventRecorder } from '../../client/event-recorder.ts';
import { Kubelet } from '../kubelet/kubelet.ts';
import { PodStartMetrics } from '../kubelet/pod-start-metrics.ts';
import type { NodeDescription } from '../kubelet/node-status.ts';
import { KubeletServer, type KubeletServerOptions } from '../kubelet/server/kubelet-server.ts';
import { blockOf, formatIpv4, parseIpv4 } from './addresses.ts';
import { defaultBehaviours } from './behaviour.ts';
import { HollowRuntime } from './hollow-runtime.ts';
import { pretendedVolumes } from './pretended-volumes.ts';
import { sharedClock } from './shared-clock.ts';
import { cheapLabel, SharedPods } from './shared-pods.ts';
import { sparingLogger } from './sparing-logger.ts';
import { stageActions } from './stage-actions.ts';
import type { LoadedStages } from './stages/load.ts';
import { PodStages } from './stages/pod-stages.ts';

export interface HollowFleetOptions {
  readonly count: number;
  /** Nodes are named by it and their index. */
  readonly namePrefix?: string;
  /** A client that acts as `system:node:<name>` of the group `system:nodes`. */
  clientFor(nodeName: string): Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
  readonly signal: AbortSignal;
  /** Who watches the pods of all nodes at once, in the cheap mode (shared-pods.ts). Left out: each node watches its own. */
  readonly cheapClient?: Client | undefined;
  readonly capacity?: Readonly<Record<string, string>>;
  /** Labels beside the kubelet's own, e.g. a zone by index. */
  labelsFor?(index: number): Readonly<Record<string, string>>;
  readonly taints?: NodeDescription['taints'];
  /** How containers behave, before the defaults, and what becomes of pods. */
  readonly stages?: Pick<LoadedStages, 'behaviours' | 'podStages'>;
  readonly sandboxMs?: number;
  /** Off, pods' events cost nothing. */
  readonly events?: boolean;
  /** Nodes that register at the same time. */
  readonly registerParallel?: number;
  /** Each node gets a /24 of this network. */
  readonly podNetwork?: string;
  /** Nodes' own addresses are counted from here. */
  readonly nodeNetwork?: string;
  /** Nodes' servers: logs, commands, figures. Left out: they have none. */
  readonly server?: FleetServer;
}

export interface FleetServer extends Omit<KubeletServerOptions, 'pages'> {
  /** Who asks the nodes finds them there: as their internal address, or as a name beside it. */
  readonly reachedAt: { readonly internalIp: string } | { readonly name: string };
}

export interface HollowFleet {
  readonly kubelets: readonly Kubelet[];
  /** Resolves once every node is registered. */
  readonly registered: Promise<void>;
}

/**
 * The heartbeats of a large fleet go in groups: what is sent in one turn crosses
 * to the API server as one message and is committed as one group, which costs a
 * fraction of as many single ones.
 */
const heartbeatGroups = 200;

const defaultCapacity = { cpu: '8', memory: '32Gi', pods: '110', 'ephemeral-storage': '100Gi', 'hugepages-1Gi': '0', 'hugepages-2Mi': '0' };

export function startHollowFleet(given: HollowFleetOptions): HollowFleet {
  const options = { ...given, logger: sparingLogger(given.logger, given.clock) };
  const shared = sharedClock(options.clock);
  // A signal of its own for each: adding and removing listeners of one signal costs its number of listeners.
  const stops = Array.from({ length: options.count }, () => new AbortController());
  const server = options.server && { kubelets: new KubeletServer({ ...options.server, pages: { metrics: options.metrics, configuration: {} } }), reachedAt: options.server.reachedAt };
  const shares = options.cheapClient && new SharedPods({ ...options, client: options.cheapClient, nodes: options.count });
  const starts = new PodStartMetrics(options.metrics, options.clock);
  const kubelets = stops.map(({ signal }, index) => hollowKubelet({ ...options, signal, starts, server, shares }, index, shared));
  const running = options.metrics.gauge('kubelet_running_pods', 'Pods that the nodes hold.').with();
  options.metrics.beforeSnapshot(() => running.set(kubelets.reduce((sum, { podCount }) => sum + podCount, 0)));
  const stop = () => {
    server?.kubelets.close();
    for (const one of stops) one.abort(options.signal.reason);
    shared.close();
  };
  if (options.signal.aborted) stop();
  else options.signal.addEventListener('abort', stop, { once: true });
  return { kubelets, registered: startAll(kubelets, options.registerParallel ?? 100) };
}

/** In parallel, but not all at once: thousands of registrations would starve everything else. */
async function startAll(kubelets: readonly Kubelet[], parallel: number): Promise<void> {
  let next = 0;
  const work = async () => {
    for (let kubelet = kubelets[next++]; kubelet; kubelet = kubelets[next++]) await kubelet.start();
  };
  await Promise.all(Array.from({ length: Math.min(parallel, kubelets.length) }, work));
}

/** What the nodes of a fleet have in common. */
interface Shared {
  readonly starts: PodStartMetrics;
  readonly server: { readonly kubelets: KubeletServer; readonly reachedAt: FleetServer['reachedAt'] } | undefined;
  readonly shares: SharedPods | undefined;
}

function hollowKubelet(options: Omit<HollowFleetOptions, 'server'> & Shared, index: number, clock: Clock): Kubelet {
  const { random, logger, signal, server, shares } = options;
  const reachedAt = server?.reachedAt;
  const name = `${options.namePrefix ?? 'node-'}${index}`;
  const podCidr = blockOf(options.podNetwork ?? '10.128.0.0', index, 24);
  const client = options.clientFor(name);
  const { behaviours, podStages } = options.stages ?? { behaviours: [], podStages: [] };
  const actions = stageActions(client, logger, signal);
  const runtime = new HollowRuntime({
    clock,
    random,
    podCidr,
    behaviours: [...behaviours, ...defaultBehaviours],
    sandboxMs: options.sandboxMs ?? 1,
    ...(podStages.length === 0
      ? {}
      : {
          stagesFor: (enact) => new PodStages({ stages: podStages, clock, random, logger, actions: { ...actions, enact, record: (...event) => kubelet.record(...event) } }),
        }),
  });
  const capacity = { ...defaultCapacity, ...options.capacity };
  const description: NodeDescription = {
    name,
    internalIps: [reachedAt && 'internalIp' in reachedAt ? reachedAt.internalIp : formatIpv4(parseIpv4(options.nodeNetwork ?? '172.16.0.0') + index + 2)],
    podCidr,
    labels: { ...options.labelsFor?.(index), ...(shares ? cheapLabel : {}) },
    taints: options.taints ?? [],
    capacity,
    allocatable: capacity,
    kubeletPort: undefined,
    serverAddress: reachedAt && 'name' in reachedAt ? reachedAt.name : undefined,
    runtimeVersion: runtime.version,
    machineId: machineIdOf(index),
    images: [],
  };
  const kubelet: Kubelet = new Kubelet({
    client,
    runtime,
    clock,
    random,
    logger,
    signal,
    starts: options.starts,
    description,
    heartbeatPhase: Math.floor((index / options.count) * heartbeatGroups) / heartbeatGroups,
    localVolumes: pretendedVolumes,
    ...(server ? { serve: (node) => server.kubelets.serve(node) } : {}),
    ...(shares ? { follow: (sink) => shares.follow(name, sink) } : {}),
    ...(options.events === false ? {} : { record: lazyRecorder(client, clock, logger, name, signal) }),
  });
  return kubelet;
}

/** A node that never records anything has no recorder. */
function lazyRecorder(client: Client, clock: Clock, logger: Logger, host: string, signal: AbortSignal): EventRecorder['event'] {
  let recorder: EventRecorder | undefined;
  return (subject, type, reason, message) => {
    if (!recorder) {
      const made = new EventRecorder(client, { clock, logger, component: 'kubelet', host, sendersMax: 1 });
      signal.addEventListener('abort', () => made.close(), { once: true });
      recorder = made;
    }
    recorder.event(subject, type, reason, message);
  };
}

/** A UUID that says which node of the fleet it is, the same after every start. */
function machineIdOf(index: number): string {
  return `00000000-0000-4000-8000-${index.toString(16).padStart(12, '0')}`;
}
