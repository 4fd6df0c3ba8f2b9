/** Pods as the API would hand them to a kubelet, and what a machine would make for them. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Container, Pod, PodSpec } from '../../src/api/types/core-v1.ts';
import type { ContainerSettings, RuntimePod, SandboxSettings } from '../../src/node/kubelet/runtime.ts';
import type { CriRuntime } from '../../src/node/cri/cri-runtime.ts';
import type { Containerd } from './containerd.ts';
import { busyboxImage } from './images.ts';

export function shell(script: string, more: Partial<Container> = {}): Container {
  return { name: 'main', image: busyboxImage, command: ['sh', '-c', script], ...more };
}

export function podOf(containers: Container[], spec: Partial<PodSpec> = {}): Pod {
  const uid = randomUUID();
  return { metadata: { name: `pod-${uid.slice(0, 8)}`, namespace: 'default', uid }, spec: { containers, ...spec } };
}

export function sandboxSettings(containerd: Containerd, pod: Pod, more: Partial<SandboxSettings> = {}): SandboxSettings {
  const { name, namespace, uid } = pod.metadata;
  return {
    hostname: pod.spec.hostNetwork ? '' : (name ?? ''),
    dns: { servers: ['10.0.0.10'], searches: ['default.svc.cluster.local'], options: ['ndots:5'] },
    cgroupParent: `${containerd.cgroupParent}/pod${uid}`,
    logDirectory: join(containerd.directory, 'pods', `${namespace}_${name}_${uid}`),
    runtimeHandler: '',
    ...more,
  };
}

export function containerSettings(container: Container, more: Partial<ContainerSettings> = {}): ContainerSettings {
  const env = (container.env ?? []).map(({ name, value = '' }) => ({ name, value }));
  return { command: container.command, args: container.args, env, mounts: [], devices: [], supplementalGroups: [], oomScoreAdj: 1000, ...more };
}

/** Resolves to the pod's view as soon as it is as it should be. */
export async function until(runtime: CriRuntime, uid: string, holds: (pod: RuntimePod) => boolean): Promise<RuntimePod> {
  const { promise, resolve } = Promise.withResolvers<RuntimePod>();
  const look = (pod: RuntimePod) => {
    if (pod.uid === uid && holds(pod)) resolve(pod);
  };
  const stop = runtime.subscribe(look);
  (await runtime.list()).forEach(look);
  return promise.finally(stop);
}

/** Its sandbox and its containers, started. Resolves to their ids. */
export async function runPod(runtime: CriRuntime, containerd: Containerd, pod: Pod, sandbox: Partial<SandboxSettings> = {}): Promise<string[]> {
  await runtime.runSandbox(pod, sandboxSettings(containerd, pod, sandbox));
  const ids: string[] = [];
  for (const container of pod.spec.containers) ids.push(await startContainer(runtime, pod, container));
  return ids;
}

export async function startContainer(runtime: CriRuntime, pod: Pod, container: Container, attempt = 0, settings: Partial<ContainerSettings> = {}): Promise<string> {
  const id = await runtime.createContainer({ pod, container, kind: 'main', attempt, settings: containerSettings(container, settings) });
  await runtime.startContainer(id);
  return id;
}

export async function removePod(runtime: CriRuntime, pod: Pod): Promise<void> {
  await runtime.removeSandbox(pod.metadata.uid ?? '');
}
