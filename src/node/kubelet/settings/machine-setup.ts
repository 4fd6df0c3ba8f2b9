/**
 * PodSetup on a real machine: cgroups, directories, volumes, and all that a
 * container is started with, resolved. What it makes for a pod lies below its own
 * directory and its log directory.
 */
import { mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container, FileKeySelector, Pod, Secret } from '../../../api/types/core-v1.ts';
import type { Client } from '../../../client/client.ts';
import { runtimeClasses } from '../../../client/resources.ts';
import { expand } from '../expansion.ts';
import type { NodeObjects } from '../objects/node-objects.ts';
import type { PodSetup, PodVolumes } from '../pod-setup.ts';
import { StartError } from '../runtime.ts';
import type { ContainerRequest, ContainerSettings, Mount, RegistryCredentials, SandboxSettings } from '../runtime.ts';
import { parseResolvConf, podDns, type ClusterDns } from './dns.ts';
import { fileVariable } from './environment-file.ts';
import { containerEnvironment } from './environment.ts';
import { hostsFile, podName, sandboxHostname } from './host-name.ts';
import { oomScoreAdj } from './oom-score.ts';
import { credentialsFor } from './registry-credentials.ts';

export interface MachineSetupOptions {
  /** Acts as the node. */
  readonly client: Client;
  readonly objects: NodeObjects;
  readonly volumes: PodVolumes;
  /** Left out: the runtime puts pods into cgroups of its own. */
  readonly cgroups?: PodCgroups | undefined;
  /** A directory a pod is made in it, named by its uid. */
  readonly podsDirectory: string;
  readonly logsDirectory: string;
  readonly dns: ClusterDns;
  /** The node's own resolver configuration; empty: it has none, and pods that want it resolve nothing. */
  readonly resolvConf: string;
  readonly hostIps: readonly string[];
  readonly memoryCapacityBytes: number;
  allocatable(): Readonly<Record<string, string>>;
  record(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void;
}

/** The cgroups of a machine's pods. */
export interface PodCgroups {
  /** Makes the pod's, with its limits; resolves to the parent of its containers' cgroups, as runtimes take it. */
  create(pod: Pod): Promise<string>;
  remove(podUid: string): Promise<void>;
  /** Of pods that have one. */
  podUids(): Promise<readonly string[]>;
}

const hostsPath = '/etc/hosts';

export class MachineSetup implements PodSetup {
  readonly #options: MachineSetupOptions;

  constructor(options: MachineSetupOptions) {
    this.#options = options;
  }

