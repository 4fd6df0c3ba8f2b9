/** What all requests of one kind are measured by: of one verb, resource, subresource, scope. */
import type { Counter, Gauge, Histogram } from '../../base/metrics/instruments.ts';
import type { Family } from '../../base/metrics/registry.ts';
import type { Indicator } from '../slo/indicator.ts';

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

export class MeasuredRoute {
  readonly name: RouteName;
  /** How many are under way, of this route or of all of its kind. */
  readonly underWay: Gauge;
  /** Whether the bytes of answers count. */
  readonly isRead: boolean;
  /** Undefined for what has no objective. */
  readonly #indicator: Indicator | undefined;
  readonly #duration: Histogram;
  readonly #sli: Histogram | undefined;
  readonly #sizes: Histogram | undefined;
  readonly #aborted: () => Counter;
  readonly #answered: (code: number) => Counter;
  readonly #codes = new Map<number, Counter>();

  constructor(name: RouteName, underWay: Gauge, indicator: Indicator | undefined, { requests, durations, slis, sizes, aborts }: RequestFamilies) {
    const { verb, group, version, resource, subresource, scope, dryRun } = name;
    const labels = [verb, group, version, resource, subresource, scope];
    this.name = name;
    this.underWay = underWay;
    this.isRead = verb === 'GET' || verb === 'LIST';
    this.#indicator = indicator;
    this.#duration = durations.with(dryRun, ...labels, component);
    this.#sli = dryRun === '' ? slis.with(...labels, component) : undefined;
    this.#sizes = this.isRead ? sizes.with(...labels, component) : undefined;
    this.#aborted = () => aborts.with(...labels);
    this.#answered = (code) => requests.with(dryRun, ...labels, component, String(code));
  }

  /** A request is over, `now`. A `status` of 0: its client was gone before there was an answer. */
  finished(status: number, now: number, startedAt: number, bytes: number): void {
    if (status === 0) return this.#aborted().add();
    let counter = this.#codes.get(status);
    if (!counter) this.#codes.set(status, (counter = this.#answered(status)));
    counter.add();
    const seconds = (now - startedAt) / 1000;
    this.#duration.observe(seconds);
    this.#sli?.observe(seconds);
    this.#sizes?.observe(bytes);
    this.#indicator?.observe(now, seconds);
  }
}
