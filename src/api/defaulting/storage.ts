/** storage.k8s.io/v1. */
import type { CSIDriver, CSINode, StorageClass, VolumeAttachment } from '../types/storage-v1.ts';
import { defaulter, type Defaulters } from './kind-defaulter.ts';

function defaultDriver({ spec }: CSIDriver): void {
  if (!spec) return;
  spec.attachRequired ??= true;
  spec.podInfoOnMount ??= false;
  spec.storageCapacity ??= false;
  spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
  if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
  spec.requiresRepublish ??= false;
  spec.seLinuxMount ??= false;
}

export const defaulters: Defaulters = {
  'storage.k8s.io/v1/StorageClass': defaulter<StorageClass>((storageClass) => {
    storageClass.reclaimPolicy ??= 'Delete';
    storageClass.volumeBindingMode ??= 'Immediate';
  }),
  'storage.k8s.io/v1/CSIDriver': defaulter<CSIDriver>(defaultDriver),
  // Not optional on the wire.
  'storage.k8s.io/v1/CSINode': defaulter<CSINode>(({ spec }) => {
    if (spec && !spec.drivers?.length) spec.drivers = null as unknown as [];
    for (const driver of spec?.drivers ?? []) driver.topologyKeys ??= null as unknown as [];
  }),
  'storage.k8s.io/v1/VolumeAttachment': defaulter<VolumeAttachment>((attachment) => {
    attachment.status ??= { attached: false };
  }),
};
