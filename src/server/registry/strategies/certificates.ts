/**
 * certificates.k8s.io/v1. Who asks for a certificate is said by the server, not
 * by the request; approving is a subresource of its own, and may touch the
 * conditions only.
 */
import { formatTime } from '../../../base/clock.ts';
import type { KubeObject } from '../../../api/object.ts';
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from '../../../api/types/certificates-v1.ts';
import type { Strategy, StrategyContext } from '../strategy.ts';
import { keepAllButStatus, strategyOf } from './status-and-generation.ts';

type Conditions = readonly CertificateSigningRequestCondition[];

function conditionsOf(object: KubeObject): Conditions {
  return (object as unknown as CertificateSigningRequest).status?.conditions ?? [];
}

function signWithUser(object: KubeObject, { user }: StrategyContext): void {
  const { spec } = object as unknown as CertificateSigningRequest;
  if (!spec) return;
  for (const field of ['username', 'uid', 'groups', 'extra'] as const) delete spec[field];
  if (user.username) spec.username = user.username;
  if (user.uid) spec.uid = user.uid;
  if (user.groups.length > 0) spec.groups = [...user.groups];
  const extra = Object.entries(user.extra ?? {});
  if (extra.length > 0) spec.extra = Object.fromEntries(extra.map(([key, values]) => [key, [...values]]));
}

/** Times that the client left out; a condition that was there before keeps the time of its transition. */
function stamped(
  conditions: Conditions,
  before: Conditions,
  now: string,
): CertificateSigningRequestCondition[] {
  return conditions.map((condition) => {
    const same = before.find(
      ({ type, status, lastTransitionTime }) =>
        type === condition.type && status === condition.status && lastTransitionTime,
    );
    return {
      ...condition,
      lastUpdateTime: condition.lastUpdateTime || now,
      lastTransitionTime: condition.lastTransitionTime || same?.lastTransitionTime || now,
    };
  });
}

/** The verdict belongs to the approval subresource: the status subresource leaves it word for word as it is. */
function withOldVerdict(conditions: Conditions, before: Conditions): Conditions {
  let kept = conditions;
  for (const verdict of ['Approved', 'Denied']) {
    const old = before.filter(({ type }) => type === verdict);
    if (old.length !== kept.filter(({ type }) => type === verdict).length) continue;
    let next = 0;
    kept = kept.map((condition) => (condition.type === verdict ? (old[next++] ?? condition) : condition));
  }
  return kept;
}

function prepareSubresource(
  object: KubeObject,
  old: KubeObject,
  name: string,
  context: StrategyContext,
): boolean {
  if (name !== 'status' && name !== 'approval') return false;
  const before = conditionsOf(old);
  const given = name === 'status' ? withOldVerdict(conditionsOf(object), before) : conditionsOf(object);
  const conditions = stamped(given, before, formatTime(context.now));
  const status = (name === 'status' ? object['status'] : old['status']) as object | undefined;
  keepAllButStatus(object, old, []);
  object['status'] = { ...status, conditions };
  return true;
}

export const strategies: Readonly<Record<string, Strategy>> = {
  'certificates.k8s.io/certificatesigningrequests': strategyOf(
    {
      status: {},
      create: signWithUser,
      // A request is what it is: only its metadata can be changed.
      update: (object, old) => void (object['spec'] = old['spec']),
      subresource: prepareSubresource,
    },
    { allowUnconditionalUpdate: true },
  ),
};
