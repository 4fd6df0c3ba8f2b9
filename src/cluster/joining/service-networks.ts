import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { Client } from '../../client/client.ts';
import { serviceCIDRs } from '../../client/resources.ts';
import type { Transport } from '../../client/transport.ts';
import { userAgents } from '../identities.ts';

export interface ServiceNetworksOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const retryMs = 1000;

/** Where the cluster's Services have their addresses, as it says itself. Asks until it answers; rejects when the signal aborts. */
export async function serviceNetworks({ transport, clock, logger, signal }: ServiceNetworksOptions): Promise<readonly string[]> {
  const client = new Client(transport, { clock, userAgent: userAgents.kubelet });
  for (;;) {
    try {
      const { spec } = await client.get(serviceCIDRs, { name: 'kubernetes' }, { signal });
      return spec?.cidrs ?? [];
    } catch (error) {
      signal.throwIfAborted();
      logger.warn('the cluster does not say where its Services have their addresses', { error });
    }
    await clock.sleep(retryMs, signal);
  }
}
