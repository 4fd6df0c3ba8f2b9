/** The thread of the controllers and the scheduler. */
import { systemClock } from '../../base/clock.ts';
import { systemRandom } from '../../base/random.ts';
import { portTransport } from '../../client/transports/port.ts';
import { startBrains } from '../brains.ts';
import { runPart } from './part.ts';

await runPart(async ({ port, logger, signal }) => {
  const clock = systemClock();
  // One port serves both; each says who it is.
  const transportFor = (identity: { username: string; groups: readonly string[] }) => portTransport(port, identity);
  return startBrains({ transportFor, clock, random: systemRandom(), logger, signal });
});
