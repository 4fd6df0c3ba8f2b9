import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { selectorFromLabels } from '../../api/selectors/label-selector.ts';
import type { Affinity, PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.ts';
import type { StorageClass } from '../../api/types/storage-v1.ts';
import { Core, makeNode, makePod } from '../testing/fixtures.ts';
import { noVolumes } from './volume-listers.ts';
import { tolerates } from './tolerations.ts';

const zone = 'topology.kubernetes.io/zone';
const host = 'kubernetes.io/hostname';

function nodes(count: number, zones = 1): Core {
  const core = new Core();
  for (let i = 0; i < count; i++) core.nodes(makeNode(`node-${i}`, { labels: { [zone]: `z${i % zones}` } }));
  return core;
}

const only = (reason: string, count = 1) => `0/${count} nodes are available: ${count} ${reason}.`;

describe('filters say no in the words users know', () => {
  const cases: readonly { name: string; core: () => Core; pod: Pod; message: string }[] = [
    { name: 'cpu', core: () => nodes(1), pod: makePod('p', { requests: { cpu: '9' } }), message: only('Insufficient cpu') },
    { name: 'cpu and memory', core: () => nodes(1), pod: makePod('p', { requests: { cpu: '9', memory: '64Gi' } }), message: '0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory.' },
    { name: 'an unknown resource', core: () => nodes(2), pod: makePod('p', { requests: { 'example.com/gpu': '1' } }), message: only('Insufficient example.com/gpu', 2) },
    { name: 'number of pods', core: () => new Core().nodes(makeNode('a', { allocatable: { pods: '0' } })), pod: makePod('p'), message: only('Too many pods') },
    {
      name: 'taint',
      core: () => new Core().nodes(makeNode('a', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } })),
      pod: makePod('p'),
      message: only('node(s) had untolerated taint(s)'),
    },
    { name: 'cordon', core: () => new Core().nodes(makeNode('a', { spec: { unschedulable: true } })), pod: makePod('p'), message: only('node(s) were unschedulable') },
    { name: 'node selector', core: () => nodes(1), pod: makePod('p', { spec: { nodeSelector: { disk: 'ssd' } } }), message: only("node(s) didn't match Pod's node affinity/selector") },
    { name: 'no room for anti-affinity to itself', core: () => withRunning(1), pod: antiAffine(), message: only("node(s) didn't match pod anti-affinity rules") },
    { name: 'affinity to nobody', core: () => nodes(1), pod: withAffinity({ podAffinity: required({ app: 'other' }, host) }), message: only("node(s) didn't match pod affinity rules") },
  ];
  for (const { name, core, pod, message } of cases) test(name, () => assert.equal(core().place(pod), message));

  test('reasons of several nodes are counted and sorted', () => {
    const core = nodes(2).nodes(makeNode('tainted', { spec: { taints: [{ key: 'k', effect: 'NoExecute' }] } }));
    core.run('node-0', makePod('big', { requests: { cpu: '8' } }));
    core.run('node-1', makePod('big', { requests: { cpu: '8' } }));
    assert.equal(core.place(makePod('p', { requests: { cpu: '1' } })), '0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu.');
  });

  test('a pod for one node by name', () => {
    const affinity = (name: string): Affinity => ({
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] }] } },
    });
    const core = nodes(3);
    assert.equal(core.place(withAffinity(affinity('node-1'))), 'node-1');
    assert.equal(core.place(withAffinity(affinity('gone'))), "0/3 nodes are available: 3 node(s) didn't satisfy plugin(s) [NodeAffinity].");
  });

  test('host ports: an address taken for all takes it for each', () => {
    const core = nodes(1);
    const withPort = (hostIP: string, hostPort = 80) => makePod('p', { spec: { containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort, hostIP }] }] } });
    assert.equal(core.place(withPort('127.0.0.1')), 'node-0');
    assert.equal(core.place(withPort('127.0.0.2')), 'node-0');
    assert.match(core.place(withPort('')), /didn't have free ports/);
    assert.equal(core.place(withPort('', 81)), 'node-0');
    assert.match(core.place(withPort('127.0.0.3', 81)), /didn't have free ports/);
  });
});

