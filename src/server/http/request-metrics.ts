/**
 * What the server measures of its requests, in upstream's names and labels. A
 * request finds its route, and with it all its series, by its resource and a few
 * comparisons; no name is put together for it.
 *
 * Only paths that are served have routes: what strangers ask for must not grow
 * the page.
 */
import type { Catalogue } from '../../api/catalogue.ts';
import type { Clock } from '../../base/clock.ts';
import type { Responder } from '../../base/exchange.ts';
import { exponentialBounds, type Counter, type Gauge } from '../../base/metrics/instruments.ts';
import type { Family, MetricRegistry } from '../../base/metrics/registry.ts';
import type { Indicator } from '../slo/indicator.ts';
import type { SloMeter } from '../slo/slo-meter.ts';
import { isHealthPath } from './health.ts';
import { MeasuredResponder } from './measured-responder.ts';
import { component, MeasuredRoute, type DryRun, type RequestFamilies, type RouteName, type Scope } from './measured-route.ts';
import type { RequestInfo } from './request-info.ts';
import { isVirtual } from './virtual-resources.ts';

const durationBounds = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
const sliBounds = durationBounds.slice(2);
const sizeBounds = exponentialBounds(1000, 10, 7);

/** Subresources that upstream counts as CONNECT, whatever the method. */
const connecting = new Set(['log', 'exec', 'portforward', 'attach', 'proxy']);
const applyType = 'application/apply-patch+yaml';

export interface RequestMetricsOptions {
  readonly registry: MetricRegistry;
  readonly catalogue: Catalogue;
  readonly slo: SloMeter;
  readonly clock: Clock;
}

export class RequestMetrics {
  readonly #clock: Clock;
  readonly #catalogue: Catalogue;
  readonly #slo: SloMeter;
  readonly #families: RequestFamilies;
  readonly #longRunning: Family<Gauge>;
  readonly #watchEvents: Family<Counter>;
  readonly #reading: Gauge;
  readonly #mutating: Gauge;
  /** By resource; those of health checks by the path of their kind. */
  readonly #routes = new Map<string, MeasuredRoute[]>();

