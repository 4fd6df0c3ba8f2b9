import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { systemClock } from '../../base/clock.ts';
import { seededRandom } from '../../base/random.ts';
import { MemoryView } from './memory-view.testing.ts';
import { NamespaceLifecycle } from './namespace-lifecycle.ts';
import { NodeDeclaredFeatureValidator } from './node-declared-features.ts';
import { defaultTolerationSeconds, PodTopologyLabels, taintNodesByCondition } from './pod-defaults.ts';
import { PodResizeValidator } from './pod-resize.ts';
import { PriorityAdmission } from './priority.ts';
import { admit, asked, pod, refused } from './rig.testing.ts';
import { RuntimeClassAdmission } from './runtime-class.ts';
import { ServiceAccountAdmission } from './service-account.ts';

const clock = systemClock();

describe('NamespaceLifecycle', () => {
  const namespace = (name: string, phase = 'Active') => ({ metadata: { name }, status: { phase } });

  test('nothing in a namespace that is not there', async () => {
    const plugin = new NamespaceLifecycle(new MemoryView());
    const refusal = await refused(plugin, asked('pods', pod()), 'namespaces "default" not found', 404);
    assert.deepEqual(refusal.status.details, { name: 'default', kind: 'namespaces' });
  });

  test('waits for one that was written and has not arrived', async () => {
    const view = new MemoryView();
    view.arriving = () => Promise.resolve().then(() => void view.put('', 'namespaces', namespace('default')));
    await admit(new NamespaceLifecycle(view), asked('pods', pod()));
  });

  test('nothing new in one that ends; changes and deletions go on', async () => {
    const view = new MemoryView().put('', 'namespaces', namespace('default', 'Terminating'));
    const plugin = new NamespaceLifecycle(view);
    const refusal = await refused(
      plugin,
      asked('pods', pod()),
      'pods "web" is forbidden: unable to create new content in namespace default because it is being terminated',
    );
    assert.deepEqual(refusal.status.details?.causes, [
      {
        reason: 'NamespaceTerminating',
        message: 'namespace default is being terminated',
        field: 'metadata.namespace',
      },
    ]);
    await admit(plugin, asked('pods', pod(), { old: pod() }));
    await admit(plugin, asked('pods', undefined, { operation: 'DELETE', name: 'web' }));
  });

  test('some namespaces stay', async () => {
    const plugin = new NamespaceLifecycle(new MemoryView());
    const deletion = (name: string) => asked('namespaces', undefined, { operation: 'DELETE', name });
    await refused(
      plugin,
      deletion('kube-system'),
      'namespaces "kube-system" is forbidden: this namespace may not be deleted',
    );
    await admit(plugin, deletion('kube-node-lease'));
  });
});

