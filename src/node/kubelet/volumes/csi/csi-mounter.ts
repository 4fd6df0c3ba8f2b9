/**
 * Mounts and unmounts CSI volumes: waits for the attachment where the driver wants
 * one, stages the volume once for the node, and publishes it to each pod. What has
 * been done lies beside the volume in files, by which it is undone.
 */
import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Pod, SecretReference } from '../../../../api/types/core-v1.ts';
import { attachmentName, uniqueVolumeName } from '../../../../api/attachments.ts';
import type { CSIDriver, TokenRequest } from '../../../../api/types/storage-v1.ts';
import { isNotFound } from '../../../../client/failure.ts';
import { csiDrivers, secrets, volumeAttachments } from '../../../../client/resources.ts';
import { removeUnmounted } from '../mounts.ts';
import { own, ownershipOf } from '../ownership.ts';
import type { MountedVolume, VolumeHost } from '../volume-plugin.ts';
import type { DriverAbilities } from './csi-driver.ts';
import type { CsiDrivers } from './csi-drivers.ts';
import { capabilityOf, checkLifecycle, ownsByGroup, podContext, stagingDirectoryName } from './csi-volume.ts';
import type { CsiVolume } from './csi-volume.ts';
import { loadVolumeData, saveVolumeData } from './volume-data.ts';

export const csiPluginName = 'kubernetes.io/csi';
/** A token of a driver's volume lives so long unless the driver says otherwise. */
const tokenLifeSeconds = 3600;
const republishEveryMs = 60_000;

export class CsiMounter {
  readonly #host: VolumeHost;
  readonly #drivers: CsiDrivers;
  /** By handle: staging and unstaging of one volume never overlap. */
  readonly #lasts = new Map<string, Promise<unknown>>();

  /** Volumes that must not be detached from the node, by their unique names. */
  readonly #inUse = new Set<string>();

  constructor(host: VolumeHost, drivers: CsiDrivers) {
    this.#host = host;
    this.#drivers = drivers;
  }

