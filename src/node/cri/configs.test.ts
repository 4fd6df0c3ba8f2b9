/** Pods and containers as CRI is told of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, Pod, PodSpec } from '../../api/types/core-v1.ts';
import type { ContainerSettings, SandboxSettings, StartError } from '../kubelet/runtime.ts';
import type { Answer } from './api.ts';
import { containerConfig } from './container-config.ts';
import { containerResources, cpuQuota, cpuShares } from './resources.ts';
import { sandboxConfig } from './sandbox-config.ts';
import { containerSecurityContext } from './security-context.ts';

const sandboxSettings: SandboxSettings = { hostname: 'web', dns: { servers: ['10.0.0.10'], searches: [], options: [] }, cgroupParent: '/pods/web', logDirectory: '/logs/web', runtimeHandler: '' };
const settings: ContainerSettings = { command: ['/bin/app'], args: undefined, env: [{ name: 'A', value: 'ä' }], mounts: [], devices: [], supplementalGroups: [7], oomScoreAdj: 997 };
const rootImage: Answer<'Image'> = { id: 'sha256:1', repoTags: [], repoDigests: [], size: 0, uid: null, username: '', pinned: false };

const podOf = (spec: Partial<PodSpec> = {}): Pod => ({ metadata: { name: 'web', namespace: 'shop', uid: 'u-1', labels: { app: 'web' }, annotations: { note: 'x' } }, spec: { containers: [{ name: 'main' }], ...spec } });
const security = (container: Partial<Container>, spec: Partial<PodSpec> = {}, image = rootImage) =>
  containerSecurityContext(podOf(spec), { name: 'main', ...container }, { image, supplementalGroups: [7], targetId: undefined, seccompDirectory: '/seccomp' });

test('shares and quotas, by upstream’s formulas', () => {
  for (const [milli, shares] of [[0, 2], [1, 2], [100, 102], [1000, 1024], [250_000_000, 262_144]] as const) assert.equal(cpuShares(milli), shares);
  for (const [milli, quota] of [[0, 0], [1, 1000], [500, 50_000], [2000, 200_000]] as const) assert.equal(cpuQuota(milli), quota);
});

test('a container’s limits: its own, else the pod’s; a limit stands in for the request', () => {
  const resources = (container: Partial<Container>, spec: Partial<PodSpec> = {}) => containerResources(podOf(spec), { name: 'main', ...container }, 997);
  assert.deepEqual(resources({}), { cpuShares: 2, cpuQuota: 0, cpuPeriod: 100_000, oomScoreAdj: 997, hugepageLimits: [] });
  assert.deepEqual(resources({ resources: { limits: { cpu: '500m', memory: '64Mi', 'hugepages-2Mi': '4Mi' } } }), {
    cpuShares: 512,
    cpuQuota: 50_000,
    cpuPeriod: 100_000,
    memoryLimitInBytes: 64 << 20,
    oomScoreAdj: 997,
    hugepageLimits: [{ pageSize: '2MB', limit: 4 << 20 }],
  });
  assert.equal(resources({}, { resources: { limits: { memory: '1Gi' } } }).memoryLimitInBytes, 1 << 30);
});

test('a sandbox: names, labels, what is kept for later, ports', () => {
  const config = sandboxConfig(podOf({ containers: [{ name: 'main', ports: [{ containerPort: 80, hostPort: 8080, protocol: 'UDP' }] }] }), sandboxSettings, 2);
  assert.deepEqual(config.metadata, { name: 'web', namespace: 'shop', uid: 'u-1', attempt: 2 });
  assert.deepEqual(config.labels, { app: 'web', 'io.kubernetes.pod.name': 'web', 'io.kubernetes.pod.namespace': 'shop', 'io.kubernetes.pod.uid': 'u-1' });
  assert.deepEqual(config.annotations, { note: 'x', 'coxswain/hostname': 'web', 'coxswain/log-directory': '/logs/web', 'coxswain/cgroup-parent': '/pods/web' });
  assert.deepEqual(config.portMappings, [{ protocol: 1, containerPort: 80, hostPort: 8080, hostIp: '' }]);
  assert.deepEqual(sandboxConfig(podOf({ hostNetwork: true }), sandboxSettings, 0).portMappings, []);
});

test('a sandbox’s namespaces and privileges', () => {
  const of = (spec: Partial<PodSpec>) => sandboxConfig(podOf(spec), sandboxSettings, 0).linux?.securityContext;
  assert.deepEqual(of({})?.namespaceOptions, { network: 0, ipc: 0, pid: 1 });
  assert.deepEqual(of({ hostNetwork: true, hostIPC: true, hostPID: true })?.namespaceOptions, { network: 2, ipc: 2, pid: 2 });
  assert.equal(of({ shareProcessNamespace: true })?.namespaceOptions?.pid, 0);
  assert.equal(of({})?.privileged, false);
  assert.equal(of({ initContainers: [{ name: 'i', securityContext: { privileged: true } }] })?.privileged, true);
  assert.deepEqual(of({ securityContext: { runAsUser: 5, fsGroup: 6, supplementalGroups: [8] } })?.supplementalGroups, [6, 8]);
});

test('a container: what it runs, where its log and its last words go, what a later kubelet must know', () => {
  const container: Container = { name: 'main', image: 'app:1', stdin: true, tty: true, terminationMessagePath: 'end', terminationMessagePolicy: 'FallbackToLogsOnError', lifecycle: { stopSignal: 'SIGUSR1' } };
  const mounts = [{ containerPath: 'data', hostPath: '/host', readOnly: true, propagation: 'hostToContainer' }, { containerPath: '/image', hostPath: '', readOnly: true, propagation: 'private', image: 'data:1', imageSubPath: 'a' }] as const;
  const config = containerConfig({ pod: podOf(), container, kind: 'main', attempt: 3 }, { settings: { ...settings, mounts }, image: rootImage, targetId: undefined, seccompDirectory: '', terminationFile: '/logs/end' });
  assert.deepEqual(config.metadata, { name: 'main', attempt: 3 });
  assert.deepEqual(config.image, { image: 'sha256:1', userSpecifiedImage: 'app:1' });
  assert.deepEqual([config.command, config.args, config.stdin, config.stdinOnce, config.tty, config.logPath, config.stopSignal], [['/bin/app'], [], true, false, true, 'main/3.log', 29]);
  assert.deepEqual(config.envs, [{ key: 'A', value: Buffer.from('ä') }]);
  assert.deepEqual(config.mounts, [
    { containerPath: '/data', hostPath: '/host', readonly: true, propagation: 1 },
    { containerPath: '/image', image: { image: 'data:1' }, imageSubPath: 'a', readonly: true, propagation: 0 },
    { containerPath: '/end', hostPath: '/logs/end' },
  ]);
  assert.equal(config.labels?.['io.kubernetes.container.name'], 'main');
  assert.equal(config.annotations?.['io.kubernetes.container.terminationMessagePath'], '/end');
});

test('security: the container’s over the pod’s, the image’s user where neither says one', () => {
  const pod = { securityContext: { runAsUser: 1, runAsGroup: 2, seccompProfile: { type: 'RuntimeDefault' } } };
  assert.deepEqual(security({}, pod).runAsUser, { value: 1 });
  const own = security({ securityContext: { runAsUser: 3, seccompProfile: { type: 'Localhost', localhostProfile: 'a/b.json' }, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } }, pod);
  assert.deepEqual([own.runAsUser, own.runAsGroup, own.noNewPrivs, own.seccomp], [{ value: 3 }, { value: 2 }, true, { profileType: 2, localhostRef: '/seccomp/a/b.json' }]);
  assert.deepEqual(own.capabilities, { addCapabilities: [], dropCapabilities: ['ALL'] });
  assert.deepEqual(security({}).seccomp, { profileType: 1 });
  assert.deepEqual(security({}, {}, { ...rootImage, uid: { value: 9 } }).runAsUser, { value: 9 });
  assert.equal(security({}, {}, { ...rootImage, username: 'www' }).runAsUsername, 'www');
  assert.deepEqual(security({}, { securityContext: { fsGroup: 7, supplementalGroups: [8] } }).supplementalGroups, [7, 8]);
  assert.ok((security({}).maskedPaths?.length ?? 0) > 5);
  assert.deepEqual(security({ securityContext: { procMount: 'Unmasked' } }).maskedPaths, []);
});

test('runAsNonRoot is held against what would run, in upstream’s words', () => {
  const nonRoot = { securityContext: { runAsNonRoot: true } };
  const refused = (container: Partial<Container>, image: Answer<'Image'>, message: string) =>
    assert.throws(() => security(container, nonRoot, image), (error: StartError) => error.reason === 'CreateContainerConfigError' && error.message === `${message} (pod: "web_shop(u-1)", container: main)`);
  refused({}, rootImage, 'container has runAsNonRoot and image will run as root');
  refused({}, { ...rootImage, username: 'www' }, 'container has runAsNonRoot and image has non-numeric user (www), cannot verify user is non-root');
  refused({ securityContext: { runAsUser: 0 } }, rootImage, "container's runAsUser breaks non-root policy");
  security({ securityContext: { runAsUser: 5 } }, nonRoot);
  security({ securityContext: { runAsNonRoot: false } }, nonRoot);
  security({}, nonRoot, { ...rootImage, uid: { value: 5 } });
});
