/** The kubelet over real containers: what a pod's spec asks for is what its processes find. */
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { configMaps, pods } from '../../src/client/resources.ts';
import { withoutContainerd } from './containerd.ts';
import { busyboxImage } from './images.ts';
import { shell } from './pods.ts';
import { RealNode } from './real-kubelet.ts';

describe('a real kubelet', { skip: withoutContainerd, timeout: 240_000 }, () => {
  let node: RealNode;
  before(async () => {
    node = await RealNode.start();
  });
  after(() => node?.[Symbol.asyncDispose]());

  test('runs a pod, and leaves nothing of it', async () => {
    await node.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name: 'settings' }, data: { colour: 'red' } });
    await node.run('web', {
      hostAliases: [{ ip: '1.2.3.4', hostnames: ['alias'] }],
      containers: [
        shell('env; cat /etc/hosts; hostname; cat /etc/resolv.conf; echo $0 $1; cat /config/colour; echo; sleep 1000', {
          args: ['$(COLOUR)', '$$(COLOUR)'],
          env: [
            { name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'colour' } } },
            { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
            { name: 'CPUS', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
          ],
          resources: { requests: { cpu: '100m' }, limits: { memory: '64Mi' } },
          volumeMounts: [{ name: 'config', mountPath: '/config' }],
        }),
      ],
      volumes: [{ name: 'config', configMap: { name: 'settings' } }],
    });
    const pod = await node.until('web', ({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false);
    const ip = pod.status?.podIP ?? '';
    assert.equal(pod.status?.phase, 'Running');
    assert.match(ip, /^10\./);
    const text = await node.logs(pod);
    for (const expected of ['COLOUR=red', `IP=${ip}`, 'CPUS=2', `${ip}\tweb`, '1.2.3.4\talias', 'nameserver 10.96.0.10', 'search default.svc.cluster.local svc.cluster.local cluster.local', 'red $(COLOUR)\nred', 'KUBERNETES_SERVICE_PORT=443']) assert.ok(text.includes(expected), `${expected} in\n${text}`);
    const uid = pod.metadata.uid ?? '';
    const cgroup = `/sys/fs/cgroup/memory${node.containerd.cgroupParent}/kubepods/burstable/pod${uid}`;
    if (existsSync('/sys/fs/cgroup/memory')) assert.equal(readFileSync(`${cgroup}/memory.limit_in_bytes`, 'utf8').trim(), String(64 << 20));
    await node.delete('web');
    await untilTrue(async () => (await node.runtime.list()).every((one) => one.uid !== uid));
    await untilTrue(() => !existsSync(join(node.containerd.directory, 'kubelet/pods', uid)) && !existsSync(cgroup));
    await untilTrue(() => !existsSync(join(node.containerd.directory, 'logs', `default_web_${uid}`)));
  });

  test('waits for what a container refers to', async () => {
    await node.run('waiting', { containers: [shell('echo $A; sleep 1000', { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'later', key: 'a' } } }] })] });
    const pod = await node.until('waiting', ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError');
    assert.equal(pod.status?.containerStatuses?.[0]?.state?.waiting?.message, 'configmap "later" not found');
    await node.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name: 'later' }, data: { a: '1' } });
    await node.until('waiting', ({ status }) => status?.phase === 'Running');
    await node.delete('waiting');
  });

  test('runs init containers to their end, keeps sidecars, and ends them last', async () => {
    await node.run('order', {
      restartPolicy: 'Never',
      initContainers: [shell('echo first > /shared/order', { name: 'one', volumeMounts: [{ name: 'shared', mountPath: '/shared' }] }), shell('trap "exit 0" TERM; echo side >> /shared/order; while :; do sleep 0.1; done', { name: 'side', restartPolicy: 'Always', volumeMounts: [{ name: 'shared', mountPath: '/shared' }] })],
      containers: [shell('sleep 0.3; cat /shared/order; echo said > /dev/termination-log', { volumeMounts: [{ name: 'shared', mountPath: '/shared' }] })],
      volumes: [{ name: 'shared', emptyDir: {} }],
    });
    const pod = await node.until('order', ({ status }) => status?.phase === 'Succeeded');
    assert.equal(await node.logs(pod), 'first\nside\n');
    assert.equal(pod.status?.containerStatuses?.[0]?.state?.terminated?.message, 'said\n');
    assert.deepEqual(pod.status?.initContainerStatuses?.map(({ name, state }) => [name, state?.terminated?.exitCode]), [['one', 0], ['side', 0]]);
    await node.delete('order');
  });

  test('restarts what fails, with a growing pause, and remembers the end before', async () => {
    await node.run('crash', { containers: [shell('exit 3')] });
    const pod = await node.until('crash', ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff');
    assert.equal(pod.status?.containerStatuses?.[0]?.restartCount, 1);
    assert.equal(pod.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 3);
    assert.match(pod.status?.containerStatuses?.[0]?.state?.waiting?.message ?? '', /^back-off 10s restarting failed container=main pod=crash_default\(/);
    await node.delete('crash');
  });

  test('probes, and kills what is not alive', async () => {
    await node.run('probed', {
      containers: [
        shell('touch /tmp/alive; httpd -p 8080 -h /tmp; sleep 1; touch /tmp/ready; sleep 2; rm /tmp/alive; sleep 1000', {
          ports: [{ name: 'web', containerPort: 8080 }],
          readinessProbe: { httpGet: { path: '/ready', port: 'web' }, periodSeconds: 1 },
          livenessProbe: { exec: { command: ['cat', '/tmp/alive'] }, periodSeconds: 1, failureThreshold: 1, initialDelaySeconds: 1, terminationGracePeriodSeconds: 1 },
        }),
      ],
    });
    await node.until('probed', ({ status }) => status?.containerStatuses?.[0]?.state?.running !== undefined && !status.containerStatuses[0].ready);
    await node.until('probed', ({ status }) => status?.containerStatuses?.[0]?.ready === true);
    await node.until('probed', ({ status }) => status?.containerStatuses?.[0]?.restartCount === 1);
    const events = await node.eventsOf('probed');
    assert.ok(events.includes("Unhealthy: Liveness probe failed: cat: can't open '/tmp/alive': No such file or directory\n") || events.some((event) => event.startsWith('Unhealthy: Liveness probe failed: cat:')), events.join('\n'));
    assert.ok(events.includes('Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 404'), events.join('\n'));
    assert.ok(events.includes('Killing: Container main failed liveness probe, will be restarted'), events.join('\n'));
    await node.delete('probed');
  });

  test('runs hooks', async () => {
    await node.run('hooked', {
      terminationGracePeriodSeconds: 5,
      containers: [
        shell('trap "echo term; exit 0" TERM; while :; do sleep 0.1; done', {
          lifecycle: { postStart: { exec: { command: ['sh', '-c', 'echo post > /proc/1/fd/1'] } }, preStop: { exec: { command: ['sh', '-c', 'echo pre > /proc/1/fd/1; sleep 0.5'] } } },
        }),
        shell('sleep 1000', { name: 'broken', lifecycle: { postStart: { exec: { command: ['false'] } } } }),
      ],
      restartPolicy: 'Never',
    });
    const pod = await node.until('hooked', ({ status }) => status?.containerStatuses?.[1]?.state?.terminated !== undefined && status.containerStatuses[0]?.state?.running !== undefined);
    await node.client.delete(pods, { namespace: 'default', name: 'hooked' });
    await untilTrue(async () => (await node.logs(pod, 'main').catch(() => 'post\npre\nterm\n')) === 'post\npre\nterm\n');
    await node.gone('hooked');
    assert.ok((await node.eventsOf('hooked')).includes('FailedPostStartHook: PostStartHook failed'));
  });

  test('resizes a pod in place', async () => {
    const resources = (cpu: string, memory: string) => ({ requests: { cpu, memory }, limits: { cpu, memory } });
    await node.run('resized', {
      containers: [
        shell('sleep 1000', { resources: resources('100m', '64Mi') }),
        shell('sleep 1000', { name: 'restarts', resources: resources('100m', '64Mi'), resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }] }),
      ],
    });
    const pod = await node.until('resized', ({ status }) => status?.phase === 'Running');
    const resize = (spec: object) => node.client.patch(pods, { namespace: 'default', name: 'resized' }, { spec }, { type: 'strategic', subresource: 'resize' });
    await resize({ containers: [{ name: 'main', resources: resources('200m', '32Mi') }, { name: 'restarts', resources: resources('100m', '96Mi') }] });
    const done = await node.until('resized', ({ status }) => status?.containerStatuses?.every(({ state }) => state?.running) === true && status.containerStatuses[1]?.restartCount === 1 && !status.conditions?.some(({ type }) => type.startsWith('PodResize')));
    const [main, restarts] = done.status?.containerStatuses ?? [];
    assert.deepEqual(main?.resources, resources('200m', '32Mi'));
    assert.deepEqual(main?.allocatedResources, { cpu: '200m', memory: '32Mi' });
    assert.deepEqual(restarts?.resources, resources('100m', '96Mi'));
    assert.equal(main?.containerID, pod.status?.containerStatuses?.[0]?.containerID, 'it runs on');
    const top = `${node.containerd.cgroupParent}/kubepods/pod${pod.metadata.uid}`;
    if (existsSync('/sys/fs/cgroup/memory')) {
      assert.equal(readFileSync(`/sys/fs/cgroup/memory${top}/${main?.containerID?.replace('containerd://', '')}/memory.limit_in_bytes`, 'utf8').trim(), String(32 << 20));
      assert.equal(readFileSync(`/sys/fs/cgroup/memory${top}/memory.limit_in_bytes`, 'utf8').trim(), String(128 << 20));
      assert.equal(readFileSync(`/sys/fs/cgroup/cpu${top}/cpu.cfs_quota_us`, 'utf8').trim(), '30000');
    }
    const events = await node.eventsOf('resized');
    assert.ok(events.some((event) => event.startsWith('ResizeStarted: Pod resize started: {"containers":[{"name":"main","resources":')), events.join('\n'));
    assert.ok(events.some((event) => event.startsWith('ResizeCompleted: Pod resize completed: ')), events.join('\n'));
    await node.delete('resized');
  });

  test('adds ephemeral containers, which are not restarted', async () => {
    await node.run('debugged', { containers: [shell('sleep 1000')] });
    await node.until('debugged', ({ status }) => status?.phase === 'Running');
    await node.client.patch(pods, { namespace: 'default', name: 'debugged' }, { spec: { ephemeralContainers: [{ ...shell('ps; exit 7', { name: 'debugger' }), targetContainerName: 'main' }] } }, { type: 'strategic', subresource: 'ephemeralcontainers' });
    const pod = await node.until('debugged', ({ status }) => status?.ephemeralContainerStatuses?.[0]?.state?.terminated !== undefined);
    assert.equal(pod.status?.ephemeralContainerStatuses?.[0]?.state?.terminated?.exitCode, 7);
    assert.equal(pod.status?.phase, 'Running');
    assert.match(await node.logs(pod, 'debugger'), /sleep 1000/);
    await node.delete('debugged');
  });

  test('makes another sandbox for a pod whose own has died', async () => {
    await node.run('sandbox', { initContainers: [shell('echo again', { name: 'init' })], containers: [shell('sleep 1000')] });
    const pod = await node.until('sandbox', ({ status }) => status?.phase === 'Running');
    const sandbox = (await node.containerd.ctr(['containers', 'list', 'labels."io.cri-containerd.kind"==sandbox', '-q'])).trim().split('\n');
    for (const id of sandbox) if ((await node.containerd.ctr(['containers', 'info', id])).includes(pod.metadata.uid ?? '')) await node.containerd.ctr(['task', 'kill', '-s', 'KILL', id]);
    const again = await node.until('sandbox', ({ status }) => status?.containerStatuses?.[0]?.restartCount === 1 && status.containerStatuses[0].state?.running !== undefined);
    assert.equal(again.status?.initContainerStatuses?.[0]?.restartCount, 1);
    assert.ok((await node.eventsOf('sandbox')).includes('SandboxChanged: Pod sandbox changed, it will be killed and re-created.'));
    await node.delete('sandbox');
  });

  test('tells of what cannot be started, and keeps the logs of what has ended', async () => {
    await node.run('bad', { restartPolicy: 'Never', containers: [shell('echo last words; exit 4'), { name: 'none', image: busyboxImage, command: ['/no/such/file'] }, { name: 'missing', image: 'localhost/none:1', imagePullPolicy: 'Never' }] });
    const pod = await node.until('bad', ({ status }) => status?.containerStatuses?.every(({ state }) => state?.terminated || state?.waiting?.reason === 'ErrImageNeverPull') === true);
    const [main, none, missing] = pod.status?.containerStatuses ?? [];
    assert.equal(main?.state?.terminated?.exitCode, 4);
    assert.match(`${none?.state?.terminated?.reason} ${none?.state?.terminated?.message}`, /StartError.*no such file/s);
    assert.equal(missing?.state?.waiting?.message, 'Container image "localhost/none:1" is not present with pull policy of Never');
    assert.equal(await node.logs(pod), 'last words\n');
    await node.delete('bad');
  });

  test('comes to the same end, wherever it was killed', async () => {
    const names = ['k1', 'k2', 'k3', 'k4'];
    const volumes = [{ name: 'memory', emptyDir: { medium: 'Memory' } }];
    for (const name of names) {
      await node.run(name, { containers: [shell('sleep 1000', { volumeMounts: [{ name: 'memory', mountPath: '/m' }] })], volumes });
      await node.restartKubelet();
    }
    for (const name of names) await node.until(name, ({ status }) => status?.containerStatuses?.[0]?.state?.running !== undefined);
    const uids = (await Promise.all(names.map((name) => node.pod(name)))).map(({ metadata }) => metadata.uid ?? '');
    for (const name of names) {
      await node.client.delete(pods, { namespace: 'default', name });
      await node.restartKubelet();
    }
    for (const name of names) await node.gone(name);
    await untilTrue(async () => (await node.runtime.list()).every(({ uid }) => !uids.includes(uid)));
    const leaks = () => uids.filter((uid) => existsSync(join(node.containerd.directory, 'kubelet/pods', uid)) || readFileSync('/proc/self/mountinfo', 'utf8').includes(uid) || existsSync(`/sys/fs/cgroup/memory${node.containerd.cgroupParent}/kubepods/besteffort/pod${uid}`));
    await untilTrue(() => leaks().length === 0);
  });

  test('keeps its pods over its own restart', async () => {
    await node.run('kept', { containers: [shell('trap "" TERM; sleep 1000', { readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1 } })] });
    await node.run('removed', { containers: [shell('sleep 1000')] });
    const isReady = ({ status }: { status?: { containerStatuses?: { ready: boolean }[] | undefined } | undefined }) => status?.containerStatuses?.[0]?.ready === true;
    const pod = await node.until('kept', isReady);
    const removed = await node.until('removed', isReady);
    await node.restartKubelet(async () => {
      await node.client.delete(pods, { namespace: 'default', name: 'removed' }, { gracePeriodSeconds: 0 });
    });
    await untilTrue(async () => (await node.runtime.list()).every(({ uid }) => uid !== removed.metadata.uid));
    const again = await node.pod('kept');
    assert.equal(again.status?.containerStatuses?.[0]?.containerID, pod.status?.containerStatuses?.[0]?.containerID);
    assert.equal(again.status?.containerStatuses?.[0]?.restartCount, 0);
    assert.ok(isReady(again));
    await node.delete('kept');
  });
});

async function untilTrue(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    assert.ok(tries < 400, 'it does not come to be');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
