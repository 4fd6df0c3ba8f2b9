/**
 * Which objects a list or a watch is about: its scope and both selectors,
 * prepared for matching cached entries.
 */
import { everyField, type FieldSelector } from '../../api/selectors/field-selector.ts';
import { everyLabel, type LabelSelector } from '../../api/selectors/label-selector.ts';
import type { CacheEntry } from './cache-entry.ts';
import type { CachedResource } from './cached-resource.ts';

export interface SelectionRequest {
  /** Left out or empty: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: LabelSelector | undefined;
  /** In the indexed names: `supportedFieldSelector` has been applied. */
  readonly fieldSelector?: FieldSelector | undefined;
}

interface FieldTest {
  /** Index into the entry's fields; undefined for a field of the key or one nobody has. */
  readonly index: number | undefined;
  readonly field: string;
  readonly equal: boolean;
  readonly value: string;
}

export class Selection {
  /** Empty for all. */
  readonly namespace: string;
  /** Set where the selectors pin it. */
  readonly name: string | undefined;
  readonly labelSelector: LabelSelector;
  readonly fieldSelector: FieldSelector;
  /** Without selectors: the scope alone decides. */
  readonly isWhole: boolean;
  /** A label's key and value that every match has. */
  readonly exactLabel: { readonly key: string; readonly value: string } | undefined;
  /** Index of an indexed field and the value that every match has. */
  readonly exactField: { readonly index: number; readonly value: string } | undefined;
  /** The scope contradicts itself: nothing can match. */
  readonly impossible: boolean;
  readonly #fields: readonly FieldTest[];

  constructor(resource: CachedResource, request: SelectionRequest) {
    this.labelSelector = request.labelSelector ?? everyLabel;
    this.fieldSelector = request.fieldSelector ?? everyField;
    this.isWhole = this.labelSelector.isEmpty && this.fieldSelector.isEmpty;
    const asked = request.namespace ?? '';
    const pinned = resource.namespaced ? this.fieldSelector.exact('metadata.namespace') : undefined;
    this.namespace = asked !== '' ? asked : (pinned ?? '');
    this.name = this.fieldSelector.exact('metadata.name');
    this.impossible =
      this.labelSelector.isNothing || (asked !== '' && pinned !== undefined && pinned !== asked);
    this.exactLabel = this.labelSelector.exact();
    const { names } = resource.selectable;
    this.#fields = this.fieldSelector.requirements.map(({ field, operator, value }) => {
      const index = names.indexOf(field);
      return { index: index < 0 ? undefined : index, field, equal: operator === '=', value };
    });
    const indexed = this.#fields.find(
      (test) => test.equal && test.index !== undefined && resource.indexedFields.includes(test.field),
    );
    this.exactField =
      indexed?.index === undefined ? undefined : { index: indexed.index, value: indexed.value };
  }

  matches(entry: CacheEntry): boolean {
    if (this.namespace !== '' && entry.namespace !== this.namespace) return false;
    return this.isWhole || this.selects(entry);
  }

  /** As `matches`, for entries known to be in the namespace. */
  selects(entry: CacheEntry): boolean {
    for (const test of this.#fields) if ((valueOf(entry, test) === test.value) !== test.equal) return false;
    return this.labelSelector.matches(entry.labels);
  }
}

function valueOf(entry: CacheEntry, { index, field }: FieldTest): string {
  if (index !== undefined) return entry.fields[index] ?? '';
  if (field === 'metadata.name') return entry.name;
  return field === 'metadata.namespace' ? entry.namespace : '';
}
