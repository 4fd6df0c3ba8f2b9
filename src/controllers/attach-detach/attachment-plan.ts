/** Which attachments a node needs and which it can lose, from its pods and what they use. */
import { attachmentName, isAttachmentName, uniqueVolumeName } from '../../api/attachments.ts';
import type { PersistentVolume, Pod } from '../../api/types/core-v1.ts';
import type { VolumeAttachment } from '../../api/types/storage-v1.ts';

export interface NodeFacts {
  readonly nodeName: string;
  /** Assigned to the node, and not at their end. */
  readonly pods: readonly Pod[];
  /** The attachable volumes that the pod uses, as far as its claims are bound. */
  volumesOf(pod: Pod): readonly PersistentVolume[];
  /** Those of the node. */
  readonly attachments: readonly VolumeAttachment[];
  /** Of the volume, at other nodes. */
  attachmentsElsewhere(volume: PersistentVolume): readonly VolumeAttachment[];
  volume(name: string): PersistentVolume | undefined;
  /** What the node's kubelet says that it has mounted; undefined: the node has gone. */
  readonly inUse: ReadonlySet<string> | undefined;
}

export interface AttachmentPlan {
  readonly attach: readonly VolumeAttachment[];
  readonly detach: readonly VolumeAttachment[];
  /** Pods whose volume can be at one node only, and is at another. */
  readonly refused: readonly { readonly pod: Pod; readonly volume: PersistentVolume }[];
  /** What the node's status says. */
  readonly attached: readonly string[];
}

export function planAttachments(facts: NodeFacts): AttachmentPlan {
  const { nodeName, attachments } = facts;
  const known = new Set(attachments.map(({ metadata }) => metadata.name));
  const needed = new Set<string>();
  const attach: VolumeAttachment[] = [];
  const refused: { pod: Pod; volume: PersistentVolume }[] = [];
  for (const pod of facts.pods) {
    for (const volume of facts.volumesOf(pod)) {
      const name = nameOf(volume, nodeName);
      if (known.has(name) || needed.has(name)) needed.add(name);
      else if (isExclusive(volume) && facts.attachmentsElsewhere(volume).length > 0) refused.push({ pod, volume });
      else {
        needed.add(name);
        attach.push({ metadata: { name }, spec: { attacher: volume.spec?.csi?.driver ?? '', nodeName, source: { persistentVolumeName: volume.metadata.name } } });
      }
    }
  }
  const detach = attachments.filter((attachment) => !needed.has(attachment.metadata.name ?? '') && isAttachmentName(attachment.metadata.name ?? '') && !attachment.metadata.deletionTimestamp && !isInUse(facts, attachment));
  const attached = attachments.filter(({ status }) => status?.attached).flatMap((attachment) => uniqueNameOf(facts, attachment) ?? []);
  return { attach, detach, refused, attached: attached.sort() };
}

/** One that can be mounted by many nodes can be attached to many. */
function isExclusive({ spec }: PersistentVolume): boolean {
  return !spec?.accessModes?.some((mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany');
}

function isInUse(facts: NodeFacts, attachment: VolumeAttachment): boolean {
  const name = uniqueNameOf(facts, attachment);
  return name !== undefined && (facts.inUse?.has(name) ?? false);
}

function uniqueNameOf(facts: NodeFacts, { spec }: VolumeAttachment): string | undefined {
  const csi = facts.volume(spec.source.persistentVolumeName ?? '')?.spec?.csi;
  return csi && uniqueVolumeName(csi.driver, csi.volumeHandle);
}

function nameOf({ spec }: PersistentVolume, nodeName: string): string {
  return attachmentName(spec?.csi?.driver ?? '', spec?.csi?.volumeHandle ?? '', nodeName);
}
