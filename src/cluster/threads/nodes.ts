/** The hollow nodes, as a part of a thread. */
import { systemClock } from '../../base/clock.ts';
import { systemRandom } from '../../base/random.ts';
import { Client } from '../../client/client.ts';
import { startHollowFleet } from '../../node/hollow/fleet.ts';
import { nodeIdentity, userAgents } from '../identities.ts';
import type { PartStarter } from './parts.ts';

export const start: PartStarter['start'] = async ({ connection, options, logger, signal }) => {
  const clock = systemClock();
  const fleet = startHollowFleet({
    count: Number(options['nodes']),
    // Each node says who it is, and may do what a node of that name may.
    clientFor: (name) => new Client(connection.as(nodeIdentity(name)), { clock, userAgent: userAgents.kubelet }),
    clock,
    random: systemRandom(),
    logger,
    signal,
  });
  await fleet.registered;
  return () => Promise.resolve();
};
