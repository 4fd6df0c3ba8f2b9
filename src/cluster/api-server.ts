/**
 * The API server put together: store, watch caches, access, admission,
 * registry, HTTP. One of these runs in the all-in-one process, or alone.
 */
import { createPublicKey } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { builtInCatalogue, storagePrefixOf, type Catalogue, type ResourceInfo } from '../api/catalogue.ts';
import type { Service } from '../api/types/core-v1.ts';
import { formatIp, parseIp } from '../api/validation/ip.ts';
import type { Clock } from '../base/clock.ts';
import type { ExchangeHandler } from '../base/exchange.ts';
import type { Logger } from '../base/logger.ts';
import type { MetricsPage } from '../base/metrics/page.ts';
import type { Random } from '../base/random.ts';
import { Authentication } from '../server/access/authentication.ts';
import { mastersAuthorizer, unionAuthorizer } from '../server/access/authorization.ts';
import { BootstrapTokenAuthenticator } from '../server/access/bootstrap-token.ts';
import { NodeAuthorizer } from '../server/access/node-authorizer.ts';
import { RbacAuthorizer } from '../server/access/rbac.ts';
import { ServiceAccountTokenAuthenticator } from '../server/access/service-account-token.ts';
import { discoveryDocument, jwksDocument, TokenIssuer } from '../server/access/tokens.ts';
import type { ApiServerParts } from '../server/http/call.ts';
import { listen } from '../server/http/listener.ts';
import { NodeUsage } from '../server/http/metrics-api/node-usage.ts';
import { BackendClient } from '../server/http/backends/backend-client.ts';
import { createHandler } from '../server/http/serve.ts';
import { isVirtual } from '../server/http/virtual-resources.ts';
import { defaultServiceRanges, InMemoryServiceAllocator } from '../server/registry/strategies/service-allocator.ts';
import { createStrategies } from '../server/registry/strategies/strategies.ts';
import { clusterWriter } from '../server/registry/cluster-writer.ts';
import { Registry } from '../server/registry/registry.ts';
import { PodStartups } from '../server/slo/pod-startups.ts';
import { cachedResourceOf } from '../server/watchcache/cached-resource.ts';
import { WatchCacheSet } from '../server/watchcache/watch-cache-set.ts';
import type { Store } from '../storage/contract.ts';
import { createAdmission } from './admission.ts';
import { bootstrap } from './bootstrap.ts';
import { compactPeriodically } from './compaction.ts';
import { openDatastore, type DatastoreSpec, type EtcdAccess } from './datastore.ts';
import { ApiServerMetrics } from './metrics/api-server-metrics.ts';
import { MeasuredStore } from './metrics/measured-store.ts';
import { nodeRules } from './bootstrap/rbac-policy.ts';
import { publishSlo } from './slo-object.ts';
import { StoreHealth } from './store-health.ts';
import { componentSubjects, loadOrCreatePki, type Pki } from './pki/pki.ts';

