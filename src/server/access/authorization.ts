/**
 * Whether the caller may. Authorizers are asked in order until one allows or
 * denies; where none does, the request is forbidden with the reasons of all.
 */
import { goQuote } from '../../api/validation/go-format.ts';
import { forbidden } from '../../api/errors.ts';
import type { ApiError } from '../../api/errors.ts';
import type { Authorizer, Decision, RequestAttributes } from './contract.ts';
import { groups } from './users.ts';

const noOpinion: Decision = { decision: 'no-opinion', reason: '' };
const allowed: Decision = { decision: 'allow', reason: '' };

/** Members of system:masters may do everything. */
export const mastersAuthorizer: Authorizer = {
  authorize: ({ user }) => (user.groups.includes(groups.masters) ? allowed : noOpinion),
};

function joined(reasons: readonly string[]): Decision {
  return { decision: 'no-opinion', reason: reasons.join('\n') };
}

async function continueUnion(
  authorizers: readonly Authorizer[],
  attributes: RequestAttributes,
  from: number,
  first: Promise<Decision>,
  reasons: string[],
): Promise<Decision> {
  let decision = await first;
  for (let at = from; ;) {
    if (decision.decision !== 'no-opinion') return decision;
    if (decision.reason !== '') reasons.push(decision.reason);
    const next = authorizers[++at];
    if (!next) return joined(reasons);
    decision = await next.authorize(attributes);
  }
}

/** Asks one after the other; synchronous as long as they are. */
export function unionAuthorizer(authorizers: readonly Authorizer[]): Authorizer {
  return {
    authorize(attributes) {
      const reasons: string[] = [];
      for (let at = 0; at < authorizers.length; at++) {
        const decision = (authorizers[at] as Authorizer).authorize(attributes);
        if (decision instanceof Promise) return continueUnion(authorizers, attributes, at, decision, reasons);
        if (decision.decision !== 'no-opinion') return decision;
        if (decision.reason !== '') reasons.push(decision.reason);
      }
      return joined(reasons);
    },
  };
}

/** What may not be taken for HTML by whoever shows it. */
const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** The 403 for a request that was not allowed. */
export function forbiddenRequest(attributes: RequestAttributes, reason: string): ApiError {
  const { group, resource, name, isResource } = attributes;
  const text = describeDenial(attributes).replace(/[&<>]/g, (character) => escapes[character] as string);
  const subject = isResource ? { group, kind: resource, name } : { group: '', kind: '', name: '' };
  return forbidden(subject, reason === '' ? text : `${text}: ${reason}`);
}

function describeDenial({
  user,
  verb,
  isResource,
  path,
  group,
  resource,
  subresource,
  namespace,
}: RequestAttributes): string {
  const who = `User ${goQuote(user.username)} cannot ${verb}`;
  if (!isResource) return `${who} path ${goQuote(path)}`;
  const what = `resource ${goQuote(subresource === '' ? resource : `${resource}/${subresource}`)} in API group ${goQuote(group)}`;
  return namespace === ''
    ? `${who} ${what} at the cluster scope`
    : `${who} ${what} in the namespace ${goQuote(namespace)}`;
}
