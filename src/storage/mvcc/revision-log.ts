/**
 * What happened, by revision: one version for each, without a gap, from the
 * oldest that can still be watched up to the newest that was assigned.
 */
import { assert } from '../../base/assert.ts';
import type { Revision } from '../contract.ts';
import type { Version } from './key-index.ts';

/** Where an empty store stands, as etcd's: readers take revision 0 for "none". */
export const emptyRevision = 1;

export class RevisionLog {
  #versions: Version[] = [];
  /** The revision of `#versions[0]`. */
  #first: Revision;

  constructor(first: Revision) {
    this.#first = first;
  }

  get first(): Revision {
    return this.#first;
  }

  /** The revision that the next append must bring. */
  get next(): Revision {
    return this.#first + this.#versions.length;
  }

  append(version: Version): void {
    assert(version.revision === this.next, 'the log has no gaps');
    this.#versions.push(version);
  }

  at(revision: Revision): Version {
    const version = this.#versions[revision - this.#first];
    assert(version !== undefined, 'a revision in the log has a version');
    return version;
  }

  /** Takes the oldest off: at most `limit` of those before `revision`. */
  dropBefore(revision: Revision, limit: number): Version[] {
    const count = Math.max(0, Math.min(limit, revision - this.#first, this.#versions.length));
    this.#first += count;
    return this.#versions.splice(0, count);
  }
}
