/**
 * One real node put together, as a process: a kubelet over a runtime that speaks
 * CRI, the pod network, the proxy of Services and the cluster's DNS. Whatever of
 * it ends, containers go on; the next start takes them up.
 */
import { dirname, join } from 'node:path';
import { clusterDnsAddress, dnsAddressAnnotation } from '../api/cluster-dns.ts';
import type { Node, Pod } from '../api/types/core-v1.ts';
import type { MetricRegistry } from '../base/metrics/registry.ts';
import type { Random } from '../base/random.ts';
import { Client } from '../client/client.ts';
import { EventRecorder } from '../client/event-recorder.ts';
import { Informer } from '../client/informer.ts';
import { nodes } from '../client/resources.ts';
import type { Transport } from '../client/transport.ts';
import type { CriRuntime } from '../node/cri/cri-runtime.ts';
import { startDns, type DnsOptions } from '../node/dns/dns.ts';
import { NodeCgroups } from '../node/kubelet/cgroups/node-cgroups.ts';
import { openCgroupTree } from '../node/kubelet/cgroups/open-cgroup-tree.ts';
import { ImagePulls } from '../node/kubelet/image-pulls.ts';
import { Kubelet } from '../node/kubelet/kubelet.ts';
import { MachineHooks } from '../node/kubelet/machine-hooks.ts';
import { NodeManager } from '../node/kubelet/node/node-manager.ts';
import { defaultThresholds } from '../node/kubelet/node/thresholds.ts';
import { NodeObjects } from '../node/kubelet/objects/node-objects.ts';
import { PodStartMetrics } from '../node/kubelet/pod-start-metrics.ts';
import { MachineProbes } from '../node/kubelet/probes/machine-probes.ts';
import { KubeletServer } from '../node/kubelet/server/kubelet-server.ts';
import { MachineSetup } from '../node/kubelet/settings/machine-setup.ts';
import { localVolumes } from '../node/kubelet/volumes/local-volumes.ts';
import { createPodVolumes } from '../node/kubelet/volumes/pod-volumes.ts';
import { followPodNetwork } from '../node/network/pod-network.ts';
import { startNetworkPolicy } from '../node/proxy/policy/start-network-policy.ts';
import { startProxy } from '../node/proxy/start-proxy.ts';
import { userAgents } from './identities.ts';
import { leaveNode } from './leave-node.ts';
import { connectRuntime, type NodeRuntimeOptions } from './node-runtime.ts';
import type { CertifiedKey } from './pki/certificate.ts';

export interface RealNodeOptions extends NodeRuntimeOptions {
  readonly name: string;
  /** By which other nodes and the API server reach it: one, or one of each family. */
  readonly addresses: readonly string[];
  /** Acts as the node. */
  readonly transport: Transport;
  /** PEM of the authority that vouches for the API server and for callers of the node. */
  readonly authority: string;
  readonly serving: CertifiedKey;
  /** Of the node's server. */
  readonly port: number;
  readonly logsDirectory: string;
  /** Where manifests of static pods lie; undefined: there are none. */
  readonly manifests: string | undefined;
  /** Below which the cgroups of pods are made: `` or `/name`. */
  readonly cgroupRoot: string;
  /** Where the runtime looks for its network; undefined: somebody else looks after that. */
  readonly cniConfigDirectory: string | undefined;
  /** Where pods have their addresses; empty: not known, and Services see their callers' addresses as they come. */
  readonly clusterCidrs: readonly string[];
  /** One block, or one of each family. */
  readonly serviceCidrs: readonly string[];
  readonly clusterDomain: string;
  /** Domains that have DNS servers of their own. */
  readonly stubDomains?: DnsOptions['stubDomains'];
  readonly labels: Readonly<Record<string, string>>;
  readonly random: Random;
  readonly metrics: MetricRegistry;
  /** After the signal everything is taken away: pods, mounts, rules. */
  readonly cleanUp: boolean;
  readonly signal: AbortSignal;
}

export interface RealNode {
  /** Resolves when everything has ended after the signal. Containers stay, unless it is to clean up. */
  readonly stopped: Promise<void>;
}

