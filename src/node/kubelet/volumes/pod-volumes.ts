/**
 * The volumes of a node's pods. It decides which volumes are mounted, when, and
 * what containers are given of them; the kinds of volumes are plugins. What is
 * known of a pod is kept in memory while it lives; the rest is read from the
 * directories, so that a kubelet that was killed finds and frees everything.
 */
import { readdir, rmdir } from 'node:fs/promises';
import type { Timer } from '../../../base/clock.ts';
import { equal } from '../../../base/equality.ts';
import type { Pod, Volume } from '../../../api/types/core-v1.ts';
import type { PodVolumes } from '../pod-setup.ts';
import { StartError } from '../runtime.ts';
import type { ContainerRequest, Device, Mount } from '../runtime.ts';
import { usageOfDirectories } from './disk-usage.ts';
import { containerDevices, containerMounts } from './container-mounts.ts';
import { VolumeDirectories } from './directories.ts';
import { removeUnmounted, shareMountsBelow } from './mounts.ts';
import { VolumePlugins } from './plugins.ts';
import type { MountedVolume, VolumeHost } from './volume-plugin.ts';

export interface PodVolumesOptions extends Omit<VolumeHost, 'directories'> {
  /** The kubelet's root directory, made where it is missing. */
  readonly root: string;
  /** Left out: no events are recorded. */
  record?(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void;
}

/** How often it is looked for content that has become old by time alone: tokens. */
const lookEveryMs = 30_000;

interface PodRecord {
  pod: Pod;
  readonly volumes: Map<string, MountedVolume>;
  /** What is done to the volumes of one pod is done one after the other. */
  last: Promise<unknown>;
  released: boolean;
  /** One is in the queue already, and will see what has come meanwhile. */
  refreshWaits: boolean;
}

export async function createPodVolumes(options: PodVolumesOptions): Promise<PodVolumes> {
  const directories = new VolumeDirectories(options.root);
  await shareMountsBelow(directories.pods);
  const host = { ...options, directories };
  const plugins = new VolumePlugins(host);
  await plugins.start();
  return new NodeVolumes(host, plugins);
}

class NodeVolumes implements PodVolumes {
  readonly #host: VolumeHost & PodVolumesOptions;
  readonly #plugins: VolumePlugins;
  readonly #pods = new Map<string, PodRecord>();
  readonly #timer: Timer;
  #counting: Promise<unknown> = Promise.resolve();

  constructor(host: VolumeHost & PodVolumesOptions, plugins: VolumePlugins) {
    this.#host = host;
    this.#plugins = plugins;
    const unsubscribe = host.objects.subscribe((podUid) => this.#refresh(podUid));
    this.#timer = host.clock.every(lookEveryMs, () => this.#refreshDue());
    host.signal.addEventListener('abort', () => {
      unsubscribe();
      this.#timer.cancel();
    });
  }

  mount(pod: Pod): Promise<void> {
    const record = this.#record(pod);
    return this.#inTurn(record, () => this.#mountAll(record));
  }

  update(pod: Pod): void {
    const record = this.#pods.get(pod.metadata.uid ?? '');
    if (!record) return;
    const { metadata, spec } = record.pod;
    record.pod = pod;
    // Nothing else of a pod is told by files, and most of its changes are of its status.
    const isSame = equal(metadata.labels, pod.metadata.labels) && equal(metadata.annotations, pod.metadata.annotations) && equal(spec, pod.spec);
    if (!isSame) this.#refresh(pod.metadata.uid ?? '');
  }

  mounts(pod: Pod, request: ContainerRequest, env: ReadonlyMap<string, string>): Promise<readonly Mount[]> {
    const record = this.#record(pod);
    return this.#inTurn(record, async () => {
      // An ephemeral container may be the first to use one.
      await this.#mountAll(record);
      return containerMounts(this.#host.directories, pod, request.container, record.volumes, env);
    });
  }