  async prepare(pod: Pod): Promise<SandboxSettings> {
    const { cgroups, volumes, dns, record } = this.#options;
    const runtimeHandler = await this.#runtimeHandler(pod);
    const hostname = sandboxHostname(pod, dns.domain);
    await mkdir(this.#podDirectory(pod.metadata.uid ?? ''), { recursive: true, mode: 0o750 });
    const logDirectory = this.#logDirectory(pod);
    await mkdir(logDirectory, { recursive: true, mode: 0o755 });
    const cgroupParent = (await cgroups?.create(pod)) ?? '';
    await volumes.mount(pod);
    const warn = (reason: string, message: string) => record(pod, 'Warning', reason, message);
    return { hostname, dns: podDns(pod, dns, await this.#nodeDns(), warn), cgroupParent, logDirectory, runtimeHandler };
  }

  async resize(pod: Pod): Promise<void> {
    await this.#options.cgroups?.create(pod);
  }

  update(pod: Pod): void {
    this.#options.volumes.update(pod);
  }

  async container(request: ContainerRequest, podIps: readonly string[]): Promise<ContainerSettings> {
    try {
      return await this.#settings(request, podIps);
    } catch (error) {
      if (error instanceof StartError) throw error;
      throw new StartError('CreateContainerConfigError', error instanceof Error ? error.message : String(error));
    }
  }

  async credentials(pod: Pod, image: string): Promise<readonly RegistryCredentials[]> {
    const { namespace = '', uid = '' } = pod.metadata;
    const secrets: Secret[] = [];
    const missing: string[] = [];
    for (const { name = '' } of pod.spec.imagePullSecrets ?? []) {
      const secret = await this.#options.objects.secret(namespace, name, uid).catch(() => undefined);
      if (secret) secrets.push(secret);
      else missing.push(name);
    }
    // The image may need none of them.
    if (missing.length > 0) this.#options.record(pod, 'Warning', 'FailedToRetrieveImagePullSecret', `Unable to retrieve some image pull secrets (${missing.join(', ')}); attempting to pull the image may not succeed.`);
    return credentialsFor(image, secrets);
  }

  async release(podUid: string): Promise<void> {
    await this.#options.volumes.release(podUid);
    this.#options.objects.release(podUid);
    await this.#options.cgroups?.remove(podUid);
  }

  async discard(podUid: string): Promise<void> {
    const { logsDirectory } = this.#options;
    for (const name of await entries(logsDirectory)) if (name.endsWith(`_${podUid}`)) await rm(join(logsDirectory, name), { recursive: true, force: true });
    const directory = this.#podDirectory(podUid);
    await rm(join(directory, 'etc-hosts'), { force: true });
    // Never with what is in it: that could be a volume that is still mounted.
    await rmdir(directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }

  async leftovers(): Promise<readonly string[]> {
    const { podsDirectory, volumes, cgroups } = this.#options;
    return [...new Set([...(await entries(podsDirectory)), ...(await volumes.leftovers()), ...((await cgroups?.podUids()) ?? [])])];
  }

  async #settings(request: ContainerRequest, podIps: readonly string[]): Promise<ContainerSettings> {
    const { objects, volumes, hostIps, memoryCapacityBytes } = this.#options;
    const { pod, container } = request;
    const env = await containerEnvironment(pod, container, { podIps, hostIps }, { objects, allocatable: this.#options.allocatable(), fileVariable: (of, selector) => this.#fileVariable({ ...request, pod: of }, selector) });
    const expanded = (text: string) => expand(text, (name) => env.get(name) ?? `$(${name})`);
    const { fsGroup, supplementalGroups = [] } = pod.spec.securityContext ?? {};
    return {
      command: container.command?.map(expanded),
      args: container.args?.map(expanded),
      env: [...env].map(([name, value]) => ({ name, value })),
      mounts: [...(await volumes.mounts(pod, request, env)), ...(await this.#hostsMount(pod, container, podIps))],
      devices: volumes.devices(pod, request),
      supplementalGroups: [...new Set(fsGroup === undefined ? supplementalGroups : [...supplementalGroups, fsGroup])],
      oomScoreAdj: oomScoreAdj(pod, container, memoryCapacityBytes),
    };
  }

  /** A container that mounts something there has its own. */
  async #hostsMount(pod: Pod, container: Container, podIps: readonly string[]): Promise<Mount[]> {
    if (container.volumeMounts?.some(({ mountPath }) => mountPath === hostsPath) || (podIps.length === 0 && !pod.spec.hostNetwork)) return [];
    const hostPath = join(this.#podDirectory(pod.metadata.uid ?? ''), 'etc-hosts');
    const nodesHosts = pod.spec.hostNetwork ? await readFile(hostsPath, 'utf8') : '';
    await writeFile(hostPath, hostsFile(pod, podName(pod, this.#options.dns.domain), podIps, nodesHosts), { mode: 0o644 });
    return [{ containerPath: hostsPath, hostPath, readOnly: false, propagation: 'private' }];
  }

  async #fileVariable(request: ContainerRequest, selector: FileKeySelector): Promise<string | undefined> {
    const { container, pod } = request;
    const mounting = { ...container, volumeMounts: [{ name: selector.volumeName, mountPath: '/' }] };
    const [mount] = await this.#options.volumes.mounts(pod, { ...request, container: mounting }, new Map());
    if (!mount) throw new Error(`cannot find the volume "${selector.volumeName}" referenced by FileKeyRef`);
    return fileVariable(mount.hostPath, selector.path, selector.key);
  }

  async #runtimeHandler(pod: Pod): Promise<string> {
    const name = pod.spec.runtimeClassName;
    if (!name) return '';
    return (await this.#options.client.get(runtimeClasses, { name })).handler;
  }

  async #nodeDns() {
    const { resolvConf, hostIps } = this.#options;
    if (resolvConf !== '') return parseResolvConf(await readFile(resolvConf, 'utf8'));
    return { servers: hostIps.map((ip) => (ip.includes(':') ? '::1' : '127.0.0.1')), searches: ['.'], options: [] };
  }

  #podDirectory(uid: string): string {
    return join(this.#options.podsDirectory, uid);
  }

  #logDirectory({ metadata: { namespace, name, uid } }: Pod): string {
    return join(this.#options.logsDirectory, `${namespace}_${name}_${uid}`);
  }
}

async function entries(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
