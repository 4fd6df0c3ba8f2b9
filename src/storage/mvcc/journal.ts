/**
 * Where an MVCC store keeps its log. The store decides revisions and order; a
 * journal only makes them last. Calls take effect in the order in which they
 * are made. A rejected `append` means that nothing later can be kept either.
 */
import type { LeaseId, Revision } from '../contract.ts';
import type { Version } from './key-index.ts';

export interface JournalRecord {
  readonly version: Version;
  /** An older revision whose value the caller needs and no longer has in memory. */
  readonly wanted: Revision | undefined;
}

export type Bytes = Uint8Array | undefined;

export interface Journal {
  /** Resolves when all records are durable, with the wanted values in the records' order. */
  append(records: readonly JournalRecord[]): Promise<readonly Bytes[]>;
  /** The values of these revisions; undefined for those that have been forgotten. */
  read(revisions: readonly Revision[]): Promise<readonly Bytes[]>;
  /** Drops superseded versions; everything before `compacted` counts as compacted from here on. */
  forget(compacted: Revision, versions: readonly Version[]): Promise<void>;
  saveLease(lease: LeaseId, ttlSeconds: number): Promise<void>;
  dropLease(lease: LeaseId): Promise<void>;
  sizeBytes(): Promise<number>;
  /** After all that was asked for has been done. */
  close(): Promise<void>;
}
