import type { Catalogue, ResourceInfo } from '../../../api/catalogue.ts';
import * as errors from '../../../api/errors.ts';
import type { KubeObject } from '../../../api/object.ts';
import { matchesLabelSelector } from '../../../api/selectors/label-selector.ts';
import type { Pod } from '../../../api/types/core-v1.ts';
import type { DeleteOptions } from '../../../api/types/meta-v1.ts';
import type { Eviction, PodDisruptionBudget } from '../../../api/types/policy-v1.ts';
import { formatTime } from '../../../base/clock.ts';
import { assert } from '../../../base/assert.ts';
import { checkPreconditions, deleteObject } from '../../registry/deletion.ts';
import { changeContextOf, type ResourceCall } from '../call.ts';
import { decodeAs, matchPath } from '../decode-body.ts';
import { dryRunOf, writeOptionsOf } from '../request-options.ts';
import { sendStatus } from '../respond.ts';

const evictionKind = { group: 'policy', version: 'v1', kind: 'Eviction' };
const evictionType = 'io.k8s.api.policy.v1.Eviction';
const disrupted = { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', message: 'Eviction API: evicting' };
/** Between a yes to an eviction and the disruption controller's seeing the pod go, at most so many are remembered. */
const disruptedPodsMax = 2000;

/** POST pods/{name}/eviction: a deletion that PodDisruptionBudgets may refuse. */
export async function serveEviction(call: ResourceCall): Promise<void> {
  const { parts, stored, info } = call;
  const writeOptions = writeOptionsOf(info.query, 'CreateOptions');
  const eviction = (await decodeAs(call, evictionKind, evictionType, writeOptions.fieldValidation)) as unknown as Eviction;
  eviction.metadata ??= {};
  matchPath(eviction as unknown as KubeObject, info.namespace, info.name);
  const deleteOptions = eviction.deleteOptions ?? {};
  const wrong: errors.FieldError[] = [];
  const dryRun = writeOptions.dryRun || dryRunOf(deleteOptions.dryRun ?? [], wrong);
  if (wrong.length) throw errors.invalid('policy', 'Eviction', info.name, wrong);
  const context = changeContextOf(call, { ...deleteOptions, dryRun });
  const pod = (await parts.registry.mustGet(stored, info.namespace, info.name)).object as unknown as Pod;
  await parts.registry.admit('CREATE', stored, info.name, eviction as unknown as KubeObject, undefined, context);
  if (needsBudget(pod)) await spendBudget(call, pod, dryRun, context.now);
  await deleteObject(parts.registry, stored, info.name, dryRun ? deleteOptions : await markEvicted(call, deleteOptions), context);
  sendStatus(call, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
}

/** A pod that runs nothing, or is on its way out, disrupts nobody. */
function needsBudget(pod: Pod): boolean {
  const phase = pod.status?.phase;
  return !(phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending' || pod.metadata.deletionTimestamp !== undefined);
}

/** Says on the pod that the cluster ends it and not it itself, so that a Job need not count it as a failure. Resolves to the options to go on with. */
async function markEvicted({ parts, stored, info }: ResourceCall, options: DeleteOptions): Promise<DeleteOptions> {
  const { registry, clock } = parts;
  const { namespace, name } = info;
  const written = await registry.optimistically(stored, name, namespace, (current) => {
    checkPreconditions(stored, name, current, options);
    const marked = withDisruption(current.object as unknown as Pod, formatTime(clock.now())) as unknown as KubeObject;
    return registry.writeIfUnchanged(stored, name, current, { object: marked, managed: current.managed }, { namespace, dryRun: false });
  });
  // The version that was asked for has been met; by now it is another.
  if (options.preconditions?.resourceVersion === undefined) return options;
  return { ...options, preconditions: { ...options.preconditions, resourceVersion: String(written.revision) } };
}

function withDisruption(pod: Pod, now: string): Pod {
  const conditions = pod.status?.conditions ?? [];
  const before = conditions.find(({ type }) => type === disrupted.type);
  const lastTransitionTime = before?.status === disrupted.status ? (before.lastTransitionTime ?? now) : now;
  return { ...pod, status: { ...pod.status, conditions: [...conditions.filter((one) => one !== before), { ...disrupted, lastTransitionTime }] } };
}

function budgetResource(catalogue: Catalogue): ResourceInfo {
  const found = catalogue.lookup('policy', 'v1', 'poddisruptionbudgets');
  assert(found, 'policy/v1 poddisruptionbudgets is always served');
  return found;
}

async function spendBudget(call: ResourceCall, pod: Pod, dryRun: boolean, now: number): Promise<void> {
  const { parts, info } = call;
  const resource = budgetResource(parts.catalogue);
  const budgets: PodDisruptionBudget[] = [];
  for (const object of parts.view.list('policy', 'poddisruptionbudgets', info.namespace)) {
    const budget = object as unknown as PodDisruptionBudget;
    if (budget.spec.selector && matchesLabelSelector(budget.spec.selector, pod.metadata.labels ?? {})) budgets.push(budget);
  }
  const [budget] = budgets;
  if (!budget) return;
  if (budgets.length > 1)
    throw errors.apiError(500, 'InternalError', `This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.`);
  const unready = !pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
  if (unready && budget.spec.unhealthyPodEvictionPolicy === 'AlwaysAllow') return;
  const healthy = (budget.status?.currentHealthy ?? 0) >= (budget.status?.desiredHealthy ?? 0) && (budget.status?.desiredHealthy ?? 0) > 0;
  if (unready && healthy) return;
  await parts.registry.amend(
    resource,
    budget.metadata.name as string,
    (current) => spend(current as unknown as PodDisruptionBudget, pod, now) as unknown as KubeObject,
    { namespace: info.namespace, dryRun },
  );
}

function spend(budget: PodDisruptionBudget, pod: Pod, now: number): PodDisruptionBudget {
  const status = budget.status;
  const refuse = (detail: string, retryAfterSeconds?: number) =>
    errors.apiError(429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
      causes: [{ reason: 'DisruptionBudget', message: detail }],
      ...(retryAfterSeconds ? { retryAfterSeconds } : {}),
    });
  if ((status?.observedGeneration ?? 0) < (budget.metadata.generation ?? 0))
    throw refuse(`The disruption budget ${budget.metadata.name} is still being processed by the server.`, 10);
  assert(status, 'an observed budget has a status');
  const allowed = status.disruptionsAllowed ?? 0;
  if (Object.keys(status.disruptedPods ?? {}).length > disruptedPodsMax)
    throw errors.forbidden({ group: 'policy', kind: 'poddisruptionbudgets', name: budget.metadata.name ?? '' }, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  if (allowed <= 0)
    throw refuse(
      `The disruption budget ${budget.metadata.name} needs ${status.desiredHealthy ?? 0} healthy pods and has ${status.currentHealthy ?? 0} currently`,
    );
  return {
    ...budget,
    status: {
      ...status,
      disruptionsAllowed: allowed - 1,
      disruptedPods: { ...status.disruptedPods, [pod.metadata.name as string]: formatTime(now) },
    },
  };
}
