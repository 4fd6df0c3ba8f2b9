/**
 * Asks for the attachment of CSI volumes to the nodes whose pods use them, by
 * VolumeAttachment objects that the driver's attacher acts on, and takes them back
 * when no pod of the node uses them and its kubelet has let go of them.
 */
import { equal } from '../../base/equality.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.ts';
import type { CSIDriver, VolumeAttachment } from '../../api/types/storage-v1.ts';
import { isAlreadyExists, isNotFound } from '../../client/failure.ts';
import { keyOf } from '../../client/resource.ts';
import { csiDrivers, nodes, persistentVolumeClaims, persistentVolumes, pods, volumeAttachments } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { claimsOf, indexByClaim, podsWithClaim } from '../runtime/pod-claims.ts';
import { isTerminal } from '../runtime/pod-state.ts';
import { indexByNode } from '../runtime/pods-by-node.ts';
import { onChange, reconciler } from '../runtime/reconciler.ts';
import { planAttachments } from './attachment-plan.ts';

const nodeIndex = 'node';
const volumeIndex = 'volume';

export const attachDetachController: ControllerFactory = (context) => {
  const { client, informers } = context;
  const allPods = informers.get(pods);
  const claims = informers.get(persistentVolumeClaims);
  const volumes = informers.get(persistentVolumes);
  const drivers = informers.get(csiDrivers);
  const attachments = informers.get(volumeAttachments);
  const allNodes = informers.get(nodes);
  const recorder = context.recorder('attachdetach-controller');
  const podsOf = indexByNode(allPods);
  const loop = reconciler(context, { name: 'persistentvolume-attach-detach', reconcile });

  indexByClaim(allPods);
  attachments.addIndex(nodeIndex, ({ spec }) => [spec.nodeName]);
  attachments.addIndex(volumeIndex, ({ spec }) => (spec.source.persistentVolumeName ? [spec.source.persistentVolumeName] : []));
  const wakeNode = (pod: Pod) => {
    if (pod.spec.nodeName && claimsOf(pod).length > 0) loop.queue.add(pod.spec.nodeName);
  };
  const wakeClaim = (claimKey: string) => podsWithClaim(allPods, claimKey).forEach(wakeNode);
  const wakeVolume = ({ spec }: PersistentVolume) => {
    if (spec?.csi && spec.claimRef) wakeClaim(keyOf({ metadata: spec.claimRef }));
  };
  allPods.addHandler({
    onAdd: wakeNode,
    onUpdate: (old, pod) => (old.spec.nodeName !== pod.spec.nodeName || isTerminal(old) !== isTerminal(pod) ? wakeNode(pod) : undefined),
    onDelete: wakeNode,
  });
  claims.addHandler({ onUpdate: (old, claim) => (old.spec?.volumeName === claim.spec?.volumeName ? undefined : wakeClaim(keyOf(claim))) });
  volumes.addHandler({ onAdd: wakeVolume });
  drivers.addHandler(onChange<CSIDriver>(() => [...volumes.values()].forEach(wakeVolume)));
  attachments.addHandler({
    onAdd: ({ spec }) => loop.queue.add(spec.nodeName),
    onUpdate: (old, attachment) => {
      loop.queue.add(attachment.spec.nodeName);
      tellPods(old, attachment);
    },
    onDelete: ({ spec }) => {
      loop.queue.add(spec.nodeName);
      // Another node may have waited for it.
      const volume = volumes.get(spec.source.persistentVolumeName ?? '');
      if (volume) wakeVolume(volume);
    },
  });
  allNodes.addHandler({ onUpdate: (old, node) => (equal(old.status?.volumesInUse, node.status?.volumesInUse) ? undefined : loop.queue.add(keyOf(node))), onDelete: (node) => loop.queue.add(keyOf(node)) });
  return loop;

  async function reconcile(nodeName: string, signal: AbortSignal): Promise<void> {
    const node = allNodes.get(nodeName);
    const plan = planAttachments({
      nodeName,
      pods: podsOf(nodeName).filter((pod) => !isTerminal(pod)),
      volumesOf,
      attachments: attachments.byIndex(nodeIndex, nodeName),
      attachmentsElsewhere: (volume) => attachments.byIndex(volumeIndex, keyOf(volume)).filter(({ spec }) => spec.nodeName !== nodeName),
      volume: (name) => volumes.get(name),
      inUse: node && new Set(node.status?.volumesInUse),
    });
    for (const { pod, volume } of plan.refused) recorder.event(pod, 'Warning', 'FailedAttachVolume', `Multi-Attach error for volume "${keyOf(volume)}" Volume is already exclusively attached to one node and can't be attached to another`);
    if (node) for (const attachment of plan.attach) await create(attachment, signal);
    if (node) await tellNode(node, plan.attached, signal);
    for (const { metadata } of plan.detach) await client.delete(volumeAttachments, metadata, { signal }).catch(ignoreMissing);
  }

  /** The driver may be one that attaches nothing. */
  function volumesOf(pod: Pod): PersistentVolume[] {
    return claimsOf(pod).flatMap((key) => {
      const claim = claims.get(key);
      const volume = volumes.get(claim?.spec?.volumeName ?? '');
      return claim && volume && isAttachable(claim, volume) ? [volume] : [];
    });
  }

  function isAttachable({ metadata }: PersistentVolumeClaim, { spec }: PersistentVolume): boolean {
    return spec?.csi !== undefined && spec.claimRef?.uid === metadata.uid && drivers.get(spec.csi.driver)?.spec.attachRequired !== false;
  }

  /** How it went, to those who wait for it. */
  function tellPods(old: VolumeAttachment, { spec, status }: VolumeAttachment): void {
    const succeeded = status?.attached && !old.status?.attached;
    const failure = status?.attachError?.message;
    if (!succeeded && (failure === undefined || failure === old.status?.attachError?.message)) return;
    const volume = spec.source.persistentVolumeName ?? '';
    const claim = volumes.get(volume)?.spec?.claimRef;
    for (const pod of claim ? podsWithClaim(allPods, keyOf({ metadata: claim })) : []) {
      if (pod.spec.nodeName !== spec.nodeName || isTerminal(pod)) continue;
      if (succeeded) recorder.event(pod, 'Normal', 'SuccessfulAttachVolume', `AttachVolume.Attach succeeded for volume "${volume}" `);
      else recorder.event(pod, 'Warning', 'FailedAttachVolume', `AttachVolume.Attach failed for volume "${volume}" : ${failure}`);
    }
  }

  async function create(attachment: VolumeAttachment, signal: AbortSignal): Promise<void> {
    await client.create(volumeAttachments, attachment, { signal }).catch((error: unknown) => {
      if (!isAlreadyExists(error)) throw error;
    });
  }

  async function tellNode(node: Node, attached: readonly string[], signal: AbortSignal): Promise<void> {
    const before = node.status?.volumesAttached ?? [];
    if (equal(before.map(({ name }) => name), attached)) return;
    const volumesAttached = attached.length === 0 ? null : attached.map((name) => ({ name, devicePath: '' }));
    await client.patch(nodes, node.metadata, { status: { volumesAttached } }, { type: 'merge', subresource: 'status', signal }).catch(ignoreMissing);
  }
};

function ignoreMissing(error: unknown): void {
  if (!isNotFound(error)) throw error;
}
