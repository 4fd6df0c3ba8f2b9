/**
 * How long pods take to start, of those this server created: from the create
 * request until "running" has been sent to all who watch. Nothing is watched or
 * parsed for it: the create has the object in its hands, and the watch cache
 * passes by with the fields that selectors use. A pod costs an entry in a map
 * until it runs.
 *
 * "Running" says that every container was started at least once: a pod with one
 * that still waits for its first start is Pending.
 */
import type { ResourceInfo } from '../../api/catalogue.ts';
import type { KubeObject } from '../../api/object.ts';
import { initContainersMs, isStateless } from '../../api/pod-startup.ts';
import { selectableFieldsOf } from '../../api/selectors/field-labels.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Clock } from '../../base/clock.ts';
import { exponentialBounds, type Counter, type Histogram } from '../../base/metrics/instruments.ts';
import type { Family, MetricRegistry } from '../../base/metrics/registry.ts';
import type { CacheEntry } from '../watchcache/cache-entry.ts';
import { parseBytes } from '../watchcache/encoding.ts';
import type { ResourceCache } from '../watchcache/resource-cache.ts';
import type { Indicator } from './indicator.ts';
import { startupPhases, type SloMeter, type StartupPhase } from './slo-meter.ts';

/** Monotonic milliseconds; 0 for what has not happened. */
interface Starting {
  readonly createdAt: number;
  scheduledAt: number;
  runningAt: number;
  readonly hasInitContainers: boolean;
}

const { names } = selectableFieldsOf('', 'pods');
const nodeNameAt = names.indexOf('spec.nodeName');
const phaseAt = names.indexOf('status.phase');
const nominatedAt = names.indexOf('status.nominatedNodeName');

const bounds = exponentialBounds(0.05, 1.5, 20);

export class PodStartups {
  readonly #clock: Clock;
  readonly #pods: ResourceCache;
  /** By namespace and name. */
  readonly #starting = new Map<string, Starting>();
  readonly #phases: Readonly<Record<StartupPhase, { readonly indicator: Indicator; readonly histogram: Histogram }>>;
  readonly #leftOut: Family<Counter>;

  constructor({ clock, pods, meter, registry }: { readonly clock: Clock; readonly pods: ResourceCache; readonly meter: SloMeter; readonly registry: MetricRegistry }) {
    this.#clock = clock;
    this.#pods = pods;
    const durations = registry.histogram('coxswain_pod_startup_sli_duration_seconds', 'Time from the creation of a schedulable, stateless pod until it was sent to all watchers as running, whole and in its phases.', bounds, ['phase']);
    this.#phases = Object.fromEntries(startupPhases.map((phase) => [phase, { indicator: meter.podStartup(phase), histogram: durations.with(phase) }])) as never;
    this.#leftOut = registry.counter('coxswain_pod_startup_left_out_total', 'Pods that the start-up indicator leaves out.', ['reason']);
    pods.onChange(({ entry, deleted }) => this.#changed(entry, deleted));
  }

  /** An object has been created by a request that came in `requestedAt`. */
  created({ group, resource }: ResourceInfo, object: KubeObject, requestedAt: number): void {
    if (resource !== 'pods' || group !== '') return;
    const { metadata, spec } = object as unknown as Pod;
    if (!isStateless(spec)) return this.#leftOut.with('stateful').add();
    if (spec.schedulingGates?.length) return this.#leftOut.with('gated').add();
    this.#starting.set(`${metadata.namespace}/${metadata.name}`, {
      createdAt: requestedAt,
      scheduledAt: spec.nodeName ? requestedAt : 0,
      runningAt: 0,
      hasInitContainers: spec.initContainers !== undefined,
    });
  }

  #changed(entry: CacheEntry, deleted: boolean): void {
    const pod = this.#starting.get(entry.key);
    if (!pod) return;
    const phase = entry.fields[phaseAt];
    // Gone, or at its end before anybody saw it run.
    if (deleted || phase === 'Succeeded' || phase === 'Failed') this.#starting.delete(entry.key);
    else if (entry.fields[nodeNameAt] === '') this.#checkSchedulable(entry);
    else {
      pod.scheduledAt ||= this.#clock.monotonic();
      if (phase === 'Running') this.#running(pod, entry);
    }
  }

  /** A pod that changes before it has a node has mostly been found unschedulable: this one is looked at. */
  #checkSchedulable(entry: CacheEntry): void {
    if (entry.createRevision === entry.modRevision) return;
    const { status } = parseBytes(entry.bytes) as unknown as Pod;
    const isRejected = status?.conditions?.some(({ type, reason }) => type === 'PodScheduled' && reason === 'Unschedulable') ?? false;
    if (!isRejected && entry.fields[nominatedAt] === '') return;
    this.#starting.delete(entry.key);
    this.#leftOut.with('unschedulable').add();
  }

  #running(pod: Starting, entry: CacheEntry): void {
    this.#starting.delete(entry.key);
    pod.runningAt = this.#clock.monotonic();
    // Its own time is known to a second.
    const initMs = pod.hasInitContainers ? initContainersMs((parseBytes(entry.bytes) as unknown as Pod).status) : 0;
    this.#pods.delivery.whenServed({ served: (now) => this.#seen(pod, initMs, now) });
  }

  #seen({ createdAt, scheduledAt, runningAt }: Starting, initMs: number, now: number): void {
    this.#observe('create_to_schedule', now, scheduledAt - createdAt);
    this.#observe('schedule_to_run', now, runningAt - scheduledAt - initMs);
    this.#observe('run_to_watch', now, now - runningAt);
    this.#observe('pod_startup', now, now - createdAt - initMs);
  }

  #observe(phase: StartupPhase, now: number, durationMs: number): void {
    const seconds = Math.max(0, durationMs) / 1000;
    const { indicator, histogram } = this.#phases[phase];
    indicator.observe(now, seconds);
    histogram.observe(seconds);
  }
}