describe('ServiceAccount', () => {
  const account = (more: object = {}) => ({
    metadata: { name: 'default', namespace: 'default', uid: '1' },
    ...more,
  });
  const setUp = (more: object = {}) => {
    const view = new MemoryView().put('', 'serviceaccounts', account(more));
    return { view, plugin: new ServiceAccountAdmission(view, clock, seededRandom(1)) };
  };

  test('mounts the token of the default account', async () => {
    const { plugin } = setUp({ imagePullSecrets: [{ name: 'registry' }] });
    const spec = (await admit(plugin, asked('pods', pod({ initContainers: [{ name: 'i' }] }))))[
      'spec'
    ] as Record<string, never[]>;
    const [volume] = spec['volumes'] as unknown as [{ name: string }];
    assert.match(volume.name, /^kube-api-access-[a-z0-9]{5}$/);
    const mount = {
      name: volume.name,
      readOnly: true,
      mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
    };
    assert.deepEqual(spec, {
      containers: [{ name: 'c', image: 'i', volumeMounts: [mount] }],
      initContainers: [{ name: 'i', volumeMounts: [mount] }],
      serviceAccountName: 'default',
      imagePullSecrets: [{ name: 'registry' }],
      volumes: [
        {
          name: volume.name,
          projected: {
            sources: [
              { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
              { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
              {
                downwardAPI: {
                  items: [
                    { path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } },
                  ],
                },
              },
            ],
            defaultMode: 420,
          },
        },
      ],
    });
  });

  test('not where pod or account say no, nor where something is mounted', async () => {
    const volumesOf = async (plugin: ServiceAccountAdmission, spec: object) =>
      ((await admit(plugin, asked('pods', pod(spec))))['spec'] as { volumes?: unknown }).volumes;
    assert.equal(await volumesOf(setUp().plugin, { automountServiceAccountToken: false }), undefined);
    assert.equal(await volumesOf(setUp({ automountServiceAccountToken: false }).plugin, {}), undefined);
    const mounts = [{ name: 'v', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }];
    assert.equal(
      await volumesOf(setUp().plugin, { containers: [{ name: 'c', volumeMounts: mounts }] }),
      undefined,
    );
  });

  test('refuses an account that is not there', async () => {
    const { plugin } = setUp();
    await refused(
      plugin,
      asked('pods', pod({ serviceAccountName: 'ghost' })),
      'pods "web" is forbidden: error looking up service account default/ghost: serviceaccount "ghost" not found',
    );
    await refused(
      plugin,
      asked('pods', pod({ serviceAccountName: 'ghost' }, { name: undefined, generateName: 'web-' })),
      'pods "web-" is forbidden: error looking up service account default/ghost: serviceaccount "ghost" not found',
    );
  });

  test('waits for the default account of a new namespace', async () => {
    const view = new MemoryView();
    const admitted = admit(new ServiceAccountAdmission(view, clock, seededRandom(1)), asked('pods', pod()));
    view.put('', 'serviceaccounts', account());
    await admitted;
  });

  test('holds mirror pods and mountable secrets to the rules', async () => {
    const mirror = { annotations: { 'kubernetes.io/config.mirror': 'x' } };
    await refused(
      setUp().plugin,
      asked('pods', pod({ serviceAccountName: 'default' }, mirror)),
      'pods "web" is forbidden: a mirror pod may not reference service accounts',
    );
    const strict = setUp({
      metadata: {
        name: 'default',
        namespace: 'default',
        annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' },
      },
      secrets: [{ name: 'known' }],
    }).plugin;
    await refused(
      strict,
      asked('pods', pod({ volumes: [{ name: 'v', secret: { secretName: 'other' } }] })),
      'pods "web" is forbidden: volume with secret.secretName="other" is not allowed because service account default does not reference that secret',
    );
  });
});

describe('Priority', () => {
  const group = 'scheduling.k8s.io';
  const high = { metadata: { name: 'high' }, value: 1000, preemptionPolicy: 'Never' };
  const setUp = () => {
    const view = new MemoryView().put(group, 'priorityclasses', high);
    return { view, plugin: new PriorityAdmission(view) };
  };
  const priorityOf = (spec: unknown) => {
    const { priority, priorityClassName, preemptionPolicy } = spec as Record<string, unknown>;
    return { priority, priorityClassName, preemptionPolicy };
  };

  test('by class, by default class, or none', async () => {
    const { view, plugin } = setUp();
    assert.deepEqual(
      priorityOf((await admit(plugin, asked('pods', pod({ priorityClassName: 'high' }))))['spec']),
      {
        priority: 1000,
        priorityClassName: 'high',
        preemptionPolicy: 'Never',
      },
    );
    const plain = { priority: 0, priorityClassName: undefined, preemptionPolicy: 'PreemptLowerPriority' };
    assert.deepEqual(priorityOf((await admit(plugin, asked('pods', pod())))['spec']), plain);
    view.put(group, 'priorityclasses', {
      metadata: { name: 'usual' },
      value: 5,
      globalDefault: true,
      preemptionPolicy: 'PreemptLowerPriority',
    });
    const usual = { ...plain, priority: 5, priorityClassName: 'usual' };
    assert.deepEqual(priorityOf((await admit(plugin, asked('pods', pod())))['spec']), usual);
  });

  test('refusals', async () => {
    const { view, plugin } = setUp();
    await refused(
      plugin,
      asked('pods', pod({ priorityClassName: 'ghost' })),
      'pods "web" is forbidden: no PriorityClass with name ghost was found',
    );
    await refused(
      plugin,
      asked('pods', pod({ priorityClassName: 'high', priority: 7 })),
      'pods "web" is forbidden: the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 1000 from the given PriorityClass name',
    );
    view.put(group, 'priorityclasses', { metadata: { name: 'usual' }, value: 5, globalDefault: true });
    await refused(
      plugin,
      asked('priorityclasses', { metadata: { name: 'other' }, value: 6, globalDefault: true }, { group }),
      'priorityclasses.scheduling.k8s.io "other" is forbidden: PriorityClass usual is already marked as default. Only one default can exist',
    );
  });

  test('an update keeps the priority, and leaves the old object alone', async () => {
    const { plugin } = setUp();
    const old = pod({ priority: 3, preemptionPolicy: 'Never' });
    const shared = pod();
    const spec = shared['spec'];
    assert.equal(
      ((await admit(plugin, asked('pods', shared, { old })))['spec'] as { priority: number }).priority,
      3,
    );
    assert.equal((spec as { priority?: number }).priority, undefined);
  });
});

describe('defaults of pods and nodes', () => {
  test('tolerations', async () => {
    const tolerationsOf = async (tolerations?: object[]) =>
      (
        (await admit(defaultTolerationSeconds, asked('pods', pod(tolerations ? { tolerations } : {}))))[
          'spec'
        ] as { tolerations: object[] }
      ).tolerations;
    const added = (key: string) => ({
      key: `node.kubernetes.io/${key}`,
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: 300,
    });
    assert.deepEqual(await tolerationsOf(), [added('not-ready'), added('unreachable')]);
    assert.deepEqual(await tolerationsOf([{ operator: 'Exists' }]), [{ operator: 'Exists' }]);
    const own = { key: 'node.kubernetes.io/not-ready', operator: 'Exists' };
    assert.deepEqual(await tolerationsOf([own]), [own, added('unreachable')]);
  });

  test('taint of new nodes', async () => {
    const node = await admit(taintNodesByCondition, asked('nodes', { metadata: { name: 'n1' } }));
    assert.deepEqual(node['spec'], {
      taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }],
    });
  });

  test('topology labels on bindings', async () => {
    const view = new MemoryView().put('', 'nodes', {
      metadata: { name: 'n1', labels: { 'topology.kubernetes.io/zone': 'z1', other: 'x' } },
    });
    const binding = { metadata: { name: 'web' }, target: { kind: 'Node', name: 'n1' } };
    const admitted = await admit(
      new PodTopologyLabels(view),
      asked('pods', binding, { operation: 'CREATE', subresource: 'binding' }),
    );
    assert.deepEqual(admitted.metadata.labels, { 'topology.kubernetes.io/zone': 'z1' });
  });
});

