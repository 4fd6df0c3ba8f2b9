/** The thread of the hollow nodes. */
import { systemClock } from '../../base/clock.ts';
import { systemRandom } from '../../base/random.ts';
import { Client } from '../../client/client.ts';
import { PortClient } from '../../client/transports/port.ts';
import { startHollowFleet } from '../../node/hollow/fleet.ts';
import { nodeIdentity } from '../identities.ts';
import { runPart } from './part.ts';

await runPart(async ({ port, options, logger, signal }) => {
  const clock = systemClock();
  const connection = new PortClient(port);
  const fleet = startHollowFleet({
    count: Number(options['nodes']),
    // Each node says who it is, and may do what a node of that name may.
    clientFor: (name) => new Client(connection.as(nodeIdentity(name)), { clock }),
    clock,
    random: systemRandom(),
    logger,
    signal,
  });
  await fleet.registered;
  return () => connection.close();
});
