/**
 * Leases, their time and their keys. Knows nothing of how keys are deleted: a
 * lease whose time is up is handed to `onExpired`.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { LeaseId } from '../contract.ts';

interface Lease {
  readonly ttlSeconds: number;
  readonly keys: Set<string>;
  timer: Timer;
}

export class LeaseBook {
  readonly #clock: Clock;
  readonly #onExpired: (lease: LeaseId) => void;
  readonly #leases = new Map<LeaseId, Lease>();
  #lastId = 0;

  constructor(clock: Clock, onExpired: (lease: LeaseId) => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  /** Ids grow with time, so that one of an ended lease is not given out again after a restart. */
  newId(): LeaseId {
    this.#lastId = Math.max(this.#lastId + 1, this.#clock.now() * 1000);
    return String(this.#lastId);
  }

  /** A lease found at start gets its whole time again, as etcd's do after a change of leader. */
  add(id: LeaseId, ttlSeconds: number): void {
    this.#lastId = Math.max(this.#lastId, Number(id));
    this.#leases.set(id, { ttlSeconds, keys: new Set(), timer: this.#start(id, ttlSeconds) });
  }

  has(id: LeaseId): boolean {
    return this.#leases.has(id);
  }

  renew(id: LeaseId): boolean {
    const lease = this.#leases.get(id);
    if (lease === undefined) return false;
    lease.timer.cancel();
    lease.timer = this.#start(id, lease.ttlSeconds);
    return true;
  }

  /** A key has passed from one lease (or none) to another (or none). */
  move(key: string, from: LeaseId | undefined, to: LeaseId | undefined): void {
    if (from === to) return;
    if (from !== undefined) this.#leases.get(from)?.keys.delete(key);
    if (to !== undefined) this.#leases.get(to)?.keys.add(key);
  }

  /** Ends the lease; its keys, which are for the caller to delete. Undefined if there is no such lease. */
  end(id: LeaseId): string[] | undefined {
    const lease = this.#leases.get(id);
    if (lease === undefined) return undefined;
    lease.timer.cancel();
    this.#leases.delete(id);
    return [...lease.keys];
  }

  close(): void {
    for (const lease of this.#leases.values()) lease.timer.cancel();
  }

  #start(id: LeaseId, ttlSeconds: number): Timer {
    return this.#clock.after(ttlSeconds * 1000, () => this.#onExpired(id));
  }
}
