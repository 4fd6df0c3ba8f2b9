/** What all requests of one kind are measured by: of one verb, resource, subresource, scope. */
import type { Counter, Gauge, Histogram } from '../../base/metrics/instruments.ts';
import type { Family } from '../../base/metrics/registry.ts';

export type Scope = '' | 'resource' | 'namespace' | 'cluster';
export type DryRun = '' | 'All' | 'invalid';

export interface RouteName {
  /** As metrics call it: POST, LIST, WATCH, ... */
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  /** Of what is no resource, the path. */
  readonly subresource: string;
  readonly scope: Scope;
  readonly dryRun: DryRun;
}

export interface RequestFamilies {
  readonly requests: Family<Counter>;
  readonly durations: Family<Histogram>;
  readonly slis: Family<Histogram>;
  readonly sizes: Family<Histogram>;
  readonly aborts: Family<Counter>;
}

/** What upstream calls the server in its metrics. */
export const component = 'apiserver';

interface Series {
  readonly duration: Histogram;
  readonly sli: Histogram | undefined;
  readonly sizes: Histogram | undefined;
}

export class MeasuredRoute {
  readonly name: RouteName;
  /** How many are under way, of this route or of all of its kind. */
  readonly underWay: Gauge;
  /** Whether the bytes of answers count. */
  readonly isRead: boolean;
  readonly #families: RequestFamilies;
  readonly #codes = new Map<number, Counter>();
  #series: Series | undefined;

  constructor(name: RouteName, underWay: Gauge, families: RequestFamilies) {
    this.name = name;
    this.underWay = underWay;
    this.isRead = name.verb === 'GET' || name.verb === 'LIST';
    this.#families = families;
  }

  /** A request is over. A `status` of 0: its client was gone before there was an answer. */
  finished(status: number, seconds: number, bytes: number): void {
    if (status === 0) return this.#families.aborts.with(...this.#labels()).add();
    this.#counter(status).add();
    const { duration, sli, sizes } = (this.#series ??= this.#resolve());
    duration.observe(seconds);
    sli?.observe(seconds);
    sizes?.observe(bytes);
  }

  /** Not before the first request is over: a route that only has watches shall not be on the page as many empty buckets. */
  #resolve(): Series {
    const { durations, slis, sizes } = this.#families;
    const { dryRun } = this.name;
    const labels = [...this.#labels(), component];
    return {
      duration: durations.with(dryRun, ...labels),
      sli: dryRun === '' ? slis.with(...labels) : undefined,
      sizes: this.isRead ? sizes.with(...labels) : undefined,
    };
  }

  #counter(code: number): Counter {
    let counter = this.#codes.get(code);
    if (!counter) this.#codes.set(code, (counter = this.#families.requests.with(this.name.dryRun, ...this.#labels(), component, String(code))));
    return counter;
  }

  #labels(): readonly string[] {
    const { verb, group, version, resource, subresource, scope } = this.name;
    return [verb, group, version, resource, subresource, scope];
  }
}