  get inUse(): readonly string[] {
    return [...this.#inUse].sort();
  }

  /** Learns what an earlier life of the kubelet has mounted. */
  async start(): Promise<void> {
    const { directories } = this.#host;
    for (const podUid of await readdir(directories.pods)) {
      const parent = directories.volume(podUid, csiPluginName, '');
      for (const name of await readdir(parent).catch(() => [])) {
        const data = await loadVolumeData(join(parent, name));
        if (data?.volumeLifecycleMode === 'Persistent') this.#inUse.add(uniqueVolumeName(data.driverName, data.volumeHandle));
      }
    }
  }

  mount(pod: Pod, volume: CsiVolume): Promise<MountedVolume> {
    return this.#inTurn(volume.handle, async () => {
      const abilities = await this.#drivers.of(volume.driver).abilities();
      const description = await this.#description(volume.driver);
      checkLifecycle(volume, description);
      const path = this.#targetPath(pod, volume);
      await this.#publish(pod, volume, abilities, description);
      if (ownsByGroup(volume, description, abilities)) await own(path, ownershipOf(pod, volume.readOnly));
      const mounted: MountedVolume = { path, readOnly: volume.readOnly, onDisk: false, isDevice: volume.isBlock };
      if (!description?.spec.requiresRepublish) return mounted;
      let dueAt = this.#host.clock.now() + republishEveryMs;
      return {
        ...mounted,
        refreshDueAt: () => dueAt,
        refresh: async (current) => {
          dueAt = this.#host.clock.now() + republishEveryMs;
          await this.#publish(current, volume, abilities, description);
        },
      };
    });
  }

  /** `directory` is the volume's in the pod's directory. */
  async unmount(directory: string): Promise<void> {
    const data = await loadVolumeData(directory);
    if (!data) return;
    await this.#inTurn(data.volumeHandle, async () => {
      await this.#drivers.of(data.driverName).unpublish(data.volumeHandle, join(directory, 'mount'));
      await removeUnmounted(directory);
      if (data.volumeLifecycleMode !== 'Persistent' || (await this.#isPublished(data.specVolID ?? ''))) return;
      await this.#unstage(data.driverName, data.volumeHandle);
      this.#inUse.delete(uniqueVolumeName(data.driverName, data.volumeHandle));
    });
  }

  /** Makes the file system as large as the volume has become. */
  async expand(pod: Pod, volume: CsiVolume, bytes: number): Promise<boolean> {
    const driver = this.#drivers.of(volume.driver);
    const abilities = await driver.abilities();
    if (!abilities.expands) return false;
    const staging_target_path = abilities.stages ? this.#stagingPath(volume.driver, volume.handle) : '';
    const volume_path = this.#targetPath(pod, volume);
    await driver.expand({ volume_id: volume.handle, volume_path, staging_target_path, capacity_range: { required_bytes: bytes }, volume_capability: capabilityOf(volume, abilities, undefined) });
    return true;
  }

  async #publish(pod: Pod, volume: CsiVolume, abilities: DriverAbilities, description: CSIDriver | undefined): Promise<void> {
    const { nodeName } = this.#host;
    const publish_context = await this.#attachment(volume, description);
    const target = this.#targetPath(pod, volume);
    const volume_capability = capabilityOf(volume, abilities, pod.spec.securityContext?.fsGroup);
    const staging_target_path = volume.lifecycle === 'Persistent' && abilities.stages ? this.#stagingPath(volume.driver, volume.handle) : '';
    const driver = this.#drivers.of(volume.driver);
    if (staging_target_path !== '') {
      await mkdir(staging_target_path, { recursive: true, mode: 0o750 });
      await saveVolumeData(dirname(staging_target_path), { volumeHandle: volume.handle, driverName: volume.driver });
      await driver.stage({ volume_id: volume.handle, publish_context, staging_target_path, volume_capability, secrets: await this.#secret(volume.stageSecret), volume_context: volume.context });
    }
    const tokens = await this.#tokens(pod, description?.spec.tokenRequests ?? []);
    const inSecrets = description?.spec.serviceAccountTokenInSecrets ?? false;
    const directory = dirname(target);
    await mkdir(directory, { recursive: true, mode: 0o750 });
    // Before the call: whoever finds a half-published volume has to undo it.
    await saveVolumeData(directory, { specVolID: volume.name, volumeHandle: volume.handle, driverName: volume.driver, nodeName, volumeLifecycleMode: volume.lifecycle, attachmentID: attachmentName(volume.driver, volume.handle, nodeName) });
    await driver.publish({
      volume_id: volume.handle,
      publish_context,
      staging_target_path,
      target_path: target,
      volume_capability,
      readonly: volume.readOnly,
      secrets: { ...(await this.#secret(volume.publishSecret)), ...(inSecrets ? tokens : {}) },
      volume_context: { ...volume.context, ...(description?.spec.podInfoOnMount ? podContext(pod, volume) : {}), ...(inSecrets ? {} : tokens) },
    });
  }

  #targetPath({ metadata }: Pod, { name }: CsiVolume): string {
    return join(this.#host.directories.volume(metadata.uid ?? '', csiPluginName, name), 'mount');
  }

  #stagingPath(driver: string, handle: string): string {
    return join(this.#host.directories.plugin(csiPluginName), driver, stagingDirectoryName(handle), 'globalmount');
  }

  /** What the attacher left for the node; rejects until the volume is attached. */
  async #attachment(volume: CsiVolume, description: CSIDriver | undefined): Promise<Readonly<Record<string, string>>> {
    if (volume.lifecycle === 'Ephemeral' || description?.spec.attachRequired === false) return {};
    const { client, nodeName, signal } = this.#host;
    const name = attachmentName(volume.driver, volume.handle, nodeName);
    this.#inUse.add(uniqueVolumeName(volume.driver, volume.handle));
    const { status } = await client.get(volumeAttachments, { name }, { signal });
    if (status?.attachError?.message) throw new Error(status.attachError.message);
    if (!status?.attached) throw new Error(`volume attachment is not ready: ${name}`);
    return status.attachmentMetadata ?? {};
  }

  async #description(driver: string): Promise<CSIDriver | undefined> {
    return this.#host.client.get(csiDrivers, { name: driver }, { signal: this.#host.signal }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
  }

  async #secret(reference: SecretReference | undefined): Promise<Record<string, string>> {
    if (!reference) return {};
    const { data = {} } = await this.#host.client.get(secrets, reference, { signal: this.#host.signal });
    return Object.fromEntries(Object.entries(data).map(([key, base64]) => [key, Buffer.from(base64, 'base64').toString()]));
  }

  async #tokens({ metadata, spec }: Pod, requests: readonly TokenRequest[]): Promise<Record<string, string>> {
    if (requests.length === 0) return {};
    const { client, signal } = this.#host;
    const { namespace, name = '', uid } = metadata;
    const tokens: Record<string, { token: string | undefined; expirationTimestamp: string | undefined }> = {};
    for (const { audience, expirationSeconds } of requests) {
      const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name, uid };
      const account = { namespace, name: spec.serviceAccountName ?? 'default' };
      const { status } = await client.createToken(account, { audiences: audience === '' ? [] : [audience], expirationSeconds: expirationSeconds ?? tokenLifeSeconds, boundObjectRef }, { signal });
      tokens[audience] = { token: status?.token, expirationTimestamp: status?.expirationTimestamp };
    }
    return { 'csi.storage.k8s.io/serviceAccount.tokens': JSON.stringify(tokens) };
  }

  /** Whether a pod of the node still has the volume. */
  async #isPublished(name: string): Promise<boolean> {
    const { directories } = this.#host;
    for (const podUid of await readdir(directories.pods)) if (await loadVolumeData(directories.volume(podUid, csiPluginName, name)).catch(() => undefined)) return true;
    return false;
  }

  async #unstage(driverName: string, handle: string): Promise<void> {
    const staging = this.#stagingPath(driverName, handle);
    if (!(await loadVolumeData(dirname(staging)))) return;
    await this.#drivers.of(driverName).unstage(handle, staging);
    // Only if it is empty: what the driver has left mounted is not ours to remove.
    await rmdir(staging).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await rm(dirname(staging), { recursive: true, force: true });
  }

  async #inTurn<T>(handle: string, work: () => Promise<T>): Promise<T> {
    const result = (this.#lasts.get(handle) ?? Promise.resolve()).then(work);
    const last = result.catch(() => {});
    this.#lasts.set(handle, last);
    void last.then(() => {
      if (this.#lasts.get(handle) === last) this.#lasts.delete(handle);
    });
    return result;
  }
}
