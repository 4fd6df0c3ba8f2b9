/** flowcontrol.apiserver.k8s.io/v1. That the mandatory objects keep their fixed content is seen to by who maintains them. */
import type { FieldError } from '../errors.ts';
import type {
  FlowSchema,
  FlowSchemaSpec,
  LimitedPriorityLevelConfiguration,
  LimitResponse,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  QueuingConfiguration,
  ResourcePolicyRule,
  Subject,
} from '../types/flowcontrol-v1.ts';
import {
  duplicate,
  forbiddenField,
  invalidEach,
  invalidValue,
  notSupported,
  path,
  required,
  type FieldPath,
} from './field-path.ts';
import { kindValidator, type KindValidators } from './kind-validator.ts';
import { dnsLabel, dnsSubdomain } from './names.ts';

const specPath = path('spec');
const exemptName = 'exempt';
const precedenceMax = 10_000;
const queuesMax = 10_000_000;
/** So many bits the shuffle sharding has to deal hands with. */
const hashBitsMax = 60;
const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];
const subjectKinds = ['Group', 'ServiceAccount', 'User'];

function validateVerbs(errors: FieldError[], given: readonly string[] | undefined, at: FieldPath): void {
  if (!given?.length) errors.push(required(at, 'verbs must contain at least one value'));
  else if (given.includes('*')) {
    if (given.length > 1)
      errors.push(invalidValue(at, given, "if '*' is present, must not specify other verbs"));
  } else if (!given.every((verb) => verbs.includes(verb))) errors.push(notSupported(at, given, verbs));
}

/** A list that is needed, where `*` stands alone. */
function validateList(
  errors: FieldError[],
  given: readonly string[] | undefined,
  whenNone: string,
  what: string,
  at: FieldPath,
): void {
  if (!given?.length) errors.push(required(at, whenNone));
  else if (given.length > 1 && given.includes('*'))
    errors.push(invalidValue(at, given, `if '*' is present, must not specify other ${what}`));
}

function validateResourceRule(errors: FieldError[], rule: ResourcePolicyRule, at: FieldPath): void {
  validateVerbs(errors, rule.verbs, at.child('verbs'));
  validateList(
    errors,
    rule.apiGroups,
    'resource rules must supply at least one api group',
    'api groups',
    at.child('apiGroups'),
  );
  validateList(
    errors,
    rule.resources,
    'resource rules must supply at least one resource',
    'resources',
    at.child('resources'),
  );
  const namespaces = rule.namespaces ?? [];
  const namespacesPath = at.child('namespaces');
  if (namespaces.length > 0 || !rule.clusterScope)
    validateList(
      errors,
      namespaces,
      'resource rules that are not cluster scoped must supply at least one namespace',
      'namespaces',
      namespacesPath,
    );
  if (namespaces.includes('*')) return;
  namespaces.forEach((namespace, i) => {
    for (const message of dnsLabel(namespace))
      errors.push(
        invalidValue(
          namespacesPath.index(i),
          namespace,
          `each member of this list must be '*' or a DNS-1123 label; ${message}`,
        ),
      );
  });
}

function urlProblem(url: string): string | undefined {
  if (url === '') return 'must not be empty';
  if (url === '/') return undefined;
  if (!url.startsWith('/')) return 'must start with slash';
  if (url.includes(' ')) return 'must not contain white-space';
  if (url.includes('//')) return 'must not contain double slash';
  const wildcards = url.split('*').length - 1;
  return wildcards > 1 || (wildcards === 1 && !url.endsWith('/*'))
    ? 'wildcard can only do suffix matching'
    : undefined;
}

function validateUrlRule(errors: FieldError[], rule: NonResourcePolicyRule, at: FieldPath): void {
  validateVerbs(errors, rule.verbs, at.child('verbs'));
  const urls = rule.nonResourceURLs ?? [];
  const urlsPath = at.child('nonResourceURLs');
  validateList(
    errors,
    urls,
    'nonResourceURLs must contain at least one value',
    'non-resource URLs',
    urlsPath,
  );
  if (urls.includes('*')) return;
  urls.forEach((url, i) => {
    const problem = urlProblem(url);
    if (problem !== undefined) errors.push(invalidValue(urlsPath.index(i), url, problem));
  });
}

/** The field of a subject that its kind asks for. */
const subjectFields = { User: 'user', Group: 'group', ServiceAccount: 'serviceAccount' } as const;

