/**
 * Keeps the kernel at what a rule table says. Changes are gathered for a moment
 * and go as one transaction; while one is under way the next gathers. What
 * failed is retried, and then as the whole table in place of whatever is there.
 * An audit now and then finds what others have flushed, and repairs it the same way.
 */
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/logger.ts';
import type { RuleBackend } from './backend.ts';
import type { RuleTable } from './rule-table.ts';

export interface RuleSyncOptions {
  readonly table: RuleTable;
  readonly backend: RuleBackend;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Hears of each try: how long it took, and whether it was the whole table. */
  readonly onSync?: (outcome: { readonly seconds: number; readonly afresh: boolean; readonly error: unknown }) => void;
  /** Default: every 30 s, and less often where that would take too much time. */
  readonly auditEveryMs?: number;
}

/** Events that belong together come within a turn or two. */
const gatherMs = 5;
/** Whoever lists rules begins anew each time they change under his hands. */
const auditMaxMs = 60_000;
/** After each transaction it rests so many times as long as that took: a storm of changes may not take the machine, a single one is not kept waiting. */
const restShare = 4;
const restMaxMs = 1000;
const retryMinMs = 500;
const retryMaxMs = 30_000;
const auditEveryMs = 30_000;
/** Reading thousands of elements back is work: an audit may not take more than this share of the time. */
const auditShareMax = 0.02;

export class RuleSync {
  readonly #options: RuleSyncOptions;
  #wake: (() => void) | undefined;
  #afresh = true;
  #failures = 0;
  #auditDue = Infinity;
  #restUntil = 0;
  /** Counts what was applied: an audit that was overtaken says nothing. */
  #version = 0;
  #auditing: Promise<void> = Promise.resolve();
  #waiting: (() => void)[] = [];

  constructor(options: RuleSyncOptions) {
    this.#options = options;
  }

  /** There are changes in the table. */
  request(): void {
    this.#wake?.();
  }

  /** Calls back once all that is in the table now is in the kernel. */
  whenApplied(callback: () => void): void {
    this.#waiting.push(callback);
    this.request();
  }

  /** Resolves once all that is in the table now is in the kernel; rejects where `signal` aborts first. */
  settled(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal.reason as Error);
      if (signal.aborted) onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      this.whenApplied(() => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
    });
  }

  /** Runs until `signal` aborts, and leaves the rules where they are: traffic goes on while a proxy restarts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    this.#auditDue = clock.monotonic() + (this.#options.auditEveryMs ?? auditEveryMs);
    while (!signal.aborted) {
      if (this.#failures > 0 || this.#afresh || this.#options.table.isDirty || this.#waiting.length > 0) await this.#apply();
      else if (clock.monotonic() >= this.#auditDue) this.#auditing = this.#audit(signal);
      await this.#pause(signal);
    }
    await this.#auditing;
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const { clock, table } = this.#options;
    const backoffMs = Math.min(retryMinMs * 2 ** (this.#failures - 1), retryMaxMs);
    const idle = this.#failures === 0 && !table.isDirty && this.#waiting.length === 0 && !this.#afresh;
    if (idle) await this.#idle(signal);
    const restMs = Math.max(gatherMs, this.#restUntil - clock.monotonic());
    await clock.sleep(this.#failures > 0 ? backoffMs : restMs, signal).catch(() => undefined);
  }

  /** Until something is asked for or an audit is due. */
  #idle(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const wake = () => {
        timer.cancel();
        signal.removeEventListener('abort', wake);
        this.#wake = undefined;
        resolve();
      };
      // While an audit is under way none is due at all.
      const timer = clock.after(Math.min(Math.max(0, this.#auditDue - clock.monotonic()), auditMaxMs), wake);
      signal.addEventListener('abort', wake, { once: true });
      this.#wake = wake;
      if (signal.aborted) wake();
    });
  }

  async #apply(): Promise<void> {
    const { table, backend, clock, logger, onSync } = this.#options;
    const afresh = this.#afresh;
    if (afresh) table.forgetApplied();
    const changes = table.takeChanges();
    const told = this.#waiting;
    this.#waiting = [];
    const startedAt = clock.monotonic();
    this.#version++;
    let failure: unknown;
    try {
      if (afresh || changes.length > 0) await backend.apply(changes, afresh);
      this.#afresh = false;
      this.#failures = 0;
    } catch (error) {
      failure = error;
      this.#afresh = true;
      this.#failures++;
      this.#waiting = [...told, ...this.#waiting];
      logger.warn('rules could not be applied', { changes: changes.length, afresh, error });
    }
    const endedAt = clock.monotonic();
    this.#restUntil = endedAt + Math.min((endedAt - startedAt) * restShare, restMaxMs);
    onSync?.({ seconds: (endedAt - startedAt) / 1000, afresh, error: failure });
    if (!failure) for (const callback of told) callback();
  }

  /** Beside the loop: reading back what a large cluster has takes seconds, and no change may wait for it. */
  async #audit(signal: AbortSignal): Promise<void> {
    const { table, backend, clock, logger } = this.#options;
    const version = this.#version;
    const startedAt = clock.monotonic();
    this.#auditDue = Infinity;
    const limit = new AbortController();
    const timer = clock.after(auditMaxMs, () => limit.abort());
    const stopped = AbortSignal.any([signal, limit.signal]);
    const amiss = await backend.audit(table.applied(), stopped).catch((error: unknown) => (stopped.aborted ? undefined : String(error)));
    timer.cancel();
    const now = clock.monotonic();
    this.#auditDue = now + (this.#options.auditEveryMs ?? Math.max(auditEveryMs, (now - startedAt) / auditShareMax));
    if (amiss !== undefined && version === this.#version) {
      logger.warn('rules are not as they were applied: applying them all again', { amiss });
      this.#afresh = true;
    }
    this.#wake?.();
  }
}