/** Where runtimes keep what they pull, for the figures of the disk. */
const imagesDirectory = '/var/lib/containerd';
const resolverConfiguration = '/etc/resolv.conf';
const dnsPort = 53;
const pullsAtOnce = 4;
/** Upstream's. */
const proxyHealthPort = 10256;

/** Resolves once the node is registered and follows its pods. */
export async function startRealNode(options: RealNodeOptions): Promise<RealNode> {
  const runtime = await connectRuntime(options);
  const end = async () => {
    const leaves = options.cleanUp && options.signal.aborted;
    if (leaves) await runtime.sandboxesMade();
    // What still goes on in pods ends here: a call that is not answered any more.
    runtime.close();
    if (leaves) await leaveNode(options);
  };
  try {
    const { stopped } = await startOver(runtime, options);
    return { stopped: stopped.then(end) };
  } catch (error) {
    await end();
    throw error;
  }
}

async function startOver(runtime: CriRuntime, options: RealNodeOptions): Promise<{ readonly stopped: Promise<unknown> }> {
  const { name, addresses, clock, random, logger, metrics, signal } = options;
  const [address = ''] = addresses;
  const client = new Client(options.transport, { clock, userAgent: userAgents.kubelet });
  const recorder = new EventRecorder(client, { clock, logger, component: 'kubelet', host: name });
  const allNodes = new Informer(client, nodes, { clock, random, logger });
  const podNetwork = options.cniConfigDirectory === undefined ? undefined : followPodNetwork({ nodes: allNodes, nodeName: name, nodeAddress: address, configDirectory: options.cniConfigDirectory, clock, logger, signal });
  const running = [allNodes.run(signal), podNetwork];
  const { machine, manager, description } = await machineOf(options, { client, runtime, allNodes, record });
  const server = new KubeletServer({ host: address, ...options.serving, clientAuthority: options.authority, clock, pages: { metrics, configuration: configurationOf(options), logsDirectory: dirname(options.logsDirectory) } });
  const kubelet = new Kubelet({
    client,
    runtime,
    clock,
    random,
    logger,
    signal,
    description,
    heartbeatPhase: random.fraction(),
    starts: new PodStartMetrics(metrics, clock),
    machine,
    manager,
    ...(options.manifests === undefined ? {} : { manifests: options.manifests }),
    localVolumes: localVolumes(options.rootDirectory),
    serve: (node) => server.serve(node, options.port),
    record: (...event) => recorder.event(...event),
  });
  const podCount = metrics.gauge('kubelet_running_pods', 'Pods that the nodes hold.').with();
  metrics.beforeSnapshot(() => podCount.set(kubelet.podCount));
  signal.addEventListener(
    'abort',
    () => {
      server.close();
      recorder.close();
    },
    { once: true },
  );
  await kubelet.start();
  running.push(...(await startNodeNetwork(options, client)));
  return { stopped: Promise.all(running) };

  /** The kubelet's, as soon as there is one: its parts are made before it. */
  function record(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void {
    kubelet.record(pod, type, reason, message);
  }
}

/** As /configz tells it: what a KubeletConfiguration would have to say for a node to be as this one. */
function configurationOf({ port, addresses, rootDirectory, logsDirectory, manifests, runtimeSocket, serviceCidrs, clusterDomain, cgroupRoot }: RealNodeOptions): Record<string, unknown> {
  const dnsAddress = clusterDnsAddress(serviceCidrs[0] ?? '');
  return {
    enableServer: true,
    address: addresses[0],
    port,
    podLogsDir: logsDirectory,
    ...(manifests === undefined ? {} : { staticPodPath: manifests }),
    containerRuntimeEndpoint: `unix://${runtimeSocket}`,
    authentication: { x509: {}, webhook: { enabled: true, cacheTTL: '2m0s' }, anonymous: { enabled: false } },
    authorization: { mode: 'Webhook', webhook: { cacheAuthorizedTTL: '5m0s', cacheUnauthorizedTTL: '30s' } },
    clusterDomain,
    clusterDNS: dnsAddress === undefined ? [] : [dnsAddress],
    cgroupRoot: cgroupRoot || '/',
    cgroupDriver: 'cgroupfs',
    resolvConf: resolverConfiguration,
    evictionHard: Object.fromEntries(defaultThresholds.map(({ signal, limit }) => [signal, limit])),
    enableDebuggingHandlers: true,
    failSwapOn: false,
    maxPods: 110,
    volumePluginDir: join(rootDirectory, 'plugins'),
  };
}

interface Surroundings {
  readonly client: Client;
  readonly runtime: CriRuntime;
  readonly allNodes: Informer<Node>;
  record(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void;
}

/** What the kubelet has because there is a machine below it. */
async function machineOf(options: RealNodeOptions, { client, runtime, allNodes, record }: Surroundings) {
  const { name, addresses, rootDirectory, logsDirectory, clock, random, logger, metrics, signal } = options;
  const objects = new NodeObjects({ client, clock, random, logger, signal });
  const volumes = await createPodVolumes({ root: rootDirectory, nodeName: name, client, objects, clock, random, logger, signal, node: () => allNodes.get(name), record });
  const manager = await NodeManager.create({
    runtime,
    clock,
    logger,
    folders: { root: rootDirectory, images: imagesDirectory },
    logDirectory: (pod) => join(logsDirectory, `${pod.metadata.namespace}_${pod.metadata.name}_${pod.metadata.uid}`),
    volumes,
    node: () => allNodes.get(name),
  });
  const described = await manager.describe();
  const dnsAddress = clusterDnsAddress(options.serviceCidrs[0] ?? '');
  const cgroups = new NodeCgroups({ tree: await openCgroupTree(clock), root: options.cgroupRoot, allocatable: described.allocatable, podPidsMax: undefined });
  await cgroups.start();
  const setup = new MachineSetup({
    client,
    objects,
    volumes,
    cgroups,
    podsDirectory: join(rootDirectory, 'pods'),
    logsDirectory,
    dns: { servers: dnsAddress === undefined ? [] : [dnsAddress], domain: options.clusterDomain },
    resolvConf: resolverConfiguration,
    hostIps: addresses,
    memoryCapacityBytes: manager.facts.memoryBytes,
    allocatable: () => described.allocatable,
    record,
  });
  return {
    manager,
    machine: { setup, pulls: new ImagePulls(runtime, clock, pullsAtOnce), hooks: new MachineHooks({ runtime, clock, record }), probes: new MachineProbes(runtime, clock, metrics) },
    description: { name, internalIps: addresses, podCidr: undefined, labels: options.labels, taints: [], kubeletPort: options.port, serverAddress: undefined, images: [], ...described },
  };
}

/** Services, NetworkPolicies and the cluster's names, all by the node's own name. Resolves, once they work, to their ends. */
async function startNodeNetwork(options: RealNodeOptions, client: Client): Promise<readonly Promise<void>[]> {
  const { name, addresses, clusterCidrs, serviceCidrs, clusterDomain, clock, random, logger, metrics, signal } = options;
  const common = { client, clock, random, logger, metrics, signal };
  const dns = await startDns({ ...common, listen: addresses.map((address) => ({ address, port: dnsPort })), zone: clusterDomain, upstreams: resolverConfiguration, ...(options.stubDomains ? { stubDomains: options.stubDomains } : {}) });
  const announced = dns.ready.then(() => client.patch(nodes, { name }, { metadata: { annotations: { [dnsAddressAnnotation]: addresses.join(',') } } }, { type: 'merge', signal }));
  announced.catch((error: unknown) => {
    if (!signal.aborted) logger.warn('the node’s DNS could not be announced', { error });
  });
  const health = { host: addresses[0] ?? '', port: proxyHealthPort };
  const [proxy, policy] = await Promise.all([
    startProxy({ ...common, nodeName: name, mode: 'nftables', clusterCidrs, serviceCidrs, health }),
    startNetworkPolicy({ ...common, nodeName: name }),
  ]);
  return [dns.stopped, proxy.stopped, policy.stopped];
}
