/**
 * What a kind of volume has to offer. A plugin is asked with the volume and the
 * pod that has it, and answers what the pod's containers are given; it keeps
 * nothing of its own about pods. A pod whose volumes were mounted by an earlier
 * life of the kubelet is known only by its directories: `unmount` gets one of them.
 */
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/logger.ts';
import type { Random } from '../../../base/random.ts';
import type { Node, Pod, Volume } from '../../../api/types/core-v1.ts';
import type { Client } from '../../../client/client.ts';
import type { NodeObjects } from '../objects/node-objects.ts';
import type { VolumeDirectories } from './directories.ts';

/** What plugins share on a node. */
export interface VolumeHost {
  readonly nodeName: string;
  readonly directories: VolumeDirectories;
  readonly client: Client;
  readonly objects: NodeObjects;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** The node as it was last written. */
  node(): Node | undefined;
}

export interface VolumeRequest {
  readonly pod: Pod;
  readonly volume: Volume;
  /** A container of the pod asks for it as a block device. */
  readonly asDevice: boolean;
}

export interface MountedVolume {
  /** A directory, or a file, on the node. Empty for images, which the runtime mounts. */
  readonly path: string;
  readonly readOnly: boolean;
  /** Lies on the node's own disk, and counts against it. */
  readonly onDisk: boolean;
  /** A block device at `path`. */
  readonly isDevice?: boolean;
  readonly image?: string;
  /** Brings the content up to date with the API's objects and with the pod. */
  refresh?(pod: Pod): Promise<void>;
  /** Epoch milliseconds from which on `refresh` is due without any object having changed. */
  refreshDueAt?(): number;
}

export interface VolumePlugin {
  /** As upstream's: `kubernetes.io/empty-dir`. */
  readonly name: string;
  /** Idempotent. What it rejects with is the end of the sentence `MountVolume.SetUp failed for volume "x" : `. */
  mount(request: VolumeRequest): Promise<MountedVolume>;
  /** Beyond unmounting and removing the directory, which is done for every kind. */
  unmount?(directory: string, podUid: string): Promise<void>;
}
