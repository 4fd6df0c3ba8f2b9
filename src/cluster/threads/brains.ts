/** The thread of the controllers and the scheduler. */
import { systemClock } from '../../base/clock.ts';
import { systemRandom } from '../../base/random.ts';
import { PortClient } from '../../client/transports/port.ts';
import { startBrains } from '../brains.ts';
import { runPart } from './part.ts';

await runPart(async ({ port, options, logger, signal }) => {
  const connection = new PortClient(port);
  const stopped = await startBrains({
    transportFor: (identity) => connection.as(identity),
    rootCa: String(options['rootCa']),
    clock: systemClock(),
    random: systemRandom(),
    logger,
    signal,
  });
  return async () => {
    await connection.close();
    await stopped();
  };
});
