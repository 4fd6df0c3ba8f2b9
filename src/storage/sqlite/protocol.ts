/**
 * What the store's thread and its two workers say to each other. Values travel
 * together in one buffer that is handed over, never as views of pooled memory.
 */
import { copyBytes } from '../../base/bytes.ts';
import type { LeaseId, Revision } from '../contract.ts';

/** Values one after the other; a length of -1 stands for "none". */
export interface PackedValues {
  readonly lengths: Int32Array<ArrayBuffer>;
  readonly bytes: ArrayBuffer;
}

/** For the thread that writes (thread.ts). */
export type WriterJob =
  /** Where the value is "none" the record is a deletion. `wanted` holds a revision, or 0, for each record. */
  | {
      readonly kind: 'append';
      readonly firstRevision: Revision;
      readonly created: Float64Array;
      readonly keys: readonly string[];
      readonly leases: readonly (LeaseId | undefined)[] | undefined;
      readonly values: PackedValues;
      readonly wanted: Float64Array | undefined;
    }
  | { readonly kind: 'forget'; readonly compacted: Revision; readonly revisions: Float64Array }
  | { readonly kind: 'saveLease'; readonly lease: LeaseId; readonly ttlSeconds: number }
  | { readonly kind: 'dropLease'; readonly lease: LeaseId }
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'shrink' }
  | { readonly kind: 'close' };

/** For the thread that reads and checkpoints (reader-thread.ts). */
export type ReaderJob =
  | { readonly kind: 'read'; readonly revisions: Float64Array }
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'size' }
  | { readonly kind: 'close' };

export type Request<Job> = { readonly id: number; readonly job: Job };
export type Answer =
  { readonly id: number; readonly result: unknown } | { readonly id: number; readonly error: string };

/** What the writer finds at start, before it takes its first job. */
export type Loaded =
  | ({ readonly kind: 'rows' } & LoadedRows)
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly message: string; readonly inUse: boolean }
  | { readonly kind: 'state'; readonly compacted: Revision; readonly leases: ReadonlyMap<LeaseId, number> };

/** Rows of the log in revision order, by column; `leases` only where there are any. */
export interface LoadedRows {
  readonly revisions: Float64Array;
  readonly created: Float64Array;
  readonly keys: readonly string[];
  readonly leases: readonly (LeaseId | undefined)[] | undefined;
}

export function packValues(values: readonly (Uint8Array | undefined)[]): PackedValues {
  let total = 0;
  const lengths = new Int32Array(values.length);
  for (const [place, value] of values.entries()) {
    lengths[place] = value?.byteLength ?? -1;
    total += value?.byteLength ?? 0;
  }
  const bytes = new Uint8Array(total);
  let offset = 0;
  for (const value of values) {
    if (value === undefined) continue;
    copyBytes(value, bytes, offset);
    offset += value.byteLength;
  }
  return { lengths, bytes: bytes.buffer };
}

export function unpackValues({ lengths, bytes }: PackedValues): (Uint8Array | undefined)[] {
  const values: (Uint8Array | undefined)[] = [];
  let offset = 0;
  for (const length of lengths) {
    values.push(length < 0 ? undefined : new Uint8Array(bytes, offset, length));
    offset += Math.max(0, length);
  }
  return values;
}
