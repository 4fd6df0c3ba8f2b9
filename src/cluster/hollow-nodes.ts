/** Hollow nodes against any API server, as a process of their own. */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { MetricRegistry } from '../base/metrics/registry.ts';
import type { Random } from '../base/random.ts';
import { Client } from '../client/client.ts';
import type { ConnectionConfig } from '../client/kubeconfig.ts';
import { startHollowFleet, type FleetServer } from '../node/hollow/fleet.ts';
import { loadStages } from '../node/hollow/stages/load.ts';
import { configMaps } from '../client/resources.ts';
import { http2Transport } from '../client/transports/http2.ts';
import { userAgents } from './identities.ts';
import { byCertificates, byImpersonation, chooseCredentials, type CredentialKind } from './node-credentials.ts';
import { selfSignedServing } from './pki/pki.ts';

export interface RemoteFleetOptions {
  readonly config: ConnectionConfig;
  readonly count: number;
  readonly namePrefix: string;
  readonly credentials: CredentialKind | 'auto';
  /** One watch for all nodes, by the kubeconfig's user. */
  readonly cheap: boolean;
  /** Of all nodes, where their servers listen; left out: each has an address of its own, and is reached by the name localhost. */
  readonly nodeAddress?: string | undefined;
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
  const clientAuthority = await readClientAuthority(options);
  const own = options.cheap ? http2Transport(options.config, { clock, shared: true }) : undefined;
  const fleet = startHollowFleet({
    count,
    namePrefix,
    cheapClient: own && new Client(own, { clock, userAgent: userAgents.kubelet }),
    stages: loadStages(options.stages),
    ...(clientAuthority === undefined ? {} : { server: fleetServer(options, clientAuthority) }),
    clientFor: (name) => new Client(credentials.transportFor(name), { clock, userAgent: userAgents.kubelet }),
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
      await Promise.all([credentials.close(), own?.close()]);
    },
  };
}

function fleetServer({ clock, nodeAddress }: RemoteFleetOptions, clientAuthority: string): FleetServer {
  const host = nodeAddress ?? '127.0.0.1';
  const { certificate, privateKey } = selfSignedServing({ commonName: 'hollow-nodes', names: ['localhost', host] }, clock);
  return { host, certificate, privateKey, clientAuthority, clock, reachedAt: nodeAddress === undefined ? { name: 'localhost' } : { internalIp: nodeAddress } };
}

/** Whose client certificates the cluster believes, its API server's to the nodes among them. Nodes have no server where nobody tells. */
async function readClientAuthority({ config, clock, logger }: RemoteFleetOptions): Promise<string | undefined> {
  const transport = http2Transport(config, { clock, shared: true });
  try {
    const { data } = await new Client(transport, { clock }).get(configMaps, { namespace: 'kube-system', name: 'extension-apiserver-authentication' });
    return data?.['client-ca-file'];
  } catch (error) {
    logger.warn('the nodes will have no logs and run no commands: whom they may answer cannot be read', { error });
    return undefined;
  } finally {
    await transport.close();
  }
}
