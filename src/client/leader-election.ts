/**
 * One of many processes leads: the one that holds a Lease and keeps renewing
 * it. Time is judged by when this process saw the lease change, never by the
 * times written in it, so clocks need not agree.
 */
import type { Lease } from '../api/types/coordination-v1.ts';
import { formatMicroTime } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { Client } from './client.ts';
import { isNotFound } from './failure.ts';
import type { ObjectName } from './resource.ts';
import { leases } from './resources.ts';

export interface LeaderElectionOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly lease: ObjectName;
  /** Unique among the candidates. */
  readonly identity: string;
  readonly leaseDurationMs?: number;
  readonly renewDeadlineMs?: number;
  readonly retryPeriodMs?: number;
}

/**
 * Waits to become leader, then runs `lead`, whose signal aborts when leadership is lost or `signal` aborts.
 * Resolves when `lead` has ended; the lease is given up if it is still held. A process that lost
 * leadership should end: what it believes may be old.
 */
export async function runAsLeader(options: LeaderElectionOptions, signal: AbortSignal, lead: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const elector = new Elector(options);
  if (!(await elector.acquire(signal))) return;
  options.logger.info('became leader', { lease: options.lease.name, identity: options.identity });
  const lost = new AbortController();
  const leading = AbortSignal.any([signal, lost.signal]);
  const renewing = elector.renew(leading).then(() => {
    if (!signal.aborted && !lost.signal.aborted) options.logger.error('leadership lost', { lease: options.lease.name });
    lost.abort();
  });
  try {
    await lead(leading);
  } finally {
    lost.abort();
    await renewing;
    await elector.release();
  }
}

class Elector {
  readonly #options: LeaderElectionOptions;
  readonly #leaseDurationMs: number;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  #seen: Lease | undefined;
  /** When the lease was last seen to change. */
  #changedAt = -Infinity;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#retryPeriodMs = options.retryPeriodMs ?? 2_000;
  }

  /** True once the lease is held; false where `signal` aborted first. */
  async acquire(signal: AbortSignal): Promise<boolean> {
    const { clock, random } = this.#options;
    while (!signal.aborted) {
      if (await this.#try(signal)) return true;
      await clock.sleep(this.#retryPeriodMs * (1 + 1.2 * random.fraction()), signal).catch(() => {});
    }
    return false;
  }

  /** Resolves when the lease could not be renewed in time, or `signal` aborts. */
  async renew(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    let renewedAt = clock.monotonic();
    while (!signal.aborted) {
      await clock.sleep(this.#retryPeriodMs, signal).catch(() => {});
      if (signal.aborted) return;
      if (await this.#try(signal)) renewedAt = clock.monotonic();
      else if (clock.monotonic() - renewedAt > this.#renewDeadlineMs) return;
    }
  }

  /** Lets the next candidate lead without waiting. */
  async release(): Promise<void> {
    const lease = this.#seen;
    if (lease?.spec?.holderIdentity !== this.#options.identity) return;
    const now = formatMicroTime(this.#options.clock.now());
    const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
    await this.#options.client.update(leases, { ...lease, spec }).catch((error: unknown) => {
      this.#options.logger.debug('lease not released', { error });
    });
  }

  async #try(signal: AbortSignal): Promise<boolean> {
    const { client, clock, lease: name, identity, logger } = this.#options;
    try {
      const current = await client.get(leases, name, { signal }).catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
      if (current) this.#observe(current);
      const holder = current?.spec?.holderIdentity;
      if (holder && holder !== identity && clock.monotonic() - this.#changedAt < this.#leaseDurationMs) return false;
      const wanted = this.#wanted(current);
      this.#observe(current ? await client.update(leases, wanted, { signal }) : await client.create(leases, wanted, { signal }));
      return true;
    } catch (error) {
      if (!signal.aborted) logger.debug('lease not taken', { lease: name.name, error });
      return false;
    }
  }

  #observe(lease: Lease): void {
    if (lease.metadata?.resourceVersion !== this.#seen?.metadata?.resourceVersion) this.#changedAt = this.#options.clock.monotonic();
    this.#seen = lease;
  }

  #wanted(current: Lease | undefined): Lease {
    const { clock, identity, lease: name } = this.#options;
    const now = formatMicroTime(clock.now());
    const held = current?.spec?.holderIdentity === identity;
    const transitions = current?.spec?.leaseTransitions ?? 0;
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: current?.metadata ?? { name: name.name, namespace: name.namespace },
      spec: {
        ...current?.spec,
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(this.#leaseDurationMs / 1000),
        acquireTime: held ? current.spec?.acquireTime : now,
        renewTime: now,
        leaseTransitions: held || !current ? transitions : transitions + 1,
      },
    };
  }
}