  devices(pod: Pod, { container }: ContainerRequest): readonly Device[] {
    return containerDevices(container, this.#record(pod).volumes);
  }

  async release(podUid: string): Promise<void> {
    const record = this.#pods.get(podUid);
    if (!record) return this.#releaseDirectories(podUid);
    record.released = true;
    await this.#inTurn(record, () => this.#releaseDirectories(podUid));
    this.#pods.delete(podUid);
  }

  usage(podUid: string): Promise<{ volume: string; bytes: number; inodes: number }[]> {
    // One pod after the other: counting is the disk's work, and nobody waits for it.
    const counted = this.#counting.then(async () => {
      const onDisk = [...(this.#pods.get(podUid)?.volumes ?? [])].filter(([, { onDisk: counts }]) => counts);
      const usages = await usageOfDirectories(onDisk.map(([, { path }]) => path));
      return onDisk.map(([volume], index) => ({ volume, ...usages[index]! }));
    });
    this.#counting = counted.catch(() => {});
    return counted;
  }

  inUse(): readonly string[] {
    return this.#plugins.inUse;
  }

  async leftovers(): Promise<string[]> {
    return readdir(this.#host.directories.pods);
  }

  #record(pod: Pod): PodRecord {
    const uid = pod.metadata.uid ?? '';
    let record = this.#pods.get(uid);
    if (!record) {
      record = { pod, volumes: new Map(), last: Promise.resolve(), released: false, refreshWaits: false };
      this.#pods.set(uid, record);
    }
    record.pod = pod;
    return record;
  }

  #inTurn<T>(record: PodRecord, work: () => Promise<T>): Promise<T> {
    const result = record.last.then(work);
    record.last = result.catch(() => {});
    return result;
  }

  async #mountAll(record: PodRecord): Promise<void> {
    const { pod, volumes } = record;
    const wanted = usedVolumes(pod).filter(({ volume }) => !volumes.has(volume.name));
    const outcomes = await Promise.allSettled(
      wanted.map(async ({ volume, asDevice }) => {
        try {
          volumes.set(volume.name, await this.#plugins.of(volume).mount({ pod, volume, asDevice }));
        } catch (error) {
          throw setupFailed(volume.name, error);
        }
      }),
    );
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  /** In the background: a failure is told by an event, and leaves what is there. */
  #refresh(podUid: string): void {
    const record = this.#pods.get(podUid);
    if (!record || record.released || record.refreshWaits) return;
    record.refreshWaits = true;
    void this.#inTurn(record, async () => {
      record.refreshWaits = false;
      for (const [name, volume] of record.volumes) {
        if (record.released) return;
        try {
          await volume.refresh?.(record.pod);
        } catch (error) {
          this.#host.record?.(record.pod, 'Warning', 'FailedMount', setupFailed(name, error).message);
        }
      }
    });
  }

  #refreshDue(): void {
    const now = this.#host.clock.now();
    for (const [podUid, { volumes }] of this.#pods) for (const { refreshDueAt } of volumes.values()) if (refreshDueAt && refreshDueAt() <= now) this.#refresh(podUid);
  }

  async #releaseDirectories(podUid: string): Promise<void> {
    const { directories } = this.#host;
    await removeUnmounted(directories.subPaths(podUid));
    await this.#plugins.unmountAll(podUid);
    await removeUnmounted(directories.volumes(podUid));
    // Others may have something in it still; they remove it then.
    await rmdir(directories.pod(podUid)).catch(() => {});
  }
}

function setupFailed(volume: string, error: unknown): StartError {
  return new StartError('FailedMount', `MountVolume.SetUp failed for volume "${volume}" : ${(error as Error).message}`);
}

/** Those that a container mounts or takes variables from: the others are for nobody. */
function usedVolumes({ spec }: Pod): { readonly volume: Volume; readonly asDevice: boolean }[] {
  const containers = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
  const mounted = new Set(containers.flatMap(({ volumeMounts = [], env = [] }) => [...volumeMounts.map(({ name }) => name), ...env.map(({ valueFrom }) => valueFrom?.fileKeyRef?.volumeName)]));
  const devices = new Set(containers.flatMap(({ volumeDevices = [] }) => volumeDevices.map(({ name }) => name)));
  return (spec.volumes ?? []).filter(({ name }) => mounted.has(name) || devices.has(name)).map((volume) => ({ volume, asDevice: devices.has(volume.name) }));
}