function validateSubject(errors: FieldError[], subject: Subject, at: FieldPath): void {
  const wanted = subjectFields[subject.kind as keyof typeof subjectFields];
  if (wanted === undefined) {
    errors.push(notSupported(at.child('kind'), subject.kind ?? '', subjectKinds));
    return;
  }
  const about = subject[wanted];
  const aboutPath = at.child(wanted);
  if (!about)
    errors.push(required(aboutPath, `${wanted} is required when subject kind is '${subject.kind}'`));
  else if (!about.name) errors.push(required(aboutPath.child('name')));
  else if (wanted === 'serviceAccount' && about.name !== '*')
    invalidEach(errors, aboutPath.child('name'), about.name, dnsSubdomain(about.name));
  if (wanted === 'serviceAccount' && subject.serviceAccount) {
    const { namespace } = subject.serviceAccount;
    if (!namespace)
      errors.push(required(aboutPath.child('namespace'), 'must specify namespace for service account'));
    else invalidEach(errors, aboutPath.child('namespace'), namespace, dnsLabel(namespace));
  }
  for (const [kind, field] of [
    ['ServiceAccount', 'serviceAccount'],
    ['User', 'user'],
    ['Group', 'group'],
  ] as const)
    if (field !== wanted && subject[field])
      errors.push(
        forbiddenField(at.child(field), `${field} is forbidden when subject kind is not '${kind}'`),
      );
}

function validateRules(errors: FieldError[], rule: PolicyRulesWithSubjects, at: FieldPath): void {
  if (!rule.subjects?.length)
    errors.push(required(at.child('subjects'), 'subjects must contain at least one value'));
  rule.subjects?.forEach((subject, i) => validateSubject(errors, subject, at.child('subjects').index(i)));
  if (!rule.resourceRules?.length && !rule.nonResourceRules?.length)
    errors.push(required(at, 'at least one of resourceRules and nonResourceRules has to be non-empty'));
  rule.resourceRules?.forEach((item, i) =>
    validateResourceRule(errors, item, at.child('resourceRules').index(i)),
  );
  rule.nonResourceRules?.forEach((item, i) =>
    validateUrlRule(errors, item, at.child('nonResourceRules').index(i)),
  );
}

function validateSchemaSpec(errors: FieldError[], name: string, spec: FlowSchemaSpec): void {
  const {
    matchingPrecedence: precedence = 0,
    distinguisherMethod: method,
    priorityLevelConfiguration,
    rules,
  } = spec;
  const precedencePath = specPath.child('matchingPrecedence');
  if (precedence <= 0) errors.push(invalidValue(precedencePath, precedence, 'must be a positive value'));
  if (precedence > precedenceMax)
    errors.push(invalidValue(precedencePath, precedence, `must not be greater than ${precedenceMax}`));
  if (precedence === 1 && name !== exemptName)
    errors.push(
      invalidValue(
        precedencePath,
        precedence,
        "only the schema named 'exempt' may have matchingPrecedence 1",
      ),
    );
  if (method && method.type !== 'ByNamespace' && method.type !== 'ByUser')
    errors.push(
      notSupported(specPath.child('distinguisherMethod').child('type'), { Type: method.type }, [
        'ByNamespace',
        'ByUser',
      ]),
    );
  const levelPath = specPath.child('priorityLevelConfiguration').child('name');
  const level = priorityLevelConfiguration?.name;
  if (!level) errors.push(required(levelPath, 'must reference a priority level'));
  else invalidEach(errors, levelPath, level, dnsSubdomain(level));
  rules?.forEach((rule, i) => validateRules(errors, rule, specPath.child('rules').index(i)));
}

interface WithConditions {
  readonly conditions?: readonly { readonly type?: string | undefined }[] | undefined;
}

function validateStatus(errors: FieldError[], status: WithConditions | undefined): void {
  const seen = new Set<string>();
  status?.conditions?.forEach(({ type = '' }, i) => {
    const at = path('status', 'conditions').index(i).child('type');
    if (seen.has(type)) errors.push(duplicate(at, type));
    seen.add(type);
    if (type === '') errors.push(required(at));
  });
}

function validateQueuing(errors: FieldError[], queuing: QueuingConfiguration, at: FieldPath): void {
  const { queueLengthLimit = 0, queues = 0, handSize = 0 } = queuing;
  const handPath = at.child('handSize');
  if (queueLengthLimit <= 0)
    errors.push(invalidValue(at.child('queueLengthLimit'), queueLengthLimit, 'must be positive'));
  if (queues <= 0) errors.push(invalidValue(at.child('queues'), queues, 'must be positive'));
  else if (queues > queuesMax)
    errors.push(invalidValue(at.child('queues'), queues, `must not be greater than ${queuesMax}`));
  if (handSize <= 0) errors.push(invalidValue(handPath, handSize, 'must be positive'));
  else if (handSize > queues)
    errors.push(invalidValue(handPath, handSize, `should not be greater than queues (${queues})`));
  else if (Math.ceil(Math.log2(queues) * handSize) > hashBitsMax)
    errors.push(
      invalidValue(
        handPath,
        handSize,
        `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${hashBitsMax}`,
      ),
    );
}

