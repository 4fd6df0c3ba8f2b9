import { deleteObject } from '../registry/deletion.ts';
import * as errors from '../../api/errors.ts';
import { changeContextOf, type ResourceCall } from './call.ts';
import { listRequestOf } from './read-path.ts';
import { sendList } from './respond.ts';
import { deleteOptionsOfCall } from './delete-options.ts';

/** So many deletions are under way at once: they share the store's group commits. */
const inFlightMax = 64;

/** DELETE of a collection: every object that the selectors choose, each by the rules of a single deletion. */
export async function deleteCollection(call: ResourceCall): Promise<void> {
  const { parts, stored } = call;
  const { options, dryRun } = await deleteOptionsOfCall(call);
  const context = changeContextOf(call, { ...options, dryRun });
  const found = await call.cache.list(listRequestOf(call));
  const deleted: { readonly bytes: Uint8Array }[] = [];
  let next = 0;
  const worker = async () => {
    for (let entry = found.entries[next++]; entry; entry = found.entries[next++]) {
      try {
        const ownContext = { ...context, namespace: entry.namespace };
        deleted.push((await deleteObject(parts.registry, stored, entry.name, options, ownContext)).written);
      } catch (error) {
        // Somebody else was faster: it is gone, which is what was asked.
        if (!(error instanceof errors.ApiError && error.reason === 'NotFound')) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(inFlightMax, found.entries.length) }, worker));
  await sendList(call, { revision: found.revision, entries: deleted, continueToken: found.continueToken, remainingItemCount: undefined });
}