describe('RuntimeClass', () => {
  const runtimeClass = {
    metadata: { name: 'vm' },
    handler: 'kata',
    overhead: { podFixed: { memory: '120Mi' } },
    scheduling: { nodeSelector: { vm: 'yes' }, tolerations: [{ key: 'vm', operator: 'Exists' }] },
  };
  const plugin = new RuntimeClassAdmission(
    new MemoryView().put('node.k8s.io', 'runtimeclasses', runtimeClass),
  );

  test('gives overhead, selector and tolerations', async () => {
    const tolerations = [{ key: 'vm', operator: 'Equal', value: 'a' }];
    const spec = (
      await admit(
        plugin,
        asked('pods', pod({ runtimeClassName: 'vm', nodeSelector: { a: 'b' }, tolerations })),
      )
    )['spec'] as Record<string, unknown>;
    assert.deepEqual(
      [spec['overhead'], spec['nodeSelector'], spec['tolerations']],
      [{ memory: '120Mi' }, { a: 'b', vm: 'yes' }, [{ key: 'vm', operator: 'Exists' }]],
    );
  });

  test('refusals', async () => {
    await refused(
      plugin,
      asked('pods', pod({ runtimeClassName: 'x' })),
      'pods "web" is forbidden: pod rejected: RuntimeClass "x" not found',
    );
    await refused(
      plugin,
      asked('pods', pod({ overhead: { cpu: '1' } })),
      'pods "web" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
    );
    await refused(
      plugin,
      asked('pods', pod({ runtimeClassName: 'vm', overhead: { memory: '1Mi' } })),
      "pods \"web\" is forbidden: pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
    );
    await refused(
      plugin,
      asked('pods', pod({ runtimeClassName: 'vm', nodeSelector: { vm: 'no' } })),
      'pods "web" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[vm] = yes; pod.spec.nodeSelector[vm] = no',
    );
  });
});

describe('NodeDeclaredFeatureValidator', () => {
  test('what a change of a bound pod asks of its node', async () => {
    const resized = (cpu: string, generation: number, nodeName = 'n1') =>
      pod({ nodeName, containers: [{ name: 'c' }], initContainers: [{ name: 'i', resources: { requests: { cpu } } }], resources: { requests: { cpu } } }, { generation });
    const change = (nodeName: string, subresource = 'resize') => asked('pods', resized('2', 2, nodeName), { old: resized('1', 1, nodeName), subresource });
    const view = new MemoryView()
      .put('', 'nodes', { metadata: { name: 'n1' }, status: { declaredFeatures: ['InPlacePodLevelResourcesVerticalScaling'] } })
      .put('', 'nodes', { metadata: { name: 'n2' }, status: { declaredFeatures: ['InPlacePodLevelResourcesVerticalScaling', 'InPlacePodVerticalScalingInitContainers'] } });
    const plugin = new NodeDeclaredFeatureValidator(view);
    await refused(plugin, change('n1'), 'pods "web" is forbidden: pod update requires features InPlacePodVerticalScalingInitContainers which are not available on node "n1"');
    await refused(plugin, change('gone'), 'pods "web" is forbidden: node "gone" not found');
    await admit(plugin, change('n2'));
    await admit(plugin, change(''));
    await admit(plugin, change('n1', 'status'));
  });
});

describe('PodResizeValidator', () => {
  test('no more than the node has', async () => {
    const view = new MemoryView().put('', 'nodes', {
      metadata: { name: 'n1' },
      status: { allocatable: { cpu: '2', memory: '1Gi' } },
    });
    const sized = (cpu: string, generation: number) =>
      pod({ nodeName: 'n1', containers: [{ name: 'c', resources: { requests: { cpu } } }] }, { generation });
    const plugin = new PodResizeValidator(view);
    await admit(plugin, asked('pods', sized('2', 2), { old: sized('1', 1), subresource: 'resize' }));
    const refusal = await refused(
      plugin,
      asked('pods', sized('3', 2), { old: sized('1', 1), subresource: 'resize' }),
      'pods "web" is forbidden: node didn\'t have enough allocatable resources: cpu, requested: 3000, allocatable: 2000',
    );
    assert.deepEqual(refusal.status.details?.causes, [{ reason: 'NodeCapacity' }]);
  });
});
