/**
 * Keeps a node alive in the API: registers it, renews its Lease every 10 s, and
 * posts its status every 5 min, as nothing of it changes in between.
 *
 * Only what the next write needs is kept (the lease's identity, the conditions'
 * transition times): thousands of these live in one process.
 */
import { formatMicroTime } from '../../base/clock.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Lease } from '../../api/types/coordination-v1.ts';
import type { NodeCondition } from '../../api/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import { isAlreadyExists, isNotFound } from '../../client/failure.ts';
import { leases, nodes } from '../../client/resources.ts';
import { newNode, nodeConditions, nodeLabels, nodeStatus } from './node-status.ts';
import type { NodeDescription } from './node-status.ts';

export interface HeartbeatOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly description: NodeDescription;
  readonly signal: AbortSignal;
  /** Where in each period this node's beats fall, in [0, 1): spreads a fleet's. */
  readonly phase: number;
  /** Called once the node is registered. */
  onRegistered?(): void;
}

export const leasePeriodMs = 10_000;
const leaseDurationSeconds = 40;
const leaseNamespace = 'kube-node-lease';
const statusPeriodMs = 300_000;
const retryFirstMs = 200;
const retryMaxMs = 7000;

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #lease: Lease | undefined;
  #nodeUid = '';
  #conditions: NodeCondition[] = [];

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** Resolves once the node is registered and has a lease; rejects only when the signal aborts. */
  async start(): Promise<void> {
    const { signal } = this.#options;
    await this.#untilDone('registering the node', () => this.#register());
    this.#options.onRegistered?.();
    await this.#untilDone('making the lease', () => this.#makeLease());
    if (signal.aborted) return;
    this.#repeat(leasePeriodMs, 'renewing the lease', () => this.#renew());
    this.#repeat(statusPeriodMs, 'posting the node status', () => this.#postStatus());
  }

  async #register(): Promise<void> {
    const { client, clock, description, signal } = this.#options;
    const node = newNode(description, clock.now());
    try {
      const created = await client.create(nodes, node, { signal });
      this.#nodeUid = created.metadata.uid ?? '';
      this.#conditions = created.status?.conditions ?? [];
      return;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    const existing = await client.get(nodes, { name: description.name }, { signal });
    this.#nodeUid = existing.metadata.uid ?? '';
    this.#conditions = existing.status?.conditions ?? [];
    const wanted = nodeLabels(description);
    const labels = existing.metadata.labels ?? {};
    if (Object.entries(wanted).some(([key, value]) => labels[key] !== value)) {
      await client.patch(nodes, { name: description.name }, { metadata: { labels: wanted } }, { type: 'strategic', signal });
    }
    const status = nodeStatus(description, clock.now(), existing.status);
    this.#conditions = status.conditions ?? [];
    await this.#patchStatus(status);
  }

  async #postStatus(): Promise<void> {
    const { clock } = this.#options;
    this.#conditions = nodeConditions(clock.now(), this.#conditions);
    try {
      await this.#patchStatus({ conditions: this.#conditions });
    } catch (error) {
      // Somebody deleted the node: it comes back, as long as its kubelet runs.
      if (!isNotFound(error)) throw error;
      await this.#register();
    }
  }

  async #patchStatus(status: object): Promise<void> {
    const { client, description, signal } = this.#options;
    const node = await client.patch(nodes, { name: description.name }, { status }, { type: 'strategic', subresource: 'status', signal });
    this.#conditions = node.status?.conditions ?? this.#conditions;
  }

  /** A new node has none yet, so it is made without looking. */
  async #makeLease(): Promise<void> {
    const { client, signal } = this.#options;
    try {
      this.#keep(await client.create(leases, this.#newLease(), { signal }));
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      await this.#renew();
    }
  }

  async #renew(): Promise<void> {
    const { client, clock, description, signal } = this.#options;
    const { name } = description;
    try {
      const lease = this.#lease ?? (await client.get(leases, { namespace: leaseNamespace, name }, { signal }));
      const spec = { ...lease.spec, holderIdentity: name, leaseDurationSeconds, renewTime: formatMicroTime(clock.now()) };
      this.#keep(await client.update(leases, { ...lease, spec }, { signal }));
    } catch (error) {
      this.#lease = undefined;
      if (!isNotFound(error)) throw error;
      this.#keep(await client.create(leases, this.#newLease(), { signal }));
    }
  }

  #keep(lease: Lease): void {
    delete lease.metadata.managedFields;
    this.#lease = lease;
  }

  #newLease(): Lease {
    const { clock, description } = this.#options;
    const { name } = description;
    const renewTime = formatMicroTime(clock.now());
    return {
      metadata: {
        name,
        namespace: leaseNamespace,
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid: this.#nodeUid }],
      },
      spec: { holderIdentity: name, leaseDurationSeconds, renewTime },
    };
  }

  /**
   * Calls `act` once each period, at this node's phase of it, however long it
   * takes: nodes of one phase stay together. A failure is tried again soon.
   */
  #repeat(periodMs: number, what: string, act: () => Promise<void>): void {
    const { clock, signal, phase } = this.#options;
    let failures = 0;
    let due = phase * periodMs;
    const armNext = () => {
      const now = clock.monotonic();
      due += Math.max(0, Math.ceil((now - due) / periodMs)) * periodMs;
      arm(due - now);
    };
    const arm = (delayMs: number) => {
      clock.after(delayMs, () => {
        if (signal.aborted) return;
        act().then(
          () => {
            failures = 0;
            due += periodMs;
            armNext();
          },
          (error: unknown) => {
            if (signal.aborted) return;
            this.#options.logger.warn(`${what} failed`, { node: this.#options.description.name, error });
            arm(Math.min(retryFirstMs * 2 ** Math.min(failures++, 10), retryMaxMs));
          },
        );
      });
    };
    armNext();
  }

  async #untilDone(what: string, act: () => Promise<void>): Promise<void> {
    const { clock, logger, signal, description } = this.#options;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await act();
        return;
      } catch (error) {
        if (signal.aborted) return;
        logger.warn(`${what} failed`, { node: description.name, error });
        await clock.sleep(Math.min(retryFirstMs * 2 ** Math.min(failures, 10), retryMaxMs), signal).catch(() => {});
      }
    }
  }
}