describe('InterPodAffinity', () => {
  test('pods that are there refuse, by anti-affinity of their own', () => {
    const core = nodes(1);
    core.run('node-0', antiAffine());
    assert.equal(core.place(makePod('p', { metadata: { labels: { app: 'a' } } })), only("node(s) didn't satisfy existing pods anti-affinity rules"));
    assert.equal(core.place(makePod('p', { metadata: { labels: { app: 'b' } } })), 'node-0');
  });

  test('counts follow pods that leave', () => {
    const core = nodes(1);
    const first = core.run('node-0', antiAffine());
    assert.notEqual(core.place(antiAffine()), 'node-0');
    core.snapshot.removePod(first, 'node-0');
    assert.equal(core.place(antiAffine()), 'node-0');
  });

  test('the first of a series that wants to be together may go anywhere, the others follow', () => {
    const core = nodes(6, 3);
    const together = () => withAffinity({ podAffinity: required({ app: 'a' }, zone) }, { app: 'a' });
    const places = [1, 2, 3, 4].map(() => core.place(together()));
    assert.equal(new Set(places.map((name) => core.snapshot.node(name)?.labels[zone])).size, 1);
  });

  test('other namespaces count only where they are named or selected', () => {
    const core = nodes(1);
    core.snapshot.namespaceLabels = (name) => (name === 'other' ? { team: 'x' } : {});
    core.run('node-0', makePod('q', { metadata: { namespace: 'other', labels: { app: 'a' } } }));
    const term = (more: object) => withAffinity({ podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: { app: 'a' } }, topologyKey: host, ...more }] } });
    assert.equal(core.cycle.schedule(core.snapshot.info(term({}))).kind, 'placed');
    assert.equal(core.cycle.schedule(core.snapshot.info(term({ namespaces: ['other'] }))).kind, 'unfit');
    assert.equal(core.cycle.schedule(core.snapshot.info(term({ namespaceSelector: { matchLabels: { team: 'x' } } }))).kind, 'unfit');
    assert.equal(core.cycle.schedule(core.snapshot.info(term({ namespaceSelector: { matchLabels: { team: 'y' } } }))).kind, 'placed');
  });

  test('preferences draw and repel', () => {
    const core = nodes(3, 3);
    core.run('node-1', makePod('q', { metadata: { labels: { app: 'a' } } }));
    const preferring = (kind: 'podAffinity' | 'podAntiAffinity') =>
      withAffinity({ [kind]: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: { labelSelector: { matchLabels: { app: 'a' } }, topologyKey: zone } }] } });
    assert.equal(chosen(core, preferring('podAffinity')), 'node-1');
    assert.notEqual(chosen(core, preferring('podAntiAffinity')), 'node-1');
  });
});

describe('PodTopologySpread', () => {
  const spread = (more: object = {}) =>
    makePod('p', {
      metadata: { labels: { app: 'a' } },
      spec: { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: zone, whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: 'a' } }, ...more }] },
    });

  test('keeps the skew', () => {
    const core = nodes(6, 3);
    const zones = new Map<string, number>();
    for (let i = 0; i < 30; i++) {
      const at = core.snapshot.node(core.place(spread()))?.labels[zone] ?? '';
      zones.set(at, (zones.get(at) ?? 0) + 1);
      const counts = [...zones.values()];
      assert.ok(Math.max(...counts) - (zones.size < 3 ? 0 : Math.min(...counts)) <= 1);
    }
    assert.deepEqual([...zones.values()], [10, 10, 10]);
  });

  test('says which nodes lack the label', () => {
    const core = new Core().nodes(makeNode('a'));
    assert.equal(core.place(spread()), only("node(s) didn't match pod topology spread constraints (missing required label)"));
  });

  test('minDomains: too few domains count as an empty one', () => {
    const core = nodes(2, 2);
    assert.ok(core.place(spread({ minDomains: 3 })).startsWith('node-'));
    assert.ok(core.place(spread({ minDomains: 3 })).startsWith('node-'));
    assert.equal(core.place(spread({ minDomains: 3 })), only("node(s) didn't match pod topology spread constraints", 2));
  });

  test('terminating pods do not count', () => {
    const core = nodes(2, 2);
    core.run('node-0', makePod('q', { metadata: { labels: { app: 'a' }, deletionTimestamp: '2026-01-01T00:00:00Z' } }));
    core.run('node-1', makePod('q', { metadata: { labels: { app: 'a' } } }));
    assert.equal(core.place(spread()), 'node-0');
  });

  test('pods of a controller spread over nodes and zones unasked', () => {
    const core = new Core({ owners: { serviceSelectors: () => [], controllerSelector: (_, kind, name) => (kind === 'ReplicaSet' ? selectorFromLabels({ app: name }) : undefined) } });
    for (let i = 0; i < 6; i++) core.nodes(makeNode(`node-${i}`, { labels: { [zone]: `z${i % 3}` } }));
    const of = () => makePod('p', { metadata: { labels: { app: 'rs' }, ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'rs', uid: 'u', controller: true }] } });
    const places = Array.from({ length: 6 }, () => core.place(of()));
    assert.equal(new Set(places).size, 6);
    assert.equal(new Set(places.slice(0, 3).map((name) => core.snapshot.node(name)?.labels[zone])).size, 3);
  });
});

