/**
 * ResourceQuota: an object comes in only if every quota that counts it has room,
 * and is charged to them before it is stored. Requests of one namespace are
 * charged in batches: while one write of a quota's status is under way, the next
 * requests gather, and share the write after it.
 *
 * Charges are made on the quota as it is at the moment of the write (the
 * registry's compare and swap), so two requests never get the same room. What a
 * request that fails later was charged for, the quota controller gives back.
 */
import { isTerminating, claimStatusCounts, scopesOf } from '../../api/quota/scopes.ts';
import { usageRuleFor } from '../../api/quota/usage.ts';
import type { Usage, UsageRule } from '../../api/quota/usage.ts';
import type { ApiError } from '../../api/errors.ts';
import type { KubeObject } from '../../api/object.ts';
import {
  addQuantity,
  compareQuantity,
  formatQuantity,
  parseQuantity,
  subQuantity,
} from '../../api/quantity.ts';
import type { Quantity } from '../../api/quantity.ts';
import type { PersistentVolumeClaim, ResourceQuota } from '../../api/types/core-v1.ts';
import type { Clock } from '../../base/clock.ts';
import type { AdmissionPlugin, AdmissionRequest, ClusterView, ClusterWriter } from './contract.ts';
import { DerivedByNamespace } from './derived.ts';
import { podOf, refuse } from './requests.ts';

interface Waiter {
  readonly request: AdmissionRequest;
  readonly rule: UsageRule;
  readonly settle: (refusal?: unknown) => void;
}

export class ResourceQuotaAdmission implements AdmissionPlugin {
  readonly name = 'ResourceQuota';
  readonly #view: ClusterView;
  readonly #writer: () => ClusterWriter;
  readonly #clock: Clock;
  readonly #hasQuotas: DerivedByNamespace<boolean>;
  /** By namespace, while charges are under way: who waits for the next batch. */
  readonly #waiting = new Map<string, Waiter[]>();

  constructor(view: ClusterView, writer: () => ClusterWriter, clock: Clock) {
    this.#view = view;
    this.#writer = writer;
    this.#clock = clock;
    this.#hasQuotas = new DerivedByNamespace(view, '', 'resourcequotas', (namespace) => {
      for (const _ of view.list('', 'resourcequotas', namespace)) return true;
      return false;
    });
  }

  handles(request: AdmissionRequest): boolean {
    const { namespace, resource, operation } = request;
    if (namespace === '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return false;
    if (resource.group === '' && resource.resource === 'namespaces') return false;
    return this.#hasQuotas.get(namespace) && mayChangeUsage(request);
  }

  validate(request: AdmissionRequest): void | Promise<void> {
    const rule = usageRuleFor(request.resource.group, request.resource.resource);
    if (!rule) return;
    const { namespace } = request;
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        request,
        rule,
        settle: (refusal) => (refusal === undefined ? resolve() : reject(refusal as Error)),
      };
      const waiting = this.#waiting.get(namespace);
      if (waiting) waiting.push(waiter);
      else {
        this.#waiting.set(namespace, [waiter]);
        void this.#work(namespace);
      }
    });
  }

  async #work(namespace: string): Promise<void> {
    for (;;) {
      const batch = this.#waiting.get(namespace) ?? [];
      if (batch.length === 0) {
        this.#waiting.delete(namespace);
        return;
      }
      this.#waiting.set(namespace, []);
      try {
        await this.#charge(namespace, batch);
      } catch (error) {
        for (const waiter of batch) waiter.settle(error);
      }
    }
  }

  async #charge(namespace: string, batch: readonly Waiter[]): Promise<void> {
    const refusals = new Map<Waiter, ApiError>();
    const quotas = [...this.#view.list('', 'resourcequotas', namespace)].map(
      (object) => object as unknown as ResourceQuota,
    );
    // First everything is asked, so that what has no chance is charged nowhere.
    const touched = quotas.filter((quota) => this.#take(quota, batch, refusals) !== undefined);
    for (const quota of touched) {
      const chargeable = batch.filter((waiter) => !refusals.has(waiter) && !waiter.request.dryRun);
      if (chargeable.length === 0) break;
      await this.#write(namespace, quota.metadata.name ?? '', chargeable, refusals);
    }
    for (const waiter of batch) waiter.settle(refusals.get(waiter));
  }

  async #write(
    namespace: string,
    name: string,
    batch: readonly Waiter[],
    refusals: Map<Waiter, ApiError>,
  ): Promise<void> {
    let refused = new Map<Waiter, ApiError>();
    const change = (current: KubeObject): KubeObject => {
      // Called again after a lost race: only the last verdict counts.
      refused = new Map();
      const quota = current as unknown as ResourceQuota;
      const used = this.#take(quota, batch, refused);
      return used === undefined ? current : { ...current, status: { ...quota.status, used } };
    };
    await this.#writer().update('', 'v1', 'resourcequotas', namespace, name, change, {
      subresource: 'status',
    });
    for (const [waiter, refusal] of refused) refusals.set(waiter, refusal);
  }

  /** The usage with all of the batch that has room; undefined where that changes nothing. */
  #take(
    quota: ResourceQuota,
    batch: readonly Waiter[],
    refusals: Map<Waiter, ApiError>,
  ): Record<string, string> | undefined {
    const used = amountsOf(quota.status?.used);
    let hasChanged = false;
    for (const waiter of batch) {
      if (refusals.has(waiter)) continue;
      const verdict = chargeFor(quota, used, waiter, this.#clock.now());
      if (verdict.refusal) refusals.set(waiter, verdict.refusal);
      if (waiter.request.dryRun) continue;
      for (const [name, amount] of verdict.charge) {
        const before = used.get(name);
        used.set(name, before ? addQuantity(before, amount) : amount);
        hasChanged = true;
      }
    }
    if (!hasChanged) return undefined;
    return Object.fromEntries([...used].map(([name, amount]) => [name, formatQuantity(amount)]));
  }
}

