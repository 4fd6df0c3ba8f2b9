/**
 * What a pod needs on its machine before a runtime can be asked for it: cgroups,
 * directories, volumes, resolved environment. Nodes that pretend have none, and
 * pod workers skip it there.
 *
 * Everything is idempotent: it is asked again after each failure and after a
 * restart of the kubelet. What fails rejects with a StartError, whose reason and
 * message the pod's events and waiting states show.
 */
import type { Pod } from '../../api/types/core-v1.ts';
import type { ContainerRequest, ContainerSettings, Device, Mount, RegistryCredentials, SandboxSettings } from './runtime.ts';

export interface PodSetup {
  /** Makes the pod's cgroup and directories and mounts its volumes. */
  prepare(pod: Pod): Promise<SandboxSettings>;
  /** Sets the limits of its cgroup to what its spec says now. */
  resize(pod: Pod): Promise<void>;
  /** The pod has changed: what is written of it is written anew, in the background. */
  update(pod: Pod): void;
  /** `podIps` are the sandbox's; the downward API may ask for them. */
  container(request: ContainerRequest, podIps: readonly string[]): Promise<ContainerSettings>;
  /** What the pod may show the registry of the image, best first. */
  credentials(pod: Pod, image: string): Promise<readonly RegistryCredentials[]>;
  /** Frees all but what is left to read (logs), once the sandbox has stopped; also for pods of which only the uid is known. */
  release(podUid: string): Promise<void>;
  /** Removes what `release` leaves, once the sandbox is removed. */
  discard(podUid: string): Promise<void>;
  /** The uids of pods that still have something on this machine. */
  leftovers(): Promise<readonly string[]>;
}

/** The volumes of a machine's pods. `volumes/` implements it; PodSetup is its only user. */
export interface PodVolumes {
  /** Mounts all volumes of the pod and keeps those fresh that follow API objects, until `release`. Rejects with StartError('FailedMount', ...). */
  mount(pod: Pod): Promise<void>;
  /** The pod has changed: files that tell of it are written anew, in the background. */
  update(pod: Pod): void;
  /** The container's volumeMounts, resolved: sub-paths made and checked, `subPathExpr` expanded with its environment. */
  mounts(pod: Pod, request: ContainerRequest, env: ReadonlyMap<string, string>): Promise<readonly Mount[]>;
  /** The container's volumeDevices, resolved. */
  devices(pod: Pod, request: ContainerRequest): readonly Device[];
  release(podUid: string): Promise<void>;
  /** Bytes used by each of a pod's volumes that lies on the node's own disk, for limits and statistics. */
  usage(podUid: string): Promise<readonly { readonly volume: string; readonly bytes: number; readonly inodes: number }[]>;
  leftovers(): Promise<readonly string[]>;
  /** The unique names of attachable volumes that must not be detached yet, for the node's status. */
  inUse(): readonly string[];
  /** The unique names of attachable volumes that must not be detached yet, for the node's status. */
  inUse(): readonly string[];
}
