/**
 * A process that outlives whoever started it, for as long as it needs to clean
 * up. The kernel tells it of the other's end, once for each of his threads: so
 * it is a signal of its own, not one that becomes impatience by being repeated.
 */
import process from 'node:process';

/** To be given to setpriv(1) as `--pdeathsig`. */
export const orphanSignal = 'USR2';

/** Resolves when nobody is left to tell this process to stop. */
export function untilOrphaned(): Promise<void> {
  return new Promise((resolve) => process.on(`SIG${orphanSignal}`, () => resolve()));
}
