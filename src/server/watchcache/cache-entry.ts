/**
 * One version of one object: its encoded bytes (with resourceVersion) and the
 * few fields that look-ups and selectors need. Immutable but for where its
 * bytes are. No parsed object is kept.
 */
import type { Labels } from '../../api/selectors/label-selector.ts';
import type { Revision } from '../../storage/contract.ts';
import { ArenaItem, type Arena } from './arena.ts';
import type { DerivedEncodings, DerivedSlot } from './derived-encodings.ts';

export interface EntryIdentity {
  /** `<namespace>/<name>`, or `<name>` where the resource is cluster-scoped. */
  readonly key: string;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly modRevision: Revision;
  readonly createRevision: Revision;
  readonly labels: Labels | undefined;
  /** Values of the resource's SelectableFields, in their order. */
  readonly fields: readonly string[];
}

export class CacheEntry extends ArenaItem implements EntryIdentity {
  readonly key: string;
  readonly namespace: string;
  readonly modRevision: Revision;
  readonly createRevision: Revision;
  readonly labels: Labels | undefined;
  readonly fields: readonly string[];
  /** Kept by DerivedEncodings. */
  derivedSlots: DerivedSlot[] | undefined = undefined;
  readonly #encodings: DerivedEncodings;

  constructor(
    identity: EntryIdentity,
    encodings: DerivedEncodings,
    arena: Arena,
    offset: number,
    length: number,
  ) {
    super(arena, offset, length);
    this.key = identity.key;
    this.namespace = identity.namespace;
    this.modRevision = identity.modRevision;
    this.createRevision = identity.createRevision;
    this.labels = identity.labels;
    this.fields = identity.fields;
    this.#encodings = encodings;
  }

  get name(): string {
    return this.namespace === '' ? this.key : this.key.slice(this.namespace.length + 1);
  }

  /**
   * Another form of this version (protobuf, a Table row, another API version),
   * made on first demand and shared by all readers until memory is short.
   */
  derived(kind: string, make: (entry: CacheEntry) => Uint8Array): Uint8Array {
    return this.#encodings.of(this, kind, make);
  }
}
