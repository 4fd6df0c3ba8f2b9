/** How the attachment of a CSI volume to a node is called: by the controller that asks for it and by the kubelet that waits for it. */
import { createHash } from 'node:crypto';

/** Of the VolumeAttachment. */
export function attachmentName(driver: string, volumeHandle: string, nodeName: string): string {
  return `csi-${createHash('sha256').update(`${volumeHandle}${driver}${nodeName}`).digest('hex')}`;
}

/** Whether an attachment has such a name, and so may be ours. */
export function isAttachmentName(name: string): boolean {
  return /^csi-[0-9a-f]{64}$/.test(name);
}

/** In a node's volumesAttached and volumesInUse. */
export function uniqueVolumeName(driver: string, volumeHandle: string): string {
  return `kubernetes.io/csi/${driver}^${volumeHandle}`;
}
