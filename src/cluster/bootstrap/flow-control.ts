/** Priority levels and flow schemas that upstream creates: the mandatory ones and the suggested ones. */
import type {
  FlowSchema,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  Subject,
} from '../../api/types/flowcontrol-v1.ts';

const version = 'flowcontrol.apiserver.k8s.io/v1';
/** While it is `true`, the spec follows the defaults of the running version. */
export const autoUpdateSpecAnnotation = 'apf.kubernetes.io/autoupdate-spec';
const annotations = { [autoUpdateSpecAnnotation]: 'true' };

interface LimitedLevel {
  readonly shares: number;
  readonly lendablePercent: number;
  /** Left out: what finds no seat is refused. */
  readonly queues?: { readonly queues: number; readonly handSize: number };
}

const queueLengthLimit = 50;

const limitedLevels: Readonly<Record<string, LimitedLevel>> = {
  'catch-all': { shares: 5, lendablePercent: 0 },
  system: { shares: 30, lendablePercent: 33, queues: { queues: 64, handSize: 6 } },
  'node-high': { shares: 40, lendablePercent: 25, queues: { queues: 64, handSize: 6 } },
  'leader-election': { shares: 10, lendablePercent: 0, queues: { queues: 16, handSize: 4 } },
  'workload-high': { shares: 40, lendablePercent: 50, queues: { queues: 128, handSize: 6 } },
  'workload-low': { shares: 100, lendablePercent: 90, queues: { queues: 128, handSize: 6 } },
  'global-default': { shares: 20, lendablePercent: 50, queues: { queues: 128, handSize: 6 } },
};

export function bootstrapPriorityLevels(): PriorityLevelConfiguration[] {
  const level = (name: string, spec: PriorityLevelConfiguration['spec']): PriorityLevelConfiguration => ({
    apiVersion: version,
    kind: 'PriorityLevelConfiguration',
    metadata: { name, annotations },
    spec,
    status: {},
  });
  return [
    level('exempt', { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } }),
    ...Object.entries(limitedLevels).map(([name, { shares, lendablePercent, queues }]) =>
      level(name, {
        type: 'Limited',
        limited: {
          nominalConcurrencyShares: shares,
          lendablePercent,
          limitResponse: queues
            ? { type: 'Queue', queuing: { ...queues, queueLengthLimit } }
            : { type: 'Reject' },
        },
      }),
    ),
  ];
}

function group(name: string): Subject {
  return { kind: 'Group', group: { name } };
}
function user(name: string): Subject {
  return { kind: 'User', user: { name } };
}
const systemAccounts: Subject = {
  kind: 'ServiceAccount',
  serviceAccount: { name: '*', namespace: 'kube-system' },
};
const everyone = [group('system:unauthenticated'), group('system:authenticated')];

/** Everything that the subjects ask. */
function all(...subjects: Subject[]): PolicyRulesWithSubjects {
  return {
    subjects,
    resourceRules: [
      { verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] },
    ],
    nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
  };
}

interface Flow {
  readonly level: string;
  readonly precedence: number;
  readonly distinguisher?: 'ByUser' | 'ByNamespace';
  readonly rules: PolicyRulesWithSubjects;
}

const flows: Readonly<Record<string, Flow>> = {
  exempt: { level: 'exempt', precedence: 1, rules: all(group('system:masters')) },
  probes: {
    level: 'exempt',
    precedence: 2,
    rules: {
      subjects: everyone,
      nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }],
    },
  },
  'system-leader-election': {
    level: 'leader-election',
    precedence: 100,
    distinguisher: 'ByUser',
    rules: {
      subjects: [user('system:kube-controller-manager'), user('system:kube-scheduler'), systemAccounts],
      resourceRules: [
        {
          verbs: ['get', 'create', 'update'],
          apiGroups: ['coordination.k8s.io'],
          resources: ['leases'],
          namespaces: ['*'],
        },
      ],
    },
  },
  'system-node-high': {
    level: 'node-high',
    precedence: 400,
    distinguisher: 'ByUser',
    rules: {
      subjects: [group('system:nodes')],
      resourceRules: [
        {
          verbs: ['*'],
          apiGroups: [''],
          resources: ['nodes', 'nodes/status'],
          clusterScope: true,
          namespaces: ['*'],
        },
        { verbs: ['*'], apiGroups: ['coordination.k8s.io'], resources: ['leases'], namespaces: ['*'] },
      ],
    },
  },
  'system-nodes': {
    level: 'system',
    precedence: 500,
    distinguisher: 'ByUser',
    rules: all(group('system:nodes')),
  },
  'kube-controller-manager': {
    level: 'workload-high',
    precedence: 800,
    distinguisher: 'ByNamespace',
    rules: all(user('system:kube-controller-manager')),
  },
  'kube-scheduler': {
    level: 'workload-high',
    precedence: 800,
    distinguisher: 'ByNamespace',
    rules: all(user('system:kube-scheduler')),
  },
  'kube-system-service-accounts': {
    level: 'workload-high',
    precedence: 900,
    distinguisher: 'ByNamespace',
    rules: all(systemAccounts),
  },
  'service-accounts': {
    level: 'workload-low',
    precedence: 9000,
    distinguisher: 'ByUser',
    rules: all(group('system:serviceaccounts')),
  },
  'global-default': {
    level: 'global-default',
    precedence: 9900,
    distinguisher: 'ByUser',
    rules: all(...everyone),
  },
  'catch-all': { level: 'catch-all', precedence: 10_000, distinguisher: 'ByUser', rules: all(...everyone) },
};

/** `time` (RFC 3339) stamps the condition that says the schema's level exists. */
export function bootstrapFlowSchemas(time: string): FlowSchema[] {
  return Object.entries(flows).map(([name, { level, precedence, distinguisher, rules }]) => ({
    apiVersion: version,
    kind: 'FlowSchema',
    metadata: { name, annotations },
    spec: {
      priorityLevelConfiguration: { name: level },
      matchingPrecedence: precedence,
      ...(distinguisher ? { distinguisherMethod: { type: distinguisher } } : {}),
      rules: [rules],
    },
    status: {
      conditions: [
        {
          type: 'Dangling',
          status: 'False',
          lastTransitionTime: time,
          reason: 'Found',
          message: `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)} and it exists`,
        },
      ],
    },
  }));
}