function validateLimitResponse(
  errors: FieldError[],
  { type, queuing }: Partial<LimitResponse> = {},
  at: FieldPath,
): void {
  if (type === 'Reject') {
    if (queuing)
      errors.push(
        forbiddenField(at.child('queuing'), 'must be nil if limited.limitResponse.type is not Limited'),
      );
  } else if (type !== 'Queue') errors.push(notSupported(at.child('type'), type ?? '', ['Queue', 'Reject']));
  else if (!queuing)
    errors.push(required(at.child('queuing'), 'must not be empty if limited.limitResponse.type is Limited'));
  else validateQueuing(errors, queuing, at.child('queuing'));
}

type Shares = Pick<LimitedPriorityLevelConfiguration, 'nominalConcurrencyShares' | 'lendablePercent'>;

function validateShares(
  errors: FieldError[],
  { nominalConcurrencyShares: shares }: Shares,
  at: FieldPath,
): void {
  if (shares !== undefined && shares < 0)
    errors.push(invalidValue(at.child('nominalConcurrencyShares'), shares, 'must be a non-negative integer'));
}

function validateLendable(errors: FieldError[], { lendablePercent: percent }: Shares, at: FieldPath): void {
  if (percent !== undefined && (percent < 0 || percent > 100))
    errors.push(invalidValue(at.child('lendablePercent'), percent, 'must be between 0 and 100, inclusive'));
}

function validateLevel({ metadata, spec, status }: PriorityLevelConfiguration): FieldError[] {
  const errors: FieldError[] = [];
  const { type = '', limited, exempt } = spec ?? {};
  if ((metadata.name === exemptName) !== (type === 'Exempt'))
    errors.push(
      invalidValue(specPath.child('type'), type, "must be 'Exempt' if and only if `name` is 'exempt'"),
    );
  if (type === 'Exempt') {
    if (limited)
      errors.push(forbiddenField(specPath.child('limited'), 'must be nil if the type is not Limited'));
    if (exempt) {
      validateShares(errors, exempt, specPath.child('exempt'));
      validateLendable(errors, exempt, specPath.child('exempt'));
    }
  } else if (type === 'Limited') {
    const at = specPath.child('limited');
    if (exempt) errors.push(forbiddenField(specPath.child('exempt'), 'must be nil if the type is Limited'));
    if (!limited) errors.push(required(at, 'must not be empty when type is Limited'));
    else {
      validateShares(errors, limited, at);
      validateLimitResponse(errors, limited.limitResponse, at.child('limitResponse'));
      validateLendable(errors, limited, at);
      const borrowing = limited.borrowingLimitPercent;
      if (borrowing !== undefined && borrowing < 0)
        errors.push(
          invalidValue(
            at.child('borrowingLimitPercent'),
            borrowing,
            'if specified, must be a non-negative integer',
          ),
        );
    }
  } else errors.push(notSupported(specPath.child('type'), type, ['Exempt', 'Limited']));
  validateStatus(errors, status);
  return errors;
}

function validateSchema({ metadata, spec, status }: FlowSchema): FieldError[] {
  const errors: FieldError[] = [];
  validateSchemaSpec(errors, metadata.name ?? '', spec ?? ({} as FlowSchemaSpec));
  validateStatus(errors, status);
  return errors;
}

/** An update of the status is looked at for the status only. */
function statusOnly<T extends { status?: WithConditions | undefined }>(
  validate: (object: T) => FieldError[],
) {
  return (object: T, _: T, subresource: string): FieldError[] => {
    if (subresource !== 'status') return validate(object);
    const errors: FieldError[] = [];
    validateStatus(errors, object.status);
    return errors;
  };
}

const group = 'flowcontrol.apiserver.k8s.io';

export const validators: KindValidators = {
  [`${group}/FlowSchema`]: kindValidator<FlowSchema>({
    create: validateSchema,
    update: statusOnly(validateSchema),
  }),
  [`${group}/PriorityLevelConfiguration`]: kindValidator<PriorityLevelConfiguration>({
    create: validateLevel,
    update: statusOnly(validateLevel),
  }),
};
