/**
 * Keeps a node alive in the API: registers it, renews its Lease every 10 s, and
 * posts its status every 5 min. A real node is looked at more often, and its
 * status also posted when it has changed.
 *
 * Only what the next write needs is kept (the lease's identity, the conditions'
 * transition times): thousands of these live in one process.
 */
import { formatMicroTime } from '../../base/clock.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Lease } from '../../api/types/coordination-v1.ts';
import type { NodeCondition, NodeStatus } from '../../api/types/core-v1.ts';
import { equal } from '../../base/equality.ts';
import type { Client } from '../../client/client.ts';
import { isAlreadyExists, isNotFound } from '../../client/failure.ts';
import { leases, nodes } from '../../client/resources.ts';
import { newNode, nodeConditions, nodeLabels, nodeStatus } from './node-status.ts';
import type { NodeDescription, NodeObservation } from './node-status.ts';

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
  /** Looks at the machine and its runtime. Left out on nodes that pretend: nothing of them changes. */
  observe?(): Promise<NodeObservation>;
  /** Tells the node's events; called when a condition changes. */
  record?(reason: string): void;
}

export const leasePeriodMs = 10_000;
const leaseDurationSeconds = 40;
const leaseNamespace = 'kube-node-lease';
const statusPeriodMs = 300_000;
const observePeriodMs = 10_000;
/** A node that cannot run pods is waited for by many. */
const observeUnreadyMs = 1000;
const retryFirstMs = 200;
const retryMaxMs = 7000;

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #lease: Lease | undefined;
  #nodeUid = '';
  #conditions: NodeCondition[] = [];
  /** Of a node that is looked at. */
  #posted: { readonly status: NodeStatus; readonly atMs: number } | undefined;

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
    if (this.#options.observe) void this.#follow(this.#options.observe);
    else this.#repeat(statusPeriodMs, 'posting the node status', () => this.#postConditions());
  }

  async #register(): Promise<void> {
    const { client, clock, description, signal } = this.#options;
    const observation = await this.#options.observe?.();
    const node = newNode(description, clock.now(), observation);
    try {
      const created = await client.create(nodes, node, { signal });
      this.#nodeUid = created.metadata.uid ?? '';
      this.#conditions = created.status?.conditions ?? [];
      if (observation) this.#posted = { status: node.status ?? {}, atMs: clock.now() };
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
    const status = nodeStatus(description, clock.now(), existing.status, observation);
    this.#conditions = status.conditions ?? [];
    await this.#patchStatus({ ...removals(existing.status, status), ...status });
    if (observation) this.#posted = { status, atMs: clock.now() };
  }

  async #postConditions(): Promise<void> {
    this.#conditions = nodeConditions(this.#options.clock.now(), this.#conditions);
    await this.#post({ conditions: this.#conditions });
  }

  async #post(status: object): Promise<void> {
    try {
      await this.#patchStatus(status);
    } catch (error) {
      // Somebody deleted the node: it comes back, as long as its kubelet runs.
      if (!isNotFound(error)) throw error;
      await this.#register();
    }
  }

  /** Looks at the node again and again, and posts its status where that has changed or is old. */
  async #follow(observe: () => Promise<NodeObservation>): Promise<void> {
    const { clock, signal, logger, description } = this.#options;
    while (!signal.aborted) {
      const ready = this.#conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
      await clock.sleep(ready ? observePeriodMs : observeUnreadyMs, signal).catch(() => {});
      if (signal.aborted) return;
      await this.#postObserved(observe).catch((error: unknown) => {
        if (!signal.aborted) logger.warn('posting the node status failed', { node: description.name, error });
      });
    }
  }

  async #postObserved(observe: () => Promise<NodeObservation>): Promise<void> {
    const { clock, description } = this.#options;
    const observation = await observe();
    const now = clock.now();
    const status = nodeStatus(description, now, { conditions: this.#conditions }, observation);
    const before = this.#posted;
    if (before && now - before.atMs < statusPeriodMs && equal(withoutBeats(before.status), withoutBeats(status))) return;
    this.#recordChanges(status.conditions ?? []);
    this.#conditions = status.conditions ?? [];
    await this.#post({ ...removals(before?.status, status), ...status });
    this.#posted = { status, atMs: now };
  }

  #recordChanges(next: readonly NodeCondition[]): void {
    for (const { type, status, reason } of next) {
      const before = this.#conditions.find((condition) => condition.type === type);
      if (before?.status === status) continue;
      this.#options.record?.(type === 'Ready' ? (status === 'True' ? 'NodeReady' : 'NodeNotReady') : `${(reason ?? '').replace('Kubelet', 'Node')}`);
    }
  }

  async #patchStatus(status: object): Promise<void> {
    const { client, description, signal } = this.#options;
    const node = await client.patch(nodes, { name: description.name }, { status: withAllAddresses(status) }, { type: 'strategic', subresource: 'status', signal });
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
    let timer: Timer | undefined;
    signal.addEventListener('abort', () => timer?.cancel(), { once: true });
    const armNext = () => {
      const now = clock.monotonic();
      due += Math.max(0, Math.ceil((now - due) / periodMs)) * periodMs;
      arm(due - now);
    };
    const arm = (delayMs: number) => {
      timer = clock.after(delayMs, () => {
        act().then(
          () => {
            failures = 0;
            due += periodMs;
            if (!signal.aborted) armNext();
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

/** All but the times at which conditions were last seen to hold. */
function withoutBeats(status: NodeStatus): NodeStatus {
  return { ...status, conditions: (status.conditions ?? []).map((condition) => ({ ...condition, lastHeartbeatTime: undefined })) };
}

/** What the node said before and does not say any more, as a patch removes it. */
function removals(before: NodeStatus | undefined, next: NodeStatus): Record<string, null> {
  const own: readonly (keyof NodeStatus)[] = ['images', 'volumesInUse', 'features', 'runtimeHandlers'];
  return Object.fromEntries(own.filter((field) => before?.[field] !== undefined && next[field] === undefined).map((field) => [field, null]));
}

/** Merged by their types, of which two may be the same, addresses of one type would take each other's place: they go as a whole. */
function withAllAddresses(status: Partial<NodeStatus>): object {
  return status.addresses ? { ...status, addresses: [...status.addresses, { $patch: 'replace' }] } : status;
}
