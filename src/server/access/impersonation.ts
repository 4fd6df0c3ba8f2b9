/**
 * Acting as someone else: the Impersonate-* headers. Every part of the other
 * identity (user, each group, uid, each extra value) must be allowed to the
 * caller by the verb `impersonate`.
 */
import { badRequest } from '../../api/errors.ts';
import type { UserInfo } from '../../base/exchange.ts';
import { forbiddenRequest } from './authorization.ts';
import type { Authorizer, RequestAttributes } from './contract.ts';
import { anonymousUser, groups, parseServiceAccountUsername, serviceAccountGroups } from './users.ts';

const extraPrefix = 'impersonate-extra-';

interface Wish {
  readonly group: '' | 'authentication.k8s.io';
  readonly resource: 'users' | 'serviceaccounts' | 'groups' | 'uids' | 'userextras';
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}

function wish(resource: Wish['resource'], name: string, more: Partial<Wish> = {}): Wish {
  const group = resource === 'uids' || resource === 'userextras' ? 'authentication.k8s.io' : '';
  return { group, resource, subresource: '', namespace: '', name, ...more };
}

/** Repeated headers arrive as one, a value a line. */
function valuesOf(header: string | undefined): string[] {
  return header === undefined || header === '' ? [] : header.split('\n');
}

function decodeExtraKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

function wishesIn(headers: Readonly<Record<string, string>>): Wish[] {
  const wishes: Wish[] = [];
  const user = headers['impersonate-user'] ?? '';
  const account = parseServiceAccountUsername(user);
  if (account) wishes.push(wish('serviceaccounts', account.name, { namespace: account.namespace }));
  else if (user !== '') wishes.push(wish('users', user));
  for (const group of valuesOf(headers['impersonate-group'])) wishes.push(wish('groups', group));
  for (const [header, value] of Object.entries(headers)) {
    if (!header.startsWith(extraPrefix)) continue;
    const subresource = decodeExtraKey(header.slice(extraPrefix.length));
    for (const name of valuesOf(value)) wishes.push(wish('userextras', name, { subresource }));
  }
  const uid = headers['impersonate-uid'] ?? '';
  if (uid !== '') wishes.push(wish('uids', uid));
  if (wishes.length > 0 && user === '')
    throw badRequest(`requested ${JSON.stringify(wishes)} without impersonating a user`);
  return wishes;
}

/** Cheap: whether a request has anything of the kind. */
export function isImpersonating(headers: Readonly<Record<string, string>>): boolean {
  if ('impersonate-user' in headers || 'impersonate-group' in headers || 'impersonate-uid' in headers)
    return true;
  for (const name in headers) if (name.startsWith(extraPrefix)) return true;
  return false;
}

/** Who the request is to be taken as coming from. Throws ApiError 400 and 403. */
export async function impersonate(
  caller: UserInfo,
  headers: Readonly<Record<string, string>>,
  authorizer: Authorizer,
): Promise<UserInfo> {
  const wishes = wishesIn(headers);
  if (wishes.length === 0) return caller;
  for (const { group, resource, subresource, namespace, name } of wishes) {
    const attributes: RequestAttributes = {
      user: caller,
      verb: 'impersonate',
      isResource: true,
      path: '',
      group,
      version: 'v1',
      resource,
      subresource,
      namespace,
      name,
      fieldSelector: '',
      labelSelector: '',
    };
    const { decision, reason } = await authorizer.authorize(attributes);
    if (decision !== 'allow') throw forbiddenRequest(attributes, reason);
  }
  return impersonated(headers['impersonate-user'] as string, wishes);
}

function impersonated(username: string, wishes: readonly Wish[]): UserInfo {
  const asked = wishes.filter(({ resource }) => resource === 'groups').map(({ name }) => name);
  const account = parseServiceAccountUsername(username);
  const memberOf = asked.length > 0 || !account ? asked : serviceAccountGroups(account.namespace);
  const extra: Record<string, string[]> = {};
  for (const { resource, subresource, name } of wishes)
    if (resource === 'userextras') (extra[subresource] ??= []).push(name);
  const uid = wishes.find(({ resource }) => resource === 'uids')?.name;
  const isAnonymous = username === anonymousUser.username;
  const implied = isAnonymous ? groups.unauthenticated : groups.authenticated;
  const isComplete =
    memberOf.includes(groups.unauthenticated) || (!isAnonymous && memberOf.includes(groups.authenticated));
  return {
    username,
    ...(uid === undefined ? {} : { uid }),
    groups: isComplete ? memberOf : [...memberOf, implied],
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}
