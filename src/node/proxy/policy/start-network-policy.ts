/**
 * Enforces NetworkPolicies for the pods of one node, in a table of its own: it
 * works beside a proxy of any kind.
 */
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/logger.ts';
import type { Random } from '../../../base/random.ts';
import type { Client } from '../../../client/client.ts';
import { Informer } from '../../../client/informer.ts';
import { namespaces, networkPolicies, pods } from '../../../client/resources.ts';
import { runCommand } from '../../system/command.ts';
import type { RunCommand } from '../../system/command.ts';
import { NftBackend } from '../rules/nft-backend.ts';
import { RuleSync } from '../rules/rule-sync.ts';
import { RuleTable } from '../rules/rule-table.ts';
import type { Family } from '../service-model.ts';
import { PolicyTracker } from './policy-tracker.ts';

export const policyTable = 'coxswain-policy';

export interface NetworkPolicyOptions {
  /** Somebody who may list pods, namespaces and NetworkPolicies. */
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly nodeName: string;
  /** Default: both. */
  readonly families?: readonly Family[];
  /** Of the nftables tables; default `policyTable`. */
  readonly tableName?: string;
  /** How the kernel's tools are run; default: as they are, in this process's network namespace. */
  readonly run?: RunCommand;
  readonly signal: AbortSignal;
}

export interface RunningNetworkPolicy {
  /** Resolves once everything that the API says now has reached the kernel. */
  settled(): Promise<void>;
  readonly stopped: Promise<void>;
  /** Takes all rules out of the kernel; once `stopped`. Without it they stay, and pods stay isolated until the next start. */
  cleanUp(): Promise<void>;
}

/** Resolves once the rules are in the kernel for the first time. */
export async function startNetworkPolicy(options: NetworkPolicyOptions): Promise<RunningNetworkPolicy> {
  const { client, clock, random, logger, nodeName, signal, families = ['IPv4', 'IPv6'], run = runCommand } = options;
  const informerOptions = { clock, random, logger };
  const allPolicies = new Informer(client, networkPolicies, informerOptions);
  const allPods = new Informer(client, pods, informerOptions);
  const allNamespaces = new Informer(client, namespaces, informerOptions);
  const table = new RuleTable();
  const backend = new NftBackend({ run, clock, table: options.tableName ?? policyTable, families: families.map((family) => (family === 'IPv4' ? 'ip' : 'ip6')) });
  const sync = new RuleSync({ table, backend, clock, logger });
  const tracker = new PolicyTracker({ nodeName, families, policies: allPolicies, pods: allPods, namespaces: allNamespaces, table, onChange: () => sync.request() });
  const informers = [allPolicies, allPods, allNamespaces];
  const running = informers.map((informer) => informer.run(signal));
  await Promise.all(informers.map((informer) => informer.synced(signal)));
  tracker.synced();
  running.push(sync.run(signal));
  await sync.settled(signal);
  return {
    settled: () => sync.settled(signal),
    stopped: Promise.all(running).then(() => undefined),
    cleanUp: () => backend.remove(),
  };
}