describe('scores', () => {
  test('the node with the most left is preferred', () => {
    const core = nodes(3);
    core.run('node-0', makePod('q', { requests: { cpu: '4', memory: '16Gi' } }));
    core.run('node-2', makePod('q', { requests: { cpu: '2', memory: '8Gi' } }));
    assert.equal(core.place(makePod('p', { requests: { cpu: '1', memory: '1Gi' } })), 'node-1');
  });

  test('PreferNoSchedule taints are avoided where possible', () => {
    const core = new Core().nodes(makeNode('soft', { spec: { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] } }), makeNode('clean'));
    assert.equal(core.place(makePod('p')), 'clean');
  });

  test('preferred node affinity', () => {
    const core = nodes(4, 4);
    const preference = { matchExpressions: [{ key: zone, operator: 'In', values: ['z2'] }] };
    assert.equal(core.place(withAffinity({ nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference }] } })), 'node-2');
  });

  test('a node that has a large image is preferred', () => {
    const core = new Core().nodes(makeNode('a'), makeNode('b', { images: [['image:latest', 900 * 1024 * 1024]] }));
    assert.equal(core.place(makePod('p')), 'b');
  });
});

describe('volumes', () => {
  const claim = (name: string, more: Partial<PersistentVolumeClaim['spec']> = {}, bound = true): PersistentVolumeClaim => ({
    metadata: { name, namespace: 'ns', ...(bound ? { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } } : {}) },
    spec: { accessModes: ['ReadWriteOnce'], ...(bound ? { volumeName: 'pv' } : {}), ...more },
    status: { phase: bound ? 'Bound' : 'Pending' },
  });
  const user = makePod('p', { spec: { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] } });
  const withClaim = (object: PersistentVolumeClaim | undefined, volume?: PersistentVolume, storageClass?: StorageClass) =>
    new Core({ volumes: { ...noVolumes, claim: () => object, volume: () => volume, storageClass: () => storageClass } }).nodes(makeNode('a', { labels: { [zone]: 'z' } }));

  test('a missing claim', () => assert.equal(withClaim(undefined).place(user), '0/1 nodes are available: persistentvolumeclaim "c" not found.'));
  test('an unbound immediate claim', () =>
    assert.equal(withClaim(claim('c', {}, false)).place(user), '0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.'));
  test('a volume of another node', () => {
    const required = { nodeSelectorTerms: [{ matchExpressions: [{ key: host, operator: 'In', values: ['b'] }] }] };
    const volume: PersistentVolume = { metadata: { name: 'pv' }, spec: { nodeAffinity: { required } } };
    assert.equal(withClaim(claim('c'), volume).place(user), only("node(s) didn't match PersistentVolume's node affinity"));
  });
  test('a volume of another zone', () =>
    assert.equal(withClaim(claim('c'), { metadata: { name: 'pv', labels: { [zone]: 'y' } }, spec: {} }).place(user), only('node(s) had no available volume zone')));
  test('a claim that waits for its pod is provisioned where the pod goes', () => {
    const storageClass: StorageClass = { metadata: { name: 's' }, provisioner: 'example.com/disk', volumeBindingMode: 'WaitForFirstConsumer' };
    assert.equal(withClaim(claim('c', {}, false), undefined, storageClass).place(user), 'a');
  });
  test('a driver that says how much it has left is not asked for more', () => {
    const storageClass: StorageClass = { metadata: { name: 's' }, provisioner: 'd', volumeBindingMode: 'WaitForFirstConsumer' };
    const placed = (capacity: string, place: string) =>
      new Core({
        volumes: {
          ...noVolumes,
          claim: () => claim('c', { storageClassName: 's', resources: { requests: { storage: '2Gi' } } }, false),
          storageClass: () => storageClass,
          csiDriver: () => ({ metadata: { name: 'd' }, spec: { storageCapacity: true } }),
          storageCapacities: () => [{ metadata: { name: 'x' }, storageClassName: 's', nodeTopology: { matchLabels: { [zone]: place } }, capacity }],
        },
      })
        .nodes(makeNode('a', { labels: { [zone]: 'z' } }))
        .place(user);
    assert.equal(placed('3Gi', 'z'), 'a');
    assert.equal(placed('1Gi', 'z'), only('node(s) did not have enough free storage'));
    assert.equal(placed('3Gi', 'y'), only('node(s) did not have enough free storage'));
  });
  test('a driver has room for so many volumes on a node', () => {
    const csi = (handle: string): PersistentVolume => ({ metadata: { name: handle }, spec: { csi: { driver: 'd', volumeHandle: handle } } });
    const core = new Core({
      volumes: {
        ...noVolumes,
        claim: (_, claimName) => claim(claimName, { volumeName: claimName }),
        volume: csi,
        csiNode: () => ({ metadata: { name: 'a' }, spec: { drivers: [{ name: 'd', nodeID: 'a', allocatable: { count: 1 } }] } }),
      },
    }).nodes(makeNode('a'));
    const using = (claimName: string) => makePod(`of-${claimName}`, { spec: { volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }] } });
    core.run('a', using('x'));
    assert.equal(core.place(using('y')), only('node(s) exceed max volume count'));
    assert.equal(core.place(using('x')), 'a', 'the same volume takes no second place');
  });
  test('a claim for one pod only', () => {
    const core = withClaim(claim('c', { accessModes: ['ReadWriteOncePod'] }), { metadata: { name: 'pv' }, spec: {} });
    assert.equal(core.place(user), 'a');
    assert.match(core.place(user), /ReadWriteOncePod access mode already in-use by another pod/);
  });
});

