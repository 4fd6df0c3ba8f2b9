/**
 * The review kinds: questions to authentication and authorization, answered in
 * the object's status and stored nowhere.
 */
import { badRequest, invalid } from '../../api/errors.ts';
import type { FieldError } from '../../api/errors.ts';
import type { SelfSubjectReview, TokenReview } from '../../api/types/authentication-v1.ts';
import type {
  LocalSubjectAccessReview,
  NonResourceAttributes,
  ResourceAttributes,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
} from '../../api/types/authorization-v1.ts';
import type { UserInfo as ReviewedUser } from '../../api/types/authentication-v1.ts';
import type {
  FieldSelectorRequirement,
  LabelSelectorRequirement,
  ObjectMeta,
} from '../../api/types/meta-v1.ts';
import { formatTime } from '../../base/clock.ts';
import type { Clock } from '../../base/clock.ts';
import type { UserInfo } from '../../base/exchange.ts';
import { authenticateToken, TokenError } from './authentication.ts';
import type { TokenAuthenticator } from './authentication.ts';
import type { Authorizer, RequestAttributes } from './contract.ts';
import { describeMissing } from './rbac.ts';
import type { RbacAuthorizer } from './rbac.ts';
import { nodeIdentity, withAuthenticatedGroup } from './users.ts';

const authorizationGroup = 'authorization.k8s.io';
const authenticationVersion = 'authentication.k8s.io/v1';
const authorizationVersion = 'authorization.k8s.io/v1';

function describeUser({ username, uid, groups, extra }: UserInfo): ReviewedUser {
  return {
    username,
    ...(uid ? { uid } : {}),
    ...(groups.length > 0 ? { groups: [...groups] } : {}),
    ...(extra
      ? { extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]])) }
      : {}),
  };
}

/** Throws ApiError 400. `audiences` are the API server's own, for a review that asks for none. */
export function reviewToken(
  review: TokenReview,
  kinds: readonly TokenAuthenticator[],
  audiences: readonly string[],
): TokenReview {
  const token = review.spec?.token ?? '';
  if (token === '') throw badRequest('token is required for TokenReview in authentication');
  const asked = review.spec.audiences?.length ? review.spec.audiences : audiences;
  const answer = (status: TokenReview['status']): TokenReview => ({
    kind: 'TokenReview',
    apiVersion: authenticationVersion,
    metadata: review.metadata ?? {},
    spec: review.spec,
    status,
  });
  try {
    const identity = authenticateToken(kinds, token, asked);
    if (!identity) return answer({ user: {}, error: 'invalid bearer token' });
    const good = identity.audiences?.filter((audience) => asked.includes(audience));
    if (good?.length === 0) return answer({ user: {}, error: 'invalid bearer token' });
    return answer({
      authenticated: true,
      user: describeUser(withAuthenticatedGroup(identity.user)),
      audiences: good ?? [...asked],
    });
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    return answer({ user: {}, error: error.message });
  }
}

export function reviewSelf(user: UserInfo, clock: Clock): SelfSubjectReview {
  return {
    kind: 'SelfSubjectReview',
    apiVersion: authenticationVersion,
    metadata: { creationTimestamp: formatTime(clock.now()) },
    status: { userInfo: describeUser(user) },
  };
}

const fieldOperators: Readonly<Record<string, string>> = { In: '=', NotIn: '!=' };

/** Requirements as selector text; those it has no words for are left out, which asks for more and so never grants too much. */
function fieldSelectorText(
  raw: string | undefined,
  requirements: readonly FieldSelectorRequirement[] | undefined,
): string {
  if (!requirements?.length) return raw ?? '';
  return requirements
    .filter(({ operator, values }) => Object.hasOwn(fieldOperators, operator) && values?.length === 1)
    .map(
      ({ key, operator, values = [] }) =>
        `${key}${fieldOperators[operator]}${(values[0] ?? '').replace(/[\\,=]/g, '\\$&')}`,
    )
    .join(',');
}

function labelSelectorText(
  raw: string | undefined,
  requirements: readonly LabelSelectorRequirement[] | undefined,
): string {
  if (!requirements?.length) return raw ?? '';
  const terms: string[] = [];
  for (const { key, operator, values = [] } of requirements)
    if (operator === 'In') terms.push(`${key} in (${values.join(',')})`);
    else if (operator === 'NotIn') terms.push(`${key} notin (${values.join(',')})`);
    else if (operator === 'Exists') terms.push(key);
    else if (operator === 'DoesNotExist') terms.push(`!${key}`);
  return terms.join(',');
}

