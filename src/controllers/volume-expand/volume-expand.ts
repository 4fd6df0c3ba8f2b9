/** Says of a claim that has grown that its volume has to be grown, too: by whoever made it. */
import type { PersistentVolumeClaim } from '../../api/types/core-v1.ts';
import { grownSize } from '../../api/volume-matching.ts';
import { keyOf } from '../../client/resource.ts';
import { persistentVolumeClaims, persistentVolumes } from '../../client/resources.ts';
import type { ControllerFactory } from '../runtime/context.ts';
import { reconciler } from '../runtime/reconciler.ts';

export const volumeExpandController: ControllerFactory = (context) => {
  const claims = context.informers.get(persistentVolumeClaims);
  const volumes = context.informers.get(persistentVolumes);
  const recorder = context.recorder('volume_expand');
  const loop = reconciler(context, { name: 'persistentvolume-expander', reconcile });
  const requested = ({ spec }: PersistentVolumeClaim) => spec?.resources?.requests?.['storage'];
  claims.addHandler({
    onAdd: (claim) => loop.queue.add(keyOf(claim)),
    onUpdate: (old, claim) => (requested(old) === requested(claim) ? undefined : loop.queue.add(keyOf(claim))),
  });
  return loop;

  async function reconcile(key: string): Promise<void> {
    const claim = claims.get(key);
    const volume = volumes.get(claim?.spec?.volumeName ?? '');
    if (claim && volume && grownSize(claim, volume) !== undefined) recorder.event(claim, 'Normal', 'ExternalExpanding', 'waiting for an external controller to expand this PVC');
  }
};
