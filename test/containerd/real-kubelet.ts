/** A real kubelet over a containerd of the test's own, and an API in this process for it to follow. */
import { join } from 'node:path';
import type { Node, Pod, PodSpec } from '../../src/api/types/core-v1.ts';
import { systemClock } from '../../src/base/clock.ts';
import { createLogger, silentLogger } from '../../src/base/logger.ts';
import { MetricRegistry } from '../../src/base/metrics/registry.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { Client } from '../../src/client/client.ts';
import { EventRecorder } from '../../src/client/event-recorder.ts';
import { events, nodes, pods } from '../../src/client/resources.ts';
import { startCluster, type Cluster } from '../../src/cluster/all-in-one.ts';
import { CriRuntime } from '../../src/node/cri/cri-runtime.ts';
import { NodeCgroups } from '../../src/node/kubelet/cgroups/node-cgroups.ts';
import { openCgroupTree } from '../../src/node/kubelet/cgroups/open-cgroup-tree.ts';
import { Kubelet } from '../../src/node/kubelet/kubelet.ts';
import { MachineHooks } from '../../src/node/kubelet/machine-hooks.ts';
import { NodeObjects } from '../../src/node/kubelet/objects/node-objects.ts';
import { PodStartMetrics } from '../../src/node/kubelet/pod-start-metrics.ts';
import { MachineProbes } from '../../src/node/kubelet/probes/machine-probes.ts';
import { MachineSetup } from '../../src/node/kubelet/settings/machine-setup.ts';
import { createPodVolumes } from '../../src/node/kubelet/volumes/pod-volumes.ts';
import { startContainerd, type Containerd } from './containerd.ts';

export const nodeName = 'real';
export const nodeIp = '127.0.0.1';
const allocatable = { cpu: '2', memory: '4Gi', pods: '110', 'ephemeral-storage': '10Gi' };
const clock = systemClock();
const patienceMs = 30_000;

export interface RealKubelet {
  readonly runtime: CriRuntime;
  /** Ends the agent as an end of its process would: nothing of its pods is touched. */
  stop(): void;
}

async function startRealKubelet(containerd: Containerd, client: Client): Promise<RealKubelet> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const logger = process.env['KUBELET_LOG'] ? createLogger((record) => process.stderr.write(`${JSON.stringify(record)}\n`)) : silentLogger;
  const random = systemRandom();
  const runtime = await CriRuntime.connect({ socket: containerd.socket, clock, logger, seccompDirectory: containerd.directory, imageVolumesDirectory: join(containerd.directory, 'image-volumes') });
  const root = join(containerd.directory, 'kubelet');
  const recorder = new EventRecorder(client, { clock, logger, component: 'kubelet', host: nodeName });
  const objects = new NodeObjects({ client, clock, random, logger, signal });
  const record = (pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string) => kubelet.record(pod, type, reason, message);
  const registered: { node?: Node } = {};
  const volumes = await createPodVolumes({ root, nodeName, client, objects, clock, random, logger, signal, node: () => registered.node, record });
  const cgroups = new NodeCgroups({ tree: await openCgroupTree(clock), root: containerd.cgroupParent, allocatable, podPidsMax: 200 });
  await cgroups.start();
  const setup = new MachineSetup({
    client,
    objects,
    volumes,
    cgroups,
    podsDirectory: join(root, 'pods'),
    logsDirectory: join(containerd.directory, 'logs'),
    dns: { servers: ['10.96.0.10'], domain: 'cluster.local' },
    resolvConf: '',
    hostIps: [nodeIp],
    memoryCapacityBytes: 4 * 2 ** 30,
    allocatable: () => allocatable,
    record,
  });
  const kubelet: Kubelet = new Kubelet({
    client,
    runtime,
    clock,
    random,
    logger,
    signal,
    description: {
      name: nodeName,
      internalIps: [nodeIp],
      podCidr: undefined,
      labels: {},
      taints: [],
      capacity: allocatable,
      allocatable,
      kubeletPort: undefined,
      serverAddress: undefined,
      runtimeVersion: runtime.version,
      machineId: '00000000-0000-4000-8000-000000000001',
      images: [],
    },
    heartbeatPhase: 0,
    starts: new PodStartMetrics(new MetricRegistry(), clock),
    machine: { setup, hooks: new MachineHooks({ runtime, clock, record }), probes: new MachineProbes(runtime, clock, new MetricRegistry()) },
    record: (...event) => recorder.event(...event),
  });
  await kubelet.start();
  registered.node = await client.get(nodes, { name: nodeName });
  return {
    runtime,
    stop: () => {
      stopping.abort();
      recorder.close();
      runtime.close();
    },
  };
}