interface AccessQuestion {
  readonly resourceAttributes?: ResourceAttributes | undefined;
  readonly nonResourceAttributes?: NonResourceAttributes | undefined;
}

function attributesOf(
  user: UserInfo,
  { resourceAttributes: resource, nonResourceAttributes: other }: AccessQuestion,
): RequestAttributes {
  return {
    user,
    verb: resource?.verb ?? other?.verb ?? '',
    isResource: resource !== undefined,
    path: other?.path ?? '',
    group: resource?.group ?? '',
    version: resource?.version || '*',
    resource: resource?.resource ?? '',
    subresource: resource?.subresource ?? '',
    namespace: resource?.namespace ?? '',
    name: resource?.name ?? '',
    fieldSelector: fieldSelectorText(
      resource?.fieldSelector?.rawSelector,
      resource?.fieldSelector?.requirements,
    ),
    labelSelector: labelSelectorText(
      resource?.labelSelector?.rawSelector,
      resource?.labelSelector?.requirements,
    ),
  };
}

function mistake(field: string, value: unknown, why: string): FieldError {
  const text = value === undefined ? 'null' : JSON.stringify(value);
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${text}: ${why}` };
}

function questionMistakes({ resourceAttributes, nonResourceAttributes }: AccessQuestion): FieldError[] {
  const mistakes: FieldError[] = [];
  if (resourceAttributes && nonResourceAttributes)
    mistakes.push(
      mistake(
        'spec.nonResourceAttributes',
        nonResourceAttributes,
        'cannot be specified in combination with resourceAttributes',
      ),
    );
  if (!resourceAttributes && !nonResourceAttributes)
    mistakes.push(
      mistake(
        'spec.resourceAttributes',
        undefined,
        'exactly one of nonResourceAttributes or resourceAttributes must be specified',
      ),
    );
  return mistakes;
}

function selectorMistakes({ resourceAttributes }: AccessQuestion): FieldError[] {
  const mistakes: FieldError[] = [];
  for (const name of ['fieldSelector', 'labelSelector'] as const) {
    const selector = resourceAttributes?.[name];
    if (!selector) continue;
    const path = `spec.resourceAttributes.${name}`;
    const count = selector.requirements?.length ?? 0;
    if (selector.rawSelector && count > 0)
      mistakes.push(
        mistake(
          `${path}.rawSelector`,
          selector.rawSelector,
          'may not specified at the same time as requirements',
        ),
      );
    if (!selector.rawSelector && count === 0)
      mistakes.push({
        reason: 'FieldValueRequired',
        field: `${path}.requirements`,
        message: `Required value: when ${path} is specified, requirements or rawSelector is required`,
      });
  }
  return mistakes;
}

function metadataMistakes(
  metadata: ObjectMeta | undefined,
  allowed: readonly string[],
  why: string,
): FieldError[] {
  const unwelcome = Object.entries(metadata ?? {}).filter(
    ([name, value]) => !allowed.includes(name) && value !== undefined && value !== null,
  );
  return unwelcome.length === 0 ? [] : [mistake('metadata', metadata, why)];
}

function userMistakes({ user, groups }: SubjectAccessReviewSpec): FieldError[] {
  return user || groups?.length
    ? []
    : [mistake('spec.user', user ?? '', 'at least one of user or group must be specified')];
}

async function decide(
  authorizer: Authorizer,
  attributes: RequestAttributes,
): Promise<NonNullable<SubjectAccessReview['status']>> {
  const { decision, reason } = await authorizer.authorize(attributes);
  return {
    allowed: decision === 'allow',
    ...(decision === 'deny' ? { denied: true } : {}),
    ...(reason === '' ? {} : { reason }),
  };
}

function userOf({ user = '', uid, groups = [], extra }: SubjectAccessReviewSpec): UserInfo {
  return { username: user, groups, ...(uid ? { uid } : {}), ...(extra ? { extra } : {}) };
}

/** Throws ApiError 422. */
export async function reviewSubjectAccess(
  review: SubjectAccessReview,
  authorizer: Authorizer,
): Promise<SubjectAccessReview> {
  const { spec = {}, metadata } = review;
  const mistakes = [
    ...questionMistakes(spec),
    ...userMistakes(spec),
    ...selectorMistakes(spec),
    ...metadataMistakes(metadata, ['managedFields'], 'must be empty'),
  ];
  if (mistakes.length > 0) throw invalid(authorizationGroup, 'SubjectAccessReview', '', mistakes);
  const status = await decide(authorizer, attributesOf(userOf(spec), spec));
  return {
    kind: 'SubjectAccessReview',
    apiVersion: authorizationVersion,
    metadata: metadata ?? {},
    spec,
    status,
  };
}

/** Throws ApiError 400 and 422. `namespace` is the path's. */
export async function reviewLocalSubjectAccess(
  review: LocalSubjectAccessReview,
  namespace: string,
  authorizer: Authorizer,
): Promise<LocalSubjectAccessReview> {
  const { spec = {}, metadata = {} } = review;
  const mistakes = [
    ...questionMistakes(spec),
    ...userMistakes(spec),
    ...selectorMistakes(spec),
    ...metadataMistakes(metadata, ['managedFields', 'namespace'], 'must be empty except for namespace'),
  ];
  const asked = spec.resourceAttributes;
  if (asked && (asked.namespace ?? '') !== (metadata.namespace ?? ''))
    mistakes.push(
      mistake('spec.resourceAttributes.namespace', asked.namespace ?? '', 'must match metadata.namespace'),
    );
  if (spec.nonResourceAttributes)
    mistakes.push(
      mistake('spec.nonResourceAttributes', spec.nonResourceAttributes, 'disallowed on this kind of request'),
    );
  if (mistakes.length > 0) throw invalid(authorizationGroup, 'LocalSubjectAccessReview', '', mistakes);
  if (namespace !== metadata.namespace)
    throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
  const status = await decide(authorizer, attributesOf(userOf(spec), spec));
  return { kind: 'LocalSubjectAccessReview', apiVersion: authorizationVersion, metadata, spec, status };
}

/** Throws ApiError 422. */
export async function reviewSelfSubjectAccess(
  review: SelfSubjectAccessReview,
  user: UserInfo,
  authorizer: Authorizer,
): Promise<SelfSubjectAccessReview> {
  const { spec = {}, metadata } = review;
  const mistakes = [
    ...questionMistakes(spec),
    ...selectorMistakes(spec),
    ...metadataMistakes(metadata, ['managedFields'], 'must be empty'),
  ];
  if (mistakes.length > 0) throw invalid(authorizationGroup, 'SelfSubjectAccessReview', '', mistakes);
  const status = await decide(authorizer, attributesOf(user, spec));
  return {
    kind: 'SelfSubjectAccessReview',
    apiVersion: authorizationVersion,
    metadata: metadata ?? {},
    spec,
    status,
  };
}

/** Throws ApiError 400. */
export function reviewSelfSubjectRules(
  review: SelfSubjectRulesReview,
  user: UserInfo,
  rbac: RbacAuthorizer,
): SelfSubjectRulesReview {
  const namespace = review.spec?.namespace ?? '';
  if (namespace === '') throw badRequest('no namespace on request');
  const { rules, missing } = rbac.rulesFor(user, namespace);
  const isNode = nodeIdentity(user) !== undefined;
  const problems = [
    isNode ? 'node authorizer does not support user rule resolution' : '',
    describeMissing(missing),
  ].filter((text) => text !== '');
  return {
    kind: 'SelfSubjectRulesReview',
    apiVersion: authorizationVersion,
    metadata: {},
    spec: {},
    status: {
      resourceRules: rules
        .filter((rule) => rule.resources?.length)
        .map(({ verbs, apiGroups, resources, resourceNames }) => ({
          verbs,
          ...(apiGroups ? { apiGroups } : {}),
          ...(resources ? { resources } : {}),
          ...(resourceNames ? { resourceNames } : {}),
        })),
      nonResourceRules: rules
        .filter((rule) => rule.nonResourceURLs?.length)
        .map(({ verbs, nonResourceURLs }) => ({ verbs, ...(nonResourceURLs ? { nonResourceURLs } : {}) })),
      incomplete: isNode,
      ...(problems.length > 0
        ? { evaluationError: problems.length === 1 ? problems[0] : `[${problems.join(', ')}]` }
        : {}),
    },
  };
}
