/** Hollow nodes against any API server, over one connection whose user may impersonate them. */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import { Client } from '../client/client.ts';
import type { Transport } from '../client/transport.ts';
import { impersonating } from '../client/transports/impersonating.ts';
import { startHollowFleet, type HollowFleet } from '../node/hollow/fleet.ts';
import { nodeIdentity, userAgents } from './identities.ts';

export interface RemoteFleetOptions {
  readonly transport: Transport;
  readonly count: number;
  readonly namePrefix: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export function startRemoteFleet({ transport, ...options }: RemoteFleetOptions): HollowFleet {
  const { clock } = options;
  return startHollowFleet({
    ...options,
    clientFor: (name) => new Client(impersonating(transport, nodeIdentity(name)), { clock, userAgent: userAgents.kubelet }),
  });
}
