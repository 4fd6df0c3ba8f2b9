/** Hollow nodes against any API server, as a process of their own. */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { MetricRegistry } from '../base/metrics/registry.ts';
import type { Random } from '../base/random.ts';
import { Client } from '../client/client.ts';
import type { ConnectionConfig } from '../client/kubeconfig.ts';
import { startHollowFleet } from '../node/hollow/fleet.ts';
import { loadStages } from '../node/hollow/stages/load.ts';
import { byCertificates, byImpersonation, chooseCredentials, type CredentialKind } from './node-credentials.ts';

export interface RemoteFleetOptions {
  readonly config: ConnectionConfig;
  readonly count: number;
  readonly namePrefix: string;
  readonly credentials: CredentialKind | 'auto';
  /** The text of a file of stages; empty: the default behaviours. */
  readonly stages: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
}

export interface RemoteFleet {
  readonly credentials: CredentialKind;
  /** Resolves once every node is registered. */
  readonly registered: Promise<void>;
  stop(): Promise<void>;
}

export async function startRemoteFleet(options: RemoteFleetOptions): Promise<RemoteFleet> {
  const { clock, random, logger, count, namePrefix } = options;
  const stopping = new AbortController();
  const parts = { config: options.config, clock, logger, signal: stopping.signal };
  const names = Array.from({ length: count }, (_, index) => `${namePrefix}${index}`);
  const credentials =
    options.credentials === 'certificates' ? byCertificates(parts) : options.credentials === 'impersonation' ? byImpersonation(parts) : await chooseCredentials(parts, names);
  const fleet = startHollowFleet({
    count,
    namePrefix,
    stages: loadStages(options.stages),
    clientFor: (name) => new Client(credentials.transportFor(name), { clock, userAgent: 'coxswain-hollow' }),
    clock,
    random,
    logger,
    metrics: options.metrics,
    signal: stopping.signal,
  });
  return {
    credentials: credentials.kind,
    registered: fleet.registered,
    async stop() {
      stopping.abort();
      await credentials.close();
    },
  };
}
