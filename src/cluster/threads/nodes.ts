/** The hollow nodes, as a part of a thread. */
import { systemClock } from '../../base/clock.ts';
import { systemRandom } from '../../base/random.ts';
import { Client } from '../../client/client.ts';
import { startHollowFleet } from '../../node/hollow/fleet.ts';
import { loadStages } from '../../node/hollow/stages/load.ts';
import { administrator, nodeIdentity, userAgents } from '../identities.ts';
import type { PartStarter } from './parts.ts';

export const start: PartStarter['start'] = async ({ connection, options, logger, metrics, signal }) => {
  const clock = systemClock();
  const fleet = startHollowFleet({
    count: Number(options['nodes']),
    cheapClient: options['cheap'] ? new Client(connection.as(administrator), { clock }) : undefined,
    stages: loadStages(String(options['stages'])),
    server: {
      host: '127.0.0.1',
      certificate: String(options['servingCertificate']),
      privateKey: String(options['servingKey']),
      clientAuthority: String(options['clientAuthority']),
      clock,
      reachedAt: { name: 'localhost' },
    },
    // Each node says who it is, and may do what a node of that name may.
    clientFor: (name) => new Client(connection.as(nodeIdentity(name)), { clock, userAgent: userAgents.kubelet }),
    clock,
    random: systemRandom(),
    logger,
    metrics,
    signal,
  });
  await fleet.registered;
  return () => Promise.resolve();
};
