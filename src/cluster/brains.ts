/** The controllers and the scheduler, over whatever transport: the thread's and the processes' common part. */
import type { Clock } from '../base/clock.ts';
import type { UserInfo } from '../base/exchange.ts';
import type { Logger } from '../base/logger.ts';
import type { MetricRegistry } from '../base/metrics/registry.ts';
import type { Random } from '../base/random.ts';
import { Client } from '../client/client.ts';
import { InformerSet } from '../client/informer-set.ts';
import type { Transport } from '../client/transport.ts';
import { startControllers, type ControllerManager } from '../controllers/manager.ts';
import { startScheduler } from '../scheduler/start.ts';
import { certificateAuthority } from './certificate-authority.ts';
import { controllerManager, scheduler as schedulerIdentity, userAgents } from './identities.ts';
import { secretTokenSigner } from './secret-tokens.ts';

export interface BrainsOptions {
  readonly transportFor: (identity: UserInfo) => Transport;
  /** PEM of the cluster's authority, published to every namespace. */
  readonly rootCa: string;
  /** PEM of the key that signs service-account tokens; without it legacy token secrets stay empty. */
  readonly serviceAccountKey?: string | undefined;
  /** PEM of the authority that signs certificate requests, and of its key; without it nobody does. */
  readonly signing?: { readonly certificate: string; readonly privateKey: string } | undefined;
  /** Of pods: nodes that have no block of addresses get one of it. Empty: nobody gives them any. */
  readonly clusterCidrs?: readonly string[];
  /** Of load balancers' addresses; empty: Services of that type wait for somebody else. */
  readonly loadBalancerPool?: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
  readonly signal: AbortSignal;
}

/** Both, over one set of informers: each object is parsed and held once. Returns what waits for their end. */
export async function startBrains(options: BrainsOptions): Promise<() => Promise<void>> {
  const controllers = await startControllersOnly(options);
  startSchedulerOver(options, controllers.informers);
  return () => controllers.stopped;
}

export function startControllersOnly({ transportFor, rootCa, serviceAccountKey, signing, clusterCidrs = [], loadBalancerPool = [], clock, random, logger, metrics, signal }: BrainsOptions): Promise<ControllerManager> {
  const signers = {
    ...(serviceAccountKey === undefined ? {} : { signLegacyToken: secretTokenSigner(serviceAccountKey) }),
    ...(signing === undefined ? {} : { authority: certificateAuthority(signing.certificate, signing.privateKey) }),
  };
  const client = new Client(transportFor(controllerManager), { clock, userAgent: userAgents.controllerManager });
  return startControllers({ client, rootCa, ...signers, clusterNetworks: { cidrs: clusterCidrs }, loadBalancerPool, clock, random, logger, metrics, signal });
}

export async function startSchedulerOnly(options: Omit<BrainsOptions, 'rootCa'>): Promise<() => Promise<void>> {
  const { transportFor, clock, random, logger, signal } = options;
  const client = new Client(transportFor(schedulerIdentity), { clock, userAgent: userAgents.scheduler });
  const informers = new InformerSet(client, { clock, random, logger });
  startSchedulerOver(options, informers);
  informers.start(signal);
  await informers.synced(signal);
  return () => informers.stopped();
}

function startSchedulerOver({ transportFor, clock, random, logger, metrics, signal }: Omit<BrainsOptions, 'rootCa'>, informers: InformerSet): void {
  const client = new Client(transportFor(schedulerIdentity), { clock, userAgent: userAgents.scheduler });
  startScheduler({ client, informers, clock, random, logger, metrics, signal });
}
