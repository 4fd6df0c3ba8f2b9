/**
 * The proxy of one node: follows Services in the API, and keeps the kernel of the
 * network namespace it runs in so that what is sent to a Service reaches one of
 * its endpoints.
 *
 *   informers -> ServiceTracker -> models -> parts -> RuleTable -> RuleSync -> nft or iptables-restore
 */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { MetricRegistry } from '../../base/metrics/registry.ts';
import type { Random } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import { Informer } from '../../client/informer.ts';
import { keyOf } from '../../client/resource.ts';
import { endpointSlices, nodes, services } from '../../client/resources.ts';
import { runCommand } from '../system/command.ts';
import type { RunCommand } from '../system/command.ts';
import { HealthCheckPorts } from './health-check-ports.ts';
import { IptablesBackend } from './iptables/iptables-backend.ts';
import { iptablesRenderer } from './iptables/iptables-renderer.ts';
import { nftRenderer } from './nft/nft-renderer.ts';
import { ProxyHealth, serveProxyHealth } from './proxy-health.ts';
import type { ListenAddress } from './proxy-health.ts';
import { ProxyMetrics } from './proxy-metrics.ts';
import type { ProxyMode } from './proxy-metrics.ts';
import type { RuleBackend } from './rules/backend.ts';
import { NftBackend } from './rules/nft-backend.ts';
import { RuleSync } from './rules/rule-sync.ts';
import { RuleTable } from './rules/rule-table.ts';
import type { Family } from './service-model.ts';
import { ServiceTracker } from './service-tracker.ts';
import type { ServiceRenderer, TrackedChange } from './service-tracker.ts';
import { UdpFlows } from './udp-flows.ts';

export const proxyTable = 'coxswain-proxy';

export interface ProxyOptions {
  /** As `system:kube-proxy`, or anybody who may list Services, EndpointSlices and nodes. */
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: MetricRegistry;
  readonly nodeName: string;
  readonly mode: ProxyMode;
  /** Where pods have their addresses: what reaches a cluster IP from elsewhere is masqueraded. */
  readonly clusterCidrs: readonly string[];
  /** Where Services have theirs: what goes there and to no Service is dropped. Empty: it is routed as anything else. */
  readonly serviceCidrs?: readonly string[];
  /** Default: both. */
  readonly families?: readonly Family[];
  /** Of the nftables tables; default `proxyTable`. */
  readonly tableName?: string;
  /** Where `/healthz`, `/livez` and `/metrics` are served; undefined: nowhere. Upstream's port is 10256. */
  readonly health?: ListenAddress;
  /** How the kernel's tools are run; default: as they are, in this process's network namespace. */
  readonly run?: RunCommand;
  /** How often the kernel is asked whether it still has the rules; default: every 30 s, or less often where there are very many. */
  readonly auditEveryMs?: number;
  readonly signal: AbortSignal;
}

export interface RunningProxy {
  readonly healthPort: number | undefined;
  /** Resolves once everything that the API says now has reached the kernel. */
  settled(): Promise<void>;
  /** Resolves when it has ended. */
  readonly stopped: Promise<void>;
  /** Takes all rules out of the kernel; once `stopped`. Without it they stay, and traffic goes on until the next start. */
  cleanUp(): Promise<void>;
}

/** Resolves once the rules are in the kernel for the first time. */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const { client, clock, logger, signal, families = ['IPv4', 'IPv6'], run = runCommand } = options;
  const registry = options.metrics ?? new MetricRegistry();
  const informerOptions = { clock, random: options.random, logger };
  const allServices = new Informer(client, services, informerOptions);
  const allSlices = new Informer(client, endpointSlices, informerOptions);
  const ownNode = new Informer(client, nodes, { ...informerOptions, fieldSelector: `metadata.name=${options.nodeName}` });
  const metrics = new ProxyMetrics(registry, clock, families, options.mode);
  const health = new ProxyHealth(clock, () => [...ownNode.values()][0]);
  const served = options.health ? await serveProxyHealth(options.health, health, registry) : undefined;

  const table = new RuleTable();
  const { renderer, backend } = written(options, families, run);
  const sync = new RuleSync({
    table,
    backend,
    clock,
    logger,
    ...(options.auditEveryMs === undefined ? {} : { auditEveryMs: options.auditEveryMs }),
    onSync(outcome) {
      metrics.synced(outcome);
      if (!outcome.error) health.updated();
    },
  });
  const flows = new UdpFlows(run, logger);
  const tracker: ServiceTracker = new ServiceTracker({
    nodeName: options.nodeName,
    families,
    services: allServices,
    slices: allSlices,
    nodes: ownNode,
    table,
    renderer,
    onChange: (change) => changed(change),
    onServiceEvent: () => metrics.serviceChanged(),
    onEndpointEvent: () => metrics.endpointsChanged(),
  });
  const checkPorts = new HealthCheckPorts({ logger, localReady: (key) => tracker.localReady(key), proxyHealthy: () => health.healthy });
  allServices.addHandler({
    onAdd: (service) => checkPorts.update(service),
    onUpdate: (_, service) => checkPorts.update(service),
    onDelete: (service) => checkPorts.remove(keyOf(service)),
  });

  const informers = [allServices, allSlices, ownNode];
  const running = informers.map((informer) => informer.run(signal));
  const stopped = ended();
  await Promise.all(informers.map((informer) => informer.synced(signal)));
  tracker.synced();
  running.push(sync.run(signal));
  await sync.settled(signal);
  return { healthPort: served?.port, settled: () => sync.settled(signal), stopped, cleanUp: () => backend.remove() };

  function changed({ triggers, udp }: TrackedChange): void {
    metrics.queued();
    health.queued();
    sync.whenApplied(() => {
      for (const { family, at } of triggers) metrics.programmed(family, Math.max(0, clock.now() - at) / 1000);
      for (const family of udp) void flows.clean(family, tracker.takeUdpDestinations(family), tracker.nodeIps);
    });
  }

  /** Also where it is told to stop before it has begun. */
  async function ended(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.all(running);
    await Promise.all([flows.rest(), checkPorts.close(), served?.close()]);
  }
}

/** The two halves of a mode: how rules are written, and where they go. */
function written({ mode, clock, clusterCidrs, serviceCidrs = [], tableName = proxyTable }: ProxyOptions, families: readonly Family[], run: RunCommand): { readonly renderer: ServiceRenderer; readonly backend: RuleBackend } {
  const words = families.map((family) => (family === 'IPv4' ? 'ip' : 'ip6'));
  const networks = { clusterCidrs, serviceCidrs };
  return mode === 'nftables'
    ? { renderer: nftRenderer(networks), backend: new NftBackend({ run, clock, table: tableName, families: words }) }
    : { renderer: iptablesRenderer(networks), backend: new IptablesBackend(run, words) };
}
