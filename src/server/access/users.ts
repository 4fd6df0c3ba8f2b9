/** Names of users and groups that the API itself gives meaning to. */
import type { UserInfo } from '../../base/exchange.ts';

export const groups = {
  /** Past all authorization. */
  masters: 'system:masters',
  authenticated: 'system:authenticated',
  unauthenticated: 'system:unauthenticated',
  nodes: 'system:nodes',
  serviceAccounts: 'system:serviceaccounts',
} as const;

export const anonymousUser: UserInfo = Object.freeze({
  username: 'system:anonymous',
  groups: Object.freeze([groups.unauthenticated]),
});

const serviceAccountPrefix = 'system:serviceaccount:';
const nodePrefix = 'system:node:';

export function serviceAccountUsername(namespace: string, name: string): string {
  return `${serviceAccountPrefix}${namespace}:${name}`;
}

export function serviceAccountGroups(namespace: string): string[] {
  return [groups.serviceAccounts, `${groups.serviceAccounts}:${namespace}`];
}

const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const dnsSubdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** The service account behind a user name, or undefined where it is none. */
export function parseServiceAccountUsername(
  username: string,
): { namespace: string; name: string } | undefined {
  if (!username.startsWith(serviceAccountPrefix)) return undefined;
  const [namespace, name, ...rest] = username.slice(serviceAccountPrefix.length).split(':');
  if (namespace === undefined || name === undefined || rest.length > 0) return undefined;
  return dnsLabel.test(namespace) && name.length <= 253 && dnsSubdomain.test(name)
    ? { namespace, name }
    : undefined;
}

/**
 * The node that a user is: its name, '' for a member of system:nodes that does
 * not say which, undefined for everyone else.
 */
export function nodeIdentity(user: UserInfo): string | undefined {
  if (!user.username.startsWith(nodePrefix) || !user.groups.includes(groups.nodes)) return undefined;
  return user.username.slice(nodePrefix.length);
}

const completed = new WeakMap<UserInfo, UserInfo>();

/** The user with system:authenticated among the groups; always the same object for the same user object. */
export function withAuthenticatedGroup(user: UserInfo): UserInfo {
  if (user.groups.includes(groups.authenticated) || user.groups.includes(groups.unauthenticated)) return user;
  let complete = completed.get(user);
  if (!complete) {
    complete = { ...user, groups: [...user.groups, groups.authenticated] };
    completed.set(user, complete);
  }
  return complete;
}
