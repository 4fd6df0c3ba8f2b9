/** A machine's figures and what follows from them: allocatable resources, pressure, who is evicted, which images go. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '../../../api/types/core-v1.ts';
import { systemClock } from '../../../base/clock.ts';
import type { Clock } from '../../../base/clock.ts';
import { silentLogger } from '../../../base/logger.ts';
import type { Runtime, RuntimeImage, RuntimePod } from '../runtime.ts';
import { allocatableOf, capacityOf } from './allocatable.ts';
import { EvictionManager } from './eviction-manager.ts';
import { evictionMessage, localStorageExcess, rankForEviction, refusedUnderPressure } from './eviction-rules.ts';
import { ImageCollector } from './image-collector.ts';
import { machineFacts, machineFigures } from './machine.ts';
import type { MachineFacts } from './machine.ts';
import type { ManagedNode } from './managed-node.ts';
import { refusalBeside, refusalOf } from './node-admission.ts';
import type { PodFailure } from '../pod-failure.ts';
import type { PodFigures } from './pod-figures.ts';
import { Pressure, transitionMs } from './pressure.ts';
import { defaultThresholds, observe } from './thresholds.ts';
import type { Observations } from './thresholds.ts';

const gi = 2 ** 30;
const mi = 2 ** 20;

function observations(changes: Partial<Observations> = {}): Observations {
  const plenty = { available: 50 * gi, capacity: 100 * gi };
  return {
    'memory.available': plenty,
    'nodefs.available': plenty,
    'nodefs.inodesFree': plenty,
    'imagefs.available': plenty,
    'imagefs.inodesFree': plenty,
    'pid.available': plenty,
    ...changes,
  };
}

function pod(name: string, spec: Partial<Pod['spec']> = {}): Pod {
  return {
    metadata: { name, namespace: 'default', uid: name },
    spec: { containers: [{ name: 'c' }], ...spec },
    status: { phase: 'Running', startTime: '2026-01-01T00:00:00Z' },
  };
}

function figures(of: Pod, memoryBytes: number, rootfsBytes = 0, volumes: PodFigures['volumes'] = []): PodFigures {
  return { pod: of, containers: [{ name: 'c', startedAtMs: 0, cpu: 0, cpuSeconds: 0, memoryBytes, rootfsBytes, logBytes: 0, logInodes: 0 }], volumes };
}

const byUid = (all: readonly PodFigures[]) => new Map(all.map((one) => [one.pod.metadata.uid ?? '', one]));

function clockAt(now: () => number): Clock {
  return { ...systemClock({ background: true }), now, monotonic: now };
}

describe('the machine', () => {
  it('says what it is and how it is', async () => {
    const facts = await machineFacts(1_000_000);
    assert.ok(facts.cores >= 1 && facts.memoryBytes > 0);
    assert.match(facts.bootId, /^[0-9a-f-]{36}$/);
    const now = await machineFigures({ root: '/var/lib/not/there', images: '/' }, 5);
    assert.ok(now.cpuSeconds > 0 && now.pids.running > 0 && now.pids.max > now.pids.running);
    assert.ok(now.nodeFs.capacityBytes > 0 && now.memory.availableBytes <= facts.memoryBytes);
    assert.ok(Object.values(observe(facts, now)).every(({ available }) => available >= 0));
  });

  it('keeps reservations, thresholds and huge pages from pods', () => {
    const facts = { cores: 4, memoryBytes: 16 * gi, hugePages: new Map([['2Mi', { pageBytes: 2 * mi, pages: 512 }]]) } as Partial<MachineFacts> as MachineFacts;
    const capacity = capacityOf(facts, { capacityBytes: 100 * gi, availableBytes: 0, inodes: 0, inodesFree: 0 }, 110);
    assert.deepEqual(capacity, { cpu: '4', 'ephemeral-storage': '100Gi', 'hugepages-2Mi': '1Gi', memory: '16Gi', pods: '110' });
    assert.deepEqual(allocatableOf(capacity, { kube: { cpu: '100m', memory: '200Mi' }, system: { memory: '100Mi' } }, defaultThresholds), {
      cpu: '3900m',
      'ephemeral-storage': '90Gi',
      'hugepages-2Mi': '1Gi',
      memory: `${15 * 1024 - 400}Mi`,
      pods: '110',
    });
    assert.equal(allocatableOf({ memory: '50Mi' }, {}, defaultThresholds)['memory'], '0');
  });
});

describe('pressure', () => {
  it('is acted on at once for hard thresholds and after their grace for soft ones, memory first', () => {
    const soft = { signal: 'nodefs.available', limit: '30%', graceMs: 60_000 } as const;
    const pressure = new Pressure([soft, ...defaultThresholds]);
    const low = observations({ 'nodefs.available': { available: 20, capacity: 100 } });
    assert.deepEqual(pressure.update(low, 0), []);
    assert.deepEqual(pressure.conditions, { memory: false, disk: true, pid: false });
    const both = { ...low, 'memory.available': { available: 99 * mi, capacity: gi } };
    assert.deepEqual(pressure.update(both, 60_000).map(({ signal }) => signal), ['memory.available', 'nodefs.available']);
  });

  it('outlasts the shortage, so that the node does not flap', () => {
    const pressure = new Pressure(defaultThresholds);
    pressure.update(observations({ 'memory.available': { available: 0, capacity: gi } }), 0);
    assert.deepEqual(pressure.update(observations(), transitionMs - 1), []);
    assert.equal(pressure.has('memory'), true);
    pressure.update(observations(), transitionMs);
    assert.equal(pressure.has('memory'), false);
  });

  it('keeps out what would make it worse', () => {
    const memory = { memory: true, disk: false, pid: false };
    assert.equal(refusedUnderPressure(memory, pod('a'), false), undefined);
    assert.equal(refusedUnderPressure(memory, pod('a'), true), 'The node had condition: [MemoryPressure]. ');
    assert.equal(refusedUnderPressure(memory, pod('a', { tolerations: [{ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists' }] }), true), undefined);
    assert.equal(refusedUnderPressure({ ...memory, disk: true }, pod('a'), false), 'The node had condition: [MemoryPressure DiskPressure]. ');
  });
});

describe('admission', () => {
  const port = (hostPort: number, hostIP?: string) => ({ containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort, ...(hostIP ? { hostIP } : {}) }] }] });

  it('refuses what the node has no room for', () => {
    const big = pod('big', { containers: [{ name: 'c', resources: { requests: { cpu: '1500m', 'example.com/x': '1' } } }] });
    assert.equal(refusalBeside(big, [], { cpu: '2', pods: '1' }), undefined);
    assert.deepEqual(refusalBeside(big, [big], { cpu: '2', pods: '2' }), { reason: 'OutOfcpu', message: "Node didn't have enough resource: cpu, requested: 1500, used: 1500, capacity: 2000" });
    assert.equal(refusalBeside(big, [pod('other')], { pods: '1' })?.reason, 'OutOfpods');
  });

  it('refuses what it is not made for', () => {
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', labels: { disk: 'ssd' } }, spec: {} };
    assert.equal(refusalOf(pod('a', { nodeSelector: { disk: 'ssd' } }), node), undefined);
    assert.equal(refusalOf(pod('a', { nodeSelector: { disk: 'hdd' } }), node)?.reason, 'NodeAffinity');
    assert.equal(refusalOf(pod('a', { nodeSelector: { disk: 'hdd' } }), undefined), undefined);
    const sysctls = (name: string) => ({ securityContext: { sysctls: [{ name, value: '1' }] } });
    assert.equal(refusalOf(pod('a', sysctls('kernel.shm_rmid_forced')), node), undefined);
    assert.deepEqual(refusalOf(pod('a', sysctls('kernel.msgmax')), node), { reason: 'SysctlForbidden', message: 'forbidden sysctl: "kernel.msgmax" not allowlisted' });
    assert.equal(refusalOf(pod('a', { ...sysctls('net/ipv4/tcp_syncookies'), hostNetwork: true }), node)?.reason, 'SysctlForbidden');
    assert.equal(refusalOf(pod('a', { os: { name: 'windows' } }), node)?.reason, 'PodOSNotSupported');
  });

  it('refuses a host port that is taken', () => {
    assert.equal(refusalBeside(pod('a', port(80)), [pod('b', port(81))], {}), undefined);
    assert.equal(refusalBeside(pod('a', port(80, '10.0.0.1')), [pod('b', port(80, '10.0.0.2'))], {}), undefined);
    assert.equal(refusalBeside(pod('a', port(80)), [pod('b', port(80, '10.0.0.2'))], {})?.reason, 'NodePorts');
  });
});

describe('eviction', () => {
  const memory = defaultThresholds[0]!;
  const requests = (amount: string) => ({ containers: [{ name: 'c', resources: { requests: { memory: amount } } }] });

  it('takes those above their requests, then the less important, then the hungriest', () => {
    const within = pod('within', { ...requests('1Gi'), priority: -5 });
    const important = pod('important', { ...requests('1Mi'), priority: 10 });
    const small = pod('small');
    const large = pod('large');
    const used = byUid([figures(within, 900 * mi), figures(important, gi), figures(small, 10 * mi), figures(large, 20 * mi)]);
    assert.deepEqual(rankForEviction([within, important, small, large], used, memory.signal).map(({ metadata }) => metadata.name), ['large', 'small', 'important', 'within']);
  });

  it('says why', () => {
    const one = pod('one', requests('5Mi'));
    const seen = observations({ 'memory.available': { available: 50 * mi, capacity: gi } });
    assert.equal(
      evictionMessage(memory, seen, one, figures(one, 10 * mi)),
      'The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. Container c was using 10Mi, request is 5Mi, has larger consumption of memory. ',
    );
  });

  it('holds pods to their own limits of local storage', () => {
    const volume = pod('volume', { volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }] });
    assert.equal(localStorageExcess(figures(volume, 0, 0, [{ volume: 'v', bytes: 2 * mi, inodes: 1 }])), 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ');
    assert.equal(localStorageExcess(figures(volume, 0, 0, [{ volume: 'v', bytes: mi, inodes: 1 }])), undefined);
    const limited = pod('limited', { containers: [{ name: 'c', resources: { limits: { 'ephemeral-storage': '2Mi' } } }] });
    assert.equal(localStorageExcess(figures(limited, 0, 3 * mi)), 'Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. ');
  });

  it('ends one pod at a time, and none of the system’s own', async () => {
    const failed: [string, PodFailure][] = [];
    const critical = pod('critical', { priority: 2_000_001_000 });
    const victim = pod('victim');
    const other = pod('other');
    const node: ManagedNode = {
      name: 'node',
      pods: () => [critical, victim, other],
      activePods: () => [],
      failPod: (uid, failure) => failed.push([uid, failure]) > 0,
      holds: () => false,
      recordPod: () => {},
      recordNode: () => {},
    };
    const manager = new EvictionManager({
      clock: clockAt(() => 0),
      logger: silentLogger,
      node,
      thresholds: defaultThresholds,
      graceSecondsMax: 0,
      observations: async () => observations({ 'memory.available': { available: 0, capacity: gi } }),
      podFigures: async () => [figures(critical, 4 * gi), figures(victim, 3 * gi), figures(other, gi)],
      freeDisk: async () => {},
    });
    assert.deepEqual(await manager.synchronize(), ['victim']);
    const [[uid, failure]] = failed as [[string, PodFailure]];
    assert.equal(uid, 'victim');
    assert.deepEqual([failure.reason, failure.graceSeconds, failure.condition?.type, failure.condition?.reason], ['Evicted', 1, 'DisruptionTarget', 'TerminationByKubelet']);
    assert.equal(manager.pressure.memory, true);
  });
});

describe('images', () => {
  function collector(images: RuntimeImage[], used: readonly string[], now: () => number) {
    const runtime = {
      images: async () => [...images],
      list: async () => [{ uid: 'p', sandbox: undefined, containers: used.map((imageId) => ({ image: imageId, imageId })) }] as unknown as readonly RuntimePod[],
      removeImage: async (id: string) => void images.splice(images.findIndex((image) => image.id === id), 1),
    } as Partial<Runtime> as Runtime;
    return new ImageCollector({ runtime, clock: clockAt(now), logger: silentLogger, policy: { high: 85, low: 80, minAgeMs: 60_000 }, keep: ['pause:1'] });
  }
  const image = (id: string, name = id): RuntimeImage => ({ id, names: [name], sizeBytes: 5 * gi, user: undefined, pinned: false });
  const disk = (available: number) => ({ capacityBytes: 100 * gi, availableBytes: available * gi, inodes: 0, inodesFree: 0 });

  it('go, the longest unused first, until the disk is below the low threshold', async () => {
    let now = 0;
    const images = [image('pause', 'pause:1'), image('used'), image('a'), image('b'), image('c')];
    const collect = collector(images, ['used'], () => now);
    await collect.detect();
    now = 120_000;
    await collect.collect(disk(20));
    assert.equal(images.length, 5);
    await collect.collect(disk(14));
    assert.deepEqual(images.map(({ id }) => id), ['pause', 'used', 'c']);
    await assert.rejects(collect.collect(disk(1)), { message: `Failed to garbage collect required amount of images. Attempted to free ${19 * gi} bytes, but only found ${5 * gi} bytes eligible to free.` });
    assert.deepEqual(images.map(({ id }) => id), ['pause', 'used']);
  });

  it('stay where they have just come', async () => {
    const images = [image('a')];
    await assert.rejects(collector(images, [], () => 5).collect(disk(1)));
    assert.equal(images.length, 1);
  });
});