test('tolerations', () => {
  const taint = { key: 'k', value: 'v', effect: 'NoSchedule' };
  assert.ok(tolerates([{ operator: 'Exists' }], taint));
  assert.ok(tolerates([{ key: 'k', operator: 'Exists' }], taint));
  assert.ok(tolerates([{ key: 'k', value: 'v' }], taint));
  assert.ok(!tolerates([{ key: 'k', value: 'w' }], taint));
  assert.ok(!tolerates([{ key: 'k', operator: 'Exists', effect: 'NoExecute' }], taint));
  assert.ok(!tolerates([], taint));
});

function chosen(core: Core, pod: Pod): string {
  const result = core.try(pod);
  return result.kind === 'placed' ? result.node.name : result.kind;
}

function withAffinity(affinity: Affinity, labels: Record<string, string> = {}): Pod {
  return makePod('p', { metadata: { labels }, spec: { affinity } });
}

function required(matchLabels: Record<string, string>, topologyKey: string) {
  return { requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels }, topologyKey }] };
}

function antiAffine(): Pod {
  return withAffinity({ podAntiAffinity: required({ app: 'a' }, host) }, { app: 'a' });
}

function withRunning(count: number): Core {
  const core = nodes(count);
  for (let i = 0; i < count; i++) core.run(`node-${i}`, makePod('q', { metadata: { labels: { app: 'a' } } }));
  return core;
}