  constructor({ registry, catalogue, slo, clock }: RequestMetricsOptions) {
    this.#clock = clock;
    this.#catalogue = catalogue;
    this.#slo = slo;
    const route = ['verb', 'group', 'version', 'resource', 'subresource', 'scope'];
    const of = [...route, 'component'];
    this.#families = {
      requests: registry.counter('apiserver_request_total', 'Requests that were answered, by the code of the answer.', ['dry_run', ...of, 'code']),
      durations: registry.histogram('apiserver_request_duration_seconds', 'Time from a request to the last byte of its answer.', durationBounds, ['dry_run', ...of]),
      slis: registry.histogram('apiserver_request_sli_duration_seconds', 'As apiserver_request_duration_seconds, without dry runs, and without the time of webhooks and of waiting in fair queues, neither of which there is.', sliBounds, of),
      sizes: registry.histogram('apiserver_response_sizes', 'Bytes of the answers to reads.', sizeBounds, of),
      aborts: registry.counter('apiserver_request_aborts_total', 'Requests whose client was gone before there was an answer.', route),
    };
    this.#longRunning = registry.gauge('apiserver_longrunning_requests', 'Watches and other long requests under way.', of);
    this.#watchEvents = registry.counter('apiserver_watch_events_total', 'Events sent to those who watch.', ['group', 'version', 'resource']);
    const inFlight = registry.gauge('apiserver_current_inflight_requests', 'Requests under way, without the long ones.', ['request_kind']);
    this.#reading = inFlight.with('readOnly');
    this.#mutating = inFlight.with('mutating');
  }

  /** The responder to answer through; it is measured until the exchange is over. */
  begin(info: RequestInfo, contentType: string | undefined, responder: Responder, started: number): Responder {
    const route = this.#routeOf(info, contentType);
    if (!route) {
      const underWay = this.#inFlight(info);
      underWay.add(1);
      responder.onClose(() => underWay.add(-1));
      return responder;
    }
    const measured = new MeasuredResponder(responder, route, started);
    route.underWay.add(1);
    responder.onClose(() => {
      route.underWay.add(-1);
      measured.finished(this.#clock.monotonic());
    });
    return measured;
  }

  /** What a watch that begins counts its events into. */
  watchEvents({ group, version, resource }: RequestInfo): Counter {
    return this.#watchEvents.with(group, version, resource);
  }

  #routeOf(info: RequestInfo, contentType: string | undefined): MeasuredRoute | undefined {
    const { isResource, group, version, path } = info;
    // One for all that can be asked of a kind of health: names of checks come from strangers.
    const health = isResource ? '' : isHealthPath(path) ? `/${path.split('/')[1]}` : undefined;
    if (health === undefined) return undefined;
    const subresource = isResource ? info.subresource : health;
    const scope = scopeOf(info);
    const verb = verbOf(info, scope, contentType);
    const dryRun = dryRunOf(info);
    const place = isResource ? info.resource : health;
    const routes = this.#routes.get(place);
    if (routes) {
      for (const route of routes) {
        const { name } = route;
        if (name.verb === verb && name.scope === scope && name.dryRun === dryRun && name.version === version && name.group === group && name.subresource === subresource) return route;
      }
    }
    if (isResource && !this.#isServed(info)) return undefined;
    const name = { verb, group, version, resource: info.resource, subresource, scope, dryRun };
    const route = new MeasuredRoute(name, this.#underWay(name, info), this.#indicator(name), this.#families);
    if (routes) routes.push(route);
    else this.#routes.set(place, [route]);
    return route;
  }

  #isServed({ group, version, resource, subresource }: RequestInfo): boolean {
    const served = this.#catalogue.lookup(group, version, resource);
    return served !== undefined && (subresource === '' || served.subresources.some(({ name }) => name === subresource));
  }

  /** Virtual resources are as fast as what answers for them: sig-scalability promises nothing of them, nor of custom ones once they are served, nor of what only tries. */
  #indicator(name: RouteName): Indicator | undefined {
    const resource = this.#catalogue.lookup(name.group, name.version, name.resource);
    return resource && !isVirtual(resource) && name.dryRun === '' ? this.#slo.apiCalls(name) : undefined;
  }

  #underWay({ verb, group, version, resource, subresource, scope }: RouteName, info: RequestInfo): Gauge {
    const lasting = verb === 'WATCH' || verb === 'CONNECT';
    return lasting ? this.#longRunning.with(verb, group, version, resource, subresource, scope, component) : this.#inFlight(info);
  }

  #inFlight({ verb }: RequestInfo): Gauge {
    return verb === 'get' || verb === 'list' || verb === 'head' ? this.#reading : this.#mutating;
  }
}

/** How many objects a request is about, as upstream tells it. */
function scopeOf({ isResource, verb, name, namespace }: RequestInfo): Scope {
  if (!isResource) return '';
  if (name !== '' || verb === 'create') return 'resource';
  return namespace !== '' ? 'namespace' : 'cluster';
}

const methods: Readonly<Record<string, string>> = { create: 'POST', update: 'PUT', patch: 'PATCH', delete: 'DELETE', deletecollection: 'DELETE', watch: 'WATCH' };

/** Upstream's verb for metrics: the method, but that lists, watches, applies and connections are told apart. */
function verbOf({ isResource, verb, subresource }: RequestInfo, scope: Scope, contentType: string | undefined): string {
  if (subresource !== '' && connecting.has(subresource)) return 'CONNECT';
  if (verb === 'get' || verb === 'list' || verb === 'head') return isResource && scope !== 'resource' ? 'LIST' : 'GET';
  if (verb === 'patch' && contentType === applyType) return 'APPLY';
  return methods[verb] ?? 'other';
}

function dryRunOf({ isResource, verb, query }: RequestInfo): DryRun {
  if (!isResource || verb === 'get' || verb === 'list' || verb === 'watch' || query.size === 0 || !query.has('dryRun')) return '';
  return query.getAll('dryRun').every((one) => one === 'All') ? 'All' : 'invalid';
}
