/** No more than ten entries of managers that update: the oldest are merged, those of each version into one. */
import { union, type FieldSet } from './field-set.ts';
import { ManagerEntry, compareText, identifierOf, isSameManager, type Manager } from './managed-fields.ts';

const updatersMax = 10;
const bucketName = 'ancient-changes';

export function capUpdaters(entries: readonly ManagerEntry[]): readonly ManagerEntry[] {
  const updaters = entries.filter(({ manager }) => manager.operation === 'Update');
  let excess = updaters.length - updatersMax;
  if (excess <= 0) return entries;
  updaters.sort((a, b) => compareText(a.time ?? '', b.time ?? '') || compareText(identifierOf(a.manager), identifierOf(b.manager)));
  const result = new Set(entries);
  /** The oldest of a version waits for a second one to be merged with. */
  const oldest = new Map<string, ManagerEntry>();
  for (const entry of updaters) {
    if (excess === 0) break;
    const { apiVersion } = entry.manager;
    const first = oldest.get(apiVersion);
    if (!first) {
      oldest.set(apiVersion, entry);
      continue;
    }
    const bucket: Manager = { name: bucketName, operation: 'Update', apiVersion, subresource: '' };
    const into = [...result].find((other) => other !== entry && isSameManager(other.manager, bucket)) ?? first;
    result.delete(into);
    result.delete(entry);
    // The younger time: the bucket is as recent as what went into it last.
    result.add(new ManagerEntry(bucket, entry.time, union(entry.set, into.set) as FieldSet));
    excess--;
  }
  return [...result];
}
