import type { ExchangeRequest, Responder, UserInfo } from '../../base/exchange.ts';
import type { Catalogue, ResourceInfo } from '../../api/catalogue.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { MetricsPage } from '../../base/metrics/page.ts';
import type { Random } from '../../base/random.ts';
import type { ClusterView } from '../admission/contract.ts';
import type { TokenAuthenticator } from '../access/authentication.ts';
import type { RbacAuthorizer } from '../access/rbac.ts';
import type { TokenIssuer } from '../access/tokens.ts';
import type { Authenticator, Authorizer, RequestAttributes } from '../access/contract.ts';
import type { ChangeContext, Registry } from '../registry/registry.ts';
import type { PodStartups } from '../slo/pod-startups.ts';
import type { SloMeter } from '../slo/slo-meter.ts';
import type { ResourceCache } from '../watchcache/resource-cache.ts';
import type { WatchCacheSet } from '../watchcache/watch-cache-set.ts';
import type { HealthCheck } from './health.ts';
import type { NodeUsage } from './metrics-api/node-usage.ts';
import type { BackendClient } from './backends/backend-client.ts';
import type { RequestInfo } from './request-info.ts';
import type { RequestMetrics } from './request-metrics.ts';
import { managerOfUserAgent } from './request-options.ts';

/** What every path of the server works with; made once by the composition root. */
export interface ApiServerParts {
  readonly catalogue: Catalogue;
  readonly registry: Registry;
  readonly caches: WatchCacheSet;
  readonly view: ClusterView;
  readonly authentication: Authenticator;
  readonly authorizer: Authorizer;
  /** Who can say which rules a user has. */
  readonly rbac: RbacAuthorizer;
  readonly tokens: TokenIssuer;
  /** The kinds of bearer tokens that are known, for TokenReview. */
  readonly tokenKinds: readonly TokenAuthenticator[];
  /** What this API server answers to. */
  readonly audiences: readonly string[];
  /** The bodies of /.well-known/openid-configuration and /openid/v1/jwks. */
  readonly issuerDocuments: { readonly discovery: string; readonly keys: string };
  readonly health: readonly HealthCheck[];
  /** The way to nodes, pods and endpoints. */
  readonly backends: BackendClient;
  /** What they use. */
  readonly usage: NodeUsage;
  /** Turns true once, when everything that requests rely on is there. */
  readonly state: { ready: boolean };
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly requests: RequestMetrics;
  /** What /debug/slo shows. */
  readonly slo: SloMeter;
  readonly startups: PodStartups;
  /** What /metrics shows. */
  readonly metrics: MetricsPage;
}

/** One authenticated request on its way through the server. */
export interface Call {
  readonly parts: ApiServerParts;
  readonly request: ExchangeRequest;
  readonly responder: Responder;
  readonly info: RequestInfo;
  readonly user: UserInfo;
  readonly attributes: RequestAttributes;
  /** Texts for Warning headers, in order, each once. */
  readonly warnings: Set<string>;
  readonly auditId: string;
}

/** A call for a resource of the catalogue that is answered and not stored. */
export interface VirtualCall extends Call {
  /** The resource in the version of the request. */
  readonly resource: ResourceInfo;
}

/** A call for one that is stored. */
export interface ResourceCall extends VirtualCall {
  /** The same resource in the version that is stored. */
  readonly stored: ResourceInfo;
  readonly cache: ResourceCache;
}

export function changeContextOf(call: ResourceCall, options: { readonly dryRun: boolean; readonly fieldManager?: string } & Record<string, unknown>): ChangeContext {
  return {
    user: call.user,
    namespace: call.info.namespace,
    dryRun: options.dryRun,
    now: call.parts.clock.now(),
    warn: (message) => call.warnings.add(message),
    attributes: call.attributes,
    writer: {
      manager: options.fieldManager || managerOfUserAgent(call.request.headers['user-agent']),
      resource: call.resource,
      subresource: call.info.subresource,
    },
    options,
  };
}
