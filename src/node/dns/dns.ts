/**
 * Cluster DNS: a server that answers for the cluster's zone by the specification
 * (github.com/kubernetes/dns, 1.1.0) from what the API holds, and forwards other
 * questions.
 *
 * Each real node runs one, on an address that its pods reach (the node's own, or
 * one that only the node has), so a pod's question does not leave its machine.
 * Pods find it by the Service kube-system/kube-dns at the cluster IP
 * `clusterDnsAddress`: a node that runs a server says so by the annotation
 * `dnsAddressAnnotation` on its Node, and the controller `cluster-dns` keeps the
 * Service and its endpoints at the nodes that are Ready.
 *
 * It lists and watches Services, EndpointSlices and namespaces, which every node may.
 *
 * A query takes some 20 us of the thread: it may share one with what does not
 * block it for milliseconds, such as the kubelet of a real node.
 */
import { readFileSync } from 'node:fs';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { MetricRegistry } from '../../base/metrics/registry.ts';
import type { Random } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import { InformerSet } from '../../client/informer-set.ts';
import { ClusterRecords } from './cluster-records.ts';
import { DnsMetrics } from './dns-metrics.ts';
import { Forwarder } from './forwarder.ts';
import { listenDns } from './listeners.ts';
import type { Listener, ListenAddress } from './listeners.ts';
import { LoopGuard } from './loop-guard.ts';
import { parseResolvConf } from './resolv-conf.ts';
import { Resolver } from './resolver.ts';
import type { Route } from './resolver.ts';
import { DnsResponder } from './responder.ts';
import type { UpstreamAddress } from './upstream.ts';
import { Zone } from './zone.ts';

export interface DnsOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Port 53 mostly; 0 takes a free one. */
  readonly listen: readonly ListenAddress[];
  /** `cluster.local` unless set. */
  readonly zone?: string;
  /** Of the cluster's records, and of denials; 5 s unless set, as pods come and go. */
  readonly ttlSeconds?: number;
  /** Who is asked for all other names: addresses, or the path of a resolv.conf. None: such questions are refused. */
  readonly upstreams?: readonly UpstreamAddress[] | string;
  /** Domains that have servers of their own. */
  readonly stubDomains?: ReadonlyMap<string, readonly UpstreamAddress[]>;
}

export interface RunningDns {
  /** The port of each of `listen`. */
  readonly ports: readonly number[];
  /** Resolves when everything that the API holds is known; until then the cluster's names are answered with SERVFAIL. */
  readonly ready: Promise<void>;
  isReady(): boolean;
  /** Resolves once the signal has aborted and everything is closed. */
  readonly stopped: Promise<void>;
}

/** Rejects where it cannot listen. */
export async function startDns(options: DnsOptions): Promise<RunningDns> {
  const { client, clock, random, logger, signal, zone: name = 'cluster.local', ttlSeconds = 5 } = options;
  const zone = new Zone({ zone: name.toLowerCase(), ttlSeconds, serial: Math.floor(clock.now() / 1000) });
  const informers = new InformerSet(client, { clock, random, logger });
  new ClusterRecords(zone, ttlSeconds, informers);
  const metrics = new DnsMetrics(options.metrics);
  const loops = new LoopGuard();
  const routes = routesOf(options, metrics);
  const responder = new DnsResponder(new Resolver(zone, routes, loops), { metrics, clock, logger });

  const listeners: Listener[] = [];
  const close = () => {
    for (const listener of listeners) listener.close();
    for (const { forwarder } of routes) forwarder.close();
  };
  try {
    for (const address of options.listen) listeners.push(await listenDns(address, responder, clock, logger));
  } catch (error) {
    close();
    throw error;
  }
  for (const { domain, forwarder } of routes) loops.probe(forwarder, domain);

  informers.start(signal);
  const ready = informers.synced(signal).then(() => void (zone.complete = true));
  // Whoever does not wait for it sees it in `stopped`.
  ready.catch(() => {});
  const stopped = informers.stopped().then(close);
  return { ports: listeners.map(({ port }) => port), ready, isReady: () => zone.complete, stopped };
}

function routesOf({ upstreams = [], stubDomains, clock, logger, listen }: DnsOptions, metrics: DnsMetrics): Route[] {
  const addresses = typeof upstreams === 'string' ? parseResolvConf(readFileSync(upstreams, 'utf8')) : upstreams;
  // A machine whose own resolver is this server would ask itself.
  const others = addresses.filter(({ address, port = 53 }) => !listen.some((own) => own.address === address && own.port === port));
  const forwarderTo = (servers: readonly UpstreamAddress[]) => new Forwarder(servers, { clock, logger, metrics });
  return [
    ...(others.length > 0 ? [{ domain: '', forwarder: forwarderTo(others) }] : []),
    ...Array.from(stubDomains ?? [], ([domain, servers]) => ({ domain: domain.replace(/\.$/, '').toLowerCase(), forwarder: forwarderTo(servers) })),
  ];
}
