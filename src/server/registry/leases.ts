import type { Clock } from '../../base/clock.ts';
import type { LeaseId, Store } from '../../storage/contract.ts';

/** A lease is shared by all keys put in this long; what is kept may outstay its time by so much. */
const sharedForMs = 60_000;

/** Store leases for objects with a time to live: one for many keys, since each lease costs the store. */
export class Leases {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #current = new Map<number, { lease: Promise<LeaseId>; untilMs: number }>();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  of(timeToLiveSeconds: number): Promise<LeaseId> {
    const now = this.#clock.now();
    const found = this.#current.get(timeToLiveSeconds);
    if (found && now < found.untilMs) return found.lease;
    const lease = this.#store.grantLease(timeToLiveSeconds + sharedForMs / 1000);
    const entry = { lease, untilMs: now + sharedForMs };
    this.#current.set(timeToLiveSeconds, entry);
    lease.catch(() => {
      if (this.#current.get(timeToLiveSeconds) === entry) this.#current.delete(timeToLiveSeconds);
    });
    return lease;
  }
}