function mayChangeUsage({ resource, attributes, operation, object, oldObject }: AdmissionRequest): boolean {
  const { subresource } = attributes;
  switch (resource.group === '' ? resource.resource : '') {
    case 'pods':
      if (subresource === 'resize') return operation === 'UPDATE';
      return (
        subresource === '' &&
        (operation === 'CREATE' || isTerminating(podOf(object)) !== isTerminating(podOf(oldObject)))
      );
    case 'persistentvolumeclaims':
      if (subresource === 'status')
        return claimStatusCounts(
          object as unknown as PersistentVolumeClaim,
          oldObject as unknown as PersistentVolumeClaim,
        );
      return subresource === '';
    case 'services':
      return subresource === '';
    default:
      return subresource === '' && operation === 'CREATE';
  }
}

function amountsOf(texts: Readonly<Record<string, string>> | undefined): Map<string, Quantity> {
  return new Map(Object.entries(texts ?? {}).map(([name, text]) => [name, parseQuantity(text)]));
}

const nothing: Usage = new Map();

interface Verdict {
  readonly charge: Usage;
  readonly refusal?: ApiError;
}

/** What the request costs in this quota as it stands at `used`, or why it may not. */
function chargeFor(quota: ResourceQuota, used: Usage, { request, rule }: Waiter, now: number): Verdict {
  const { object, oldObject } = request;
  const name = quota.metadata.name ?? '';
  if (!object || !takesIn(quota, rule, object)) return { charge: nothing };
  const hard = amountsOf(quota.status?.hard);
  const names = [...hard.keys()].filter((resource) => rule.counts(resource)).sort();
  if (names.length === 0) return { charge: nothing };
  const problem = rule.problemOf?.(object, names);
  if (problem !== undefined)
    return { charge: nothing, refusal: refuse(request, `failed quota: ${name}: ${problem}`) };
  if (!names.every((resource) => used.has(resource)))
    return {
      charge: nothing,
      refusal: refuse(request, `status unknown for quota: ${name}, resources: ${names.join(',')}`),
    };
  const usage = rule.usageOf(object, now);
  const negative = [...usage].filter(([, amount]) => amount.value < 0n).map(([resource]) => resource);
  if (negative.length > 0)
    return {
      charge: nothing,
      refusal: refuse(request, `quota usage is negative for resource(s): ${negative.sort().join(',')}`),
    };
  const previous =
    request.operation === 'UPDATE' && oldObject && takesIn(quota, rule, oldObject)
      ? rule.usageOf(oldObject, now)
      : nothing;
  const charge = new Map<string, Quantity>();
  for (const [resource, amount] of usage) {
    if (!hard.has(resource)) continue;
    const before = previous.get(resource);
    const more = before ? subQuantity(amount, before) : amount;
    if (more.value > 0n) charge.set(resource, more);
  }
  // A status tells what has happened already: it is charged, and never refused.
  if (request.attributes.subresource === 'status') return { charge };
  const exceeded = [...charge.keys()]
    .filter((resource) => exceeds(used.get(resource), charge.get(resource), hard.get(resource)))
    .sort();
  if (exceeded.length === 0) return { charge };
  const list = (amounts: Usage) =>
    exceeded.map((resource) => `${resource}=${textOf(amounts.get(resource))}`).join(',');
  const text = `exceeded quota: ${name}, requested: ${list(charge)}, used: ${list(used)}, limited: ${list(hard)}`;
  return { charge: nothing, refusal: refuse(request, text) };
}

function takesIn(quota: ResourceQuota, rule: UsageRule, object: KubeObject): boolean {
  return scopesOf(quota.spec).every((scope) => rule.matchesScope(object, scope));
}

function exceeds(
  used: Quantity | undefined,
  more: Quantity | undefined,
  hard: Quantity | undefined,
): boolean {
  return (
    used !== undefined &&
    more !== undefined &&
    hard !== undefined &&
    compareQuantity(addQuantity(used, more), hard) > 0
  );
}

function textOf(amount: Quantity | undefined): string {
  return amount ? formatQuantity(amount) : '0';
}