/** A node of one machine with its API. */
export class RealNode implements AsyncDisposable {
  readonly containerd: Containerd;
  readonly client: Client;
  readonly #cluster: Cluster;
  #kubelet: RealKubelet;

  static async start(): Promise<RealNode> {
    const cluster = await startCluster({ datastore: 'memory', nodes: 0 });
    try {
      const containerd = await startContainerd();
      try {
        return new RealNode(cluster, containerd, await startRealKubelet(containerd, cluster.client));
      } catch (error) {
        await containerd.close();
        throw error;
      }
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  private constructor(cluster: Cluster, containerd: Containerd, kubelet: RealKubelet) {
    this.#cluster = cluster;
    this.client = cluster.client;
    this.containerd = containerd;
    this.#kubelet = kubelet;
  }

  get runtime(): CriRuntime {
    return this.#kubelet.runtime;
  }

  /** As after a kill of the kubelet; `meanwhile` happens while there is none. */
  async restartKubelet(meanwhile: () => Promise<void> = async () => {}): Promise<void> {
    this.#kubelet.stop();
    await meanwhile();
    this.#kubelet = await startRealKubelet(this.containerd, this.client);
  }

  async run(name: string, spec: PodSpec, metadata: Partial<Pod['metadata']> = {}): Promise<Pod> {
    const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', ...metadata }, spec: { nodeName, terminationGracePeriodSeconds: 2, automountServiceAccountToken: false, ...spec } };
    // The namespace's service account is made by a controller, a moment after the start.
    for (let tries = 0; ; tries++) {
      try {
        return await this.client.create(pods, pod);
      } catch (error) {
        if (tries >= 100 || !String(error).includes('serviceaccount')) throw error;
        await clock.sleep(100);
      }
    }
  }

  pod(name: string): Promise<Pod> {
    return this.client.get(pods, { namespace: 'default', name });
  }

  /** Resolves to the pod as soon as it is as it should be; rejects with how it is when patience ends. */
  async until(name: string, holds: (pod: Pod) => boolean): Promise<Pod> {
    const end = clock.now() + patienceMs;
    for (;;) {
      const pod = await this.pod(name);
      if (holds(pod)) return pod;
      if (clock.now() > end) throw new Error(`pod ${name} is not as it should be: ${JSON.stringify(pod.status, null, 1)}\n${(await this.eventsOf(name)).join('\n')}`);
      await clock.sleep(50);
    }
  }

  async delete(name: string): Promise<void> {
    await this.client.delete(pods, { namespace: 'default', name });
    await this.gone(name);
  }

  async gone(name: string): Promise<void> {
    const end = clock.now() + patienceMs;
    while (await this.pod(name).then(() => true, () => false)) {
      if (clock.now() > end) throw new Error(`pod ${name} does not go: ${JSON.stringify((await this.pod(name)).status)}`);
      await clock.sleep(50);
    }
  }

  /** `<reason>: <message>` */
  async eventsOf(name: string): Promise<string[]> {
    const { items } = await this.client.list(events, { namespace: 'default', fieldSelector: `involvedObject.name=${name}` });
    return items.map(({ reason, message }) => `${reason}: ${message}`);
  }

  /** What the container has written. */
  async logs(pod: Pod, container = 'main'): Promise<string> {
    const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {};
    const status = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(({ name }) => name === container);
    const lines: string[] = [];
    const request = { pod, containerId: status?.containerID ?? '', signal: new AbortController().signal, sinceMs: undefined, tailLines: undefined, follow: false };
    for await (const { text } of this.runtime.logs(request)) lines.push(text);
    return lines.join('');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#kubelet.stop();
    await this.#cluster.stop();
    await this.containerd.close();
  }
}