export interface ApiServerOptions {
  /** `sqlite`, `memory`, or etcd addresses. */
  readonly datastore: DatastoreSpec;
  readonly etcd?: EtcdAccess;
  readonly dataDir: string;
  readonly host: string;
  /** Further addresses to listen at. */
  readonly alsoAt?: readonly string[];
  /** By which pods and nodes reach it; unless set, `host` where it is one address that others can reach. */
  readonly advertiseAddress?: string | undefined;
  /** 0 takes any free port. */
  readonly port: number;
  /** Where Services have their addresses: one block, or one of each family, of which the first is the default. */
  readonly serviceCidrs?: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface RunningApiServer {
  readonly port: number;
  readonly pki: Pki;
  /** For transports within the process. */
  readonly handler: ExchangeHandler;
  /** What /metrics shows: other threads of the process add what they count. */
  readonly metrics: MetricsPage;
  stop(): Promise<void>;
}

const stopGraceMs = 2000;
export const defaultServiceCidrs: readonly string[] = ['10.96.0.0/12'];
export const issuer = 'https://kubernetes.default.svc.cluster.local';

export async function startApiServer(options: ApiServerOptions): Promise<RunningApiServer> {
  const { clock, logger, dataDir } = options;
  // Whatever fails on the way up closes what is open by then, in the order of a stop.
  await using opened = new AsyncDisposableStack();
  const store = await openDatastore(options.datastore, dataDir, clock, logger, options.etcd);
  opened.defer(() => store.close());
  const [firstCidr = ''] = options.serviceCidrs ?? defaultServiceCidrs;
  const pki = await loadOrCreatePki(join(dataDir, 'pki'), { clock, serviceAddress: firstAddressOf(firstCidr), extraNames: namesOf(options) });
  const server = await serveStore(options, store, pki, opened);
  const running = opened.move();
  return { ...server, stop: () => running.disposeAsync() };
}

async function serveStore(options: ApiServerOptions, unmeasured: Store, pki: Pki, opened: AsyncDisposableStack): Promise<Omit<RunningApiServer, 'stop'>> {
  const { clock, logger, host, alsoAt, serviceCidrs = defaultServiceCidrs } = options;
  const catalogue = builtInCatalogue();
  const metrics = new ApiServerMetrics(catalogue, clock);
  const store = new MeasuredStore(unmeasured, catalogue.all(), metrics.registry, clock);
  const caches = new WatchCacheSet({ store, clock, logger, metrics: metrics.caches });
  for (const resource of keptResources(catalogue)) caches.add(cachedResourceOf(resource));
  const services = new InMemoryServiceAllocator(options.random, { ...defaultServiceRanges, cidrs: serviceCidrs });
  const storeHealth = new StoreHealth(store, clock);
  opened.defer(() => storeHealth.cancel());
  metrics.observe(caches);
  const parts = assemble({ ...options, store, catalogue, caches, pki, services, storeHealth, metrics });
  opened.defer(() => parts.rbac.close());
  opened.defer(() => parts.backends.close());
  const handler = createHandler(parts);
  // Before anything is written: a port that is taken ends it here.
  const listener = await listen({
    host,
    ...(alsoAt ? { alsoAt } : {}),
    port: options.port,
    certificate: pki.serving.certificate,
    privateKey: pki.serving.privateKey,
    clientAuthority: pki.authorityCertificate,
    handler,
    clock,
  });
  // The caches end their watches, which is what the listener waits for.
  opened.defer(async () => void (await Promise.all([listener.close(stopGraceMs), caches.stop()])));
  await caches.start();
  await bootstrap(parts, {
    serviceAddress: firstAddressOf(serviceCidrs[0] ?? ''),
    serviceCidrs,
    apiServerPort: listener.port,
    clientAuthority: pki.authorityCertificate,
    frontProxyAuthority: pki.frontProxyAuthorityCertificate,
    ...advertised(options),
  });
  // Whoever is told that the server is ready finds what it began with.
  await caches.fresh();
  services.rebuild(parts.view.list('', 'services') as Iterable<Service>);
  parts.state.ready = true;
  for (const timer of [compactPeriodically(store, clock, logger), publishSlo(parts), ...metrics.start()]) opened.defer(() => timer.cancel());
  return { port: listener.port, pki, handler, metrics: metrics.page };
}

/** Endpoints may not have loopback addresses: a server that only listens there has none. */
function advertised({ host, advertiseAddress }: ApiServerOptions): { advertiseAddress?: string } {
  const address = advertiseAddress ?? (isWildcard(host) ? ownAddresses().find((own) => isIPv4(own)) : isReachable(host) ? host : undefined);
  return address === undefined ? {} : { advertiseAddress: address };
}

function isReachable(host: string): boolean {
  return !host.startsWith('127.') && host !== '::1' && host !== 'localhost';
}

/** How somebody on this machine reaches a server that listens there. */
export function localUrl(host: string, port: number): string {
  const name = isWildcard(host) ? '127.0.0.1' : host;
  return `https://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** What clients may call it, beside what every API server is called. */
function namesOf({ host, alsoAt = [], advertiseAddress }: ApiServerOptions): string[] {
  const listening = isWildcard(host) ? ownAddresses() : [host];
  return [...new Set([...listening, ...alsoAt, ...(advertiseAddress === undefined ? [] : [advertiseAddress])])].filter((name) => name !== '127.0.0.1');
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address));
}

/** That of the Service `kubernetes`. */
function firstAddressOf(cidr: string): string {
  const network = parseIp(cidr.split('/')[0] ?? '');
  if (!network) throw new Error(`${cidr} is no block of addresses for Services`);
  return formatIp(network.value + 1n, network.bits);
}

/** One for each storage prefix: all versions of a resource share a cache. */
function keptResources(catalogue: Catalogue): ResourceInfo[] {
  const kept = new Map<string, ResourceInfo>();
  for (const resource of catalogue.all()) if (!isVirtual(resource)) kept.set(resource.storagePrefix, catalogue.stored(resource));
  return [...kept.values()];
}

interface Pieces extends ApiServerOptions {
  readonly services: InMemoryServiceAllocator;
  readonly storeHealth: StoreHealth;
  readonly store: Store;
  readonly catalogue: Catalogue;
  readonly caches: WatchCacheSet;
  readonly pki: Pki;
  readonly metrics: ApiServerMetrics;
}

function assemble({ storeHealth, services, store, catalogue, caches, pki, metrics, clock, random, logger }: Pieces): ApiServerParts {
  const { view } = caches;
  const audiences = [issuer];
  const publicKeys = [createPublicKey(pki.serviceAccountKeys.publicKey.export({ type: 'spki', format: 'pem' }))];
  const tokenKinds = [
    new ServiceAccountTokenAuthenticator({ clock, view, issuers: [issuer], audiences, publicKeys }),
    new BootstrapTokenAuthenticator(view, clock),
  ];
  const rbac = new RbacAuthorizer(view);
  const nodes = new NodeAuthorizer(view, nodeRules());
  const authorizer = unionAuthorizer([mastersAuthorizer, nodes, rbac]);
  const admission = createAdmission({ view, authorizer, rbac, clock, random, writer: () => writer });
  const registry: Registry = new Registry({
    store,
    catalogue,
    current: {
      read(resource, namespace, name) {
        const entry = caches.cache(resource.storagePrefix)?.get(namespace, name);
        return entry && { bytes: entry.bytes, revision: entry.modRevision };
      },
    },
    admission,
    strategyFor: createStrategies({ services }),
    clock,
    random,
  });
  const writer = clusterWriter(catalogue, registry);
  const pods = caches.cacheOf({ storagePrefix: storagePrefixOf('', 'pods') });
  const state = { ready: false };
  const backends = new BackendClient(pki.issueClientCertificate(componentSubjects.nodeClient));
  return {
    catalogue,
    registry,
    caches,
    view,
    authentication: new Authentication({ tokens: tokenKinds }),
    authorizer,
    rbac,
    tokens: new TokenIssuer({ clock, random, view, issuer, privateKey: pki.serviceAccountKeys.privateKey, audiences }),
    tokenKinds,
    audiences,
    issuerDocuments: { discovery: discoveryDocument(issuer, `${issuer}/openid/v1/jwks`, publicKeys), keys: jwksDocument(publicKeys) },
    health: [
      { name: 'ping', on: ['healthz', 'livez', 'readyz'], check: () => undefined },
      { name: 'etcd', on: ['healthz', 'livez', 'readyz'], check: () => storeHealth.problem },
      { name: 'informer-sync', on: ['readyz'], check: () => (state.ready ? undefined : 'the watch caches are being loaded') },
    ],
    backends,
    usage: new NodeUsage({ backends, view, clock, logger }),
    state,
    clock,
    random,
    logger,
    requests: metrics.requests,
    slo: metrics.slo,
    startups: new PodStartups({ clock, pods, meter: metrics.slo, registry: metrics.registry }),
    metrics: metrics.page,
  };
}
