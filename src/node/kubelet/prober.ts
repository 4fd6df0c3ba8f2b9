/**
 * The probes of one running container. Says whether it has started and is
 * ready, and when it must be killed because its startup or liveness probe gave up.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { Container, Probe } from '../../api/types/core-v1.ts';
import type { ProbeKind, ProbeResult } from './runtime.ts';

export interface ProberHost {
  readonly clock: Clock;
  probe(kind: ProbeKind): Promise<ProbeResult>;
  /** `started` or `ready` has changed. */
  onChange(): void;
  /** Of each single probe. */
  onResult(kind: ProbeKind, result: ProbeResult): void;
  onUnhealthy(kind: 'startup' | 'liveness'): void;
}

/** What was reported of a container before this process began. */
export interface KnownContainer {
  readonly started: boolean;
  readonly ready: boolean;
  /** Where in the period its first probes are, 0 to 1: those of all containers at once would be too many. */
  readonly phase: number;
}

export class Prober {
  started: boolean;
  ready: boolean;
  readonly #host: ProberHost;
  readonly #container: Container;
  readonly #startedAtMs: number;
  readonly #phase: number;
  readonly #timers: Timer[] = [];
  #closed = false;

  constructor(container: Container, host: ProberHost, startedAtMs: number, known?: KnownContainer) {
    this.#container = container;
    this.#host = host;
    this.#startedAtMs = startedAtMs;
    this.#phase = known?.phase ?? 0;
    // What was reported between the start and the first probe says nothing of a container that is not probed.
    this.started = container.startupProbe === undefined || (known?.started ?? false);
    this.ready = this.started && (container.readinessProbe === undefined || (known?.ready ?? false));
    if (this.started) this.#watch();
    else if (container.startupProbe) this.#run('startup', container.startupProbe, (healthy) => this.#onStartup(healthy));
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.splice(0)) timer.cancel();
  }

  #onStartup(healthy: boolean): void {
    if (!healthy) {
      this.#host.onUnhealthy('startup');
      return;
    }
    if (this.started) return;
    this.started = true;
    if (!this.#container.readinessProbe) this.ready = true;
    this.#host.onChange();
    this.#watch();
  }

  /** Once started, readiness and liveness are asked for as long as it runs. */
  #watch(): void {
    const { readinessProbe, livenessProbe } = this.#container;
    if (readinessProbe) {
      this.#run('readiness', readinessProbe, (healthy) => {
        if (this.ready === healthy) return;
        this.ready = healthy;
        this.#host.onChange();
      });
    }
    if (livenessProbe) {
      this.#run('liveness', livenessProbe, (healthy) => {
        if (!healthy) this.#host.onUnhealthy('liveness');
      });
    }
  }

  /** Calls `verdict` each time as many answers in a row agree as the probe's thresholds ask. */
  #run(kind: ProbeKind, probe: Probe, verdict: (healthy: boolean) => void): void {
    const periodMs = (probe.periodSeconds ?? 10) * 1000;
    let run = 0;
    let last: boolean | undefined;
    const ask = () => {
      void this.#host.probe(kind).then((result) => {
        if (this.#closed) return;
        this.#host.onResult(kind, result);
        const { healthy } = result;
        // Of what could not be asked nothing follows.
        if (result.kind === 'error') {
          this.#after(periodMs, ask);
          return;
        }
        run = healthy === last ? run + 1 : 1;
        last = healthy;
        if (run === (healthy ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3))) verdict(healthy);
        if (kind === 'startup' && this.started) return;
        this.#after(periodMs, ask);
      });
    };
    const { clock } = this.#host;
    const delayMs = Math.max(this.#phase * periodMs, (probe.initialDelaySeconds ?? 0) * 1000 - (clock.now() - this.#startedAtMs));
    if (delayMs > 0) this.#after(delayMs, ask);
    else ask();
  }

  #after(delayMs: number, callback: () => void): void {
    const timer = this.#host.clock.after(delayMs, () => {
      const at = this.#timers.indexOf(timer);
      if (at >= 0) this.#timers.splice(at, 1);
      if (!this.#closed) callback();
    });
    this.#timers.push(timer);
  }
}
