/** What the files of a volume come from: each source gives some of them, anew each time it is asked. */
import type { KeyToPath, Pod } from '../../../../api/types/core-v1.ts';
import type { FileContent, Payload } from './atomic-writer.ts';

export interface FileSource {
  /** Rejects with the reason why the pod cannot have them. */
  collect(pod: Pod): Promise<Payload>;
  /** Epoch milliseconds from which on there is something new without any object having changed. */
  dueAt?(): number;
}

/** Shared by the sources of a volume. */
export interface FileModes {
  readonly defaultMode: number;
  /** Of what is secret to the pod's user: tokens and trust anchors. */
  readonly guarded: { readonly mode: number; readonly uid: number | undefined };
}

export interface KeyedData {
  /** What to say of a key that is not there. */
  readonly missing: string;
  readonly items: readonly KeyToPath[] | undefined;
  readonly optional: boolean;
  readonly defaultMode: number;
}

/** All keys as files of their names, or those that `items` name. */
export function filesOfKeys(values: ReadonlyMap<string, Uint8Array>, { missing, items, optional, defaultMode }: KeyedData): Payload {
  const files = new Map<string, FileContent>();
  if (!items || items.length === 0) {
    for (const [key, data] of values) files.set(key, { data, mode: defaultMode });
    return files;
  }
  for (const { key, path, mode } of items) {
    const data = values.get(key);
    if (data) files.set(path, { data, mode: mode ?? defaultMode });
    else if (!optional) throw new Error(`${missing}: ${key}`);
  }
  return files;
}
