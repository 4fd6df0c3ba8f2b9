import type { Clock, Timer } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Revision, Store } from '../storage/contract.ts';

const periodMs = 5 * 60 * 1000;

/**
 * Keeps the last five to ten minutes of history, as upstream: every period it
 * forgets what was already history a period ago.
 */
export function compactPeriodically(store: Store, clock: Clock, logger: Logger): Timer {
  let before: Revision | undefined;
  let running = false;
  return clock.every(periodMs, () => {
    if (running) return;
    running = true;
    const step = async () => {
      const current = await store.currentRevision();
      if (before !== undefined && before > store.compactedRevision()) await store.compact(before);
      before = current;
    };
    step()
      .catch((error: unknown) => logger.warn('compaction failed; it will be tried again', { error }))
      .finally(() => (running = false));
  });
}
