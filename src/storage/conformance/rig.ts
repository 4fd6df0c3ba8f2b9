/** What the cases of the suite share. */
import assert from 'node:assert/strict';
import {
  prefixEnd,
  type CommitResult,
  type KeyValue,
  type Revision,
  type Store,
  type WatchBatch,
  type WatchEvent,
} from '../contract.ts';

export interface StoreUnderTest {
  readonly store: Store;
  /** Closes the store and opens it again on the same data; left out where nothing lasts. */
  readonly reopen?: () => Promise<Store>;
  /** Lets so much of the store's time pass. */
  advance(ms: number): Promise<void>;
  dispose(): Promise<void>;
}

export type OpenStore = () => Promise<StoreUnderTest>;

/** A case gets keys of its own, because an etcd outlives the case before. */
export type Case = (rig: Rig) => Promise<void>;

let lastCase = 0;

export class Rig {
  readonly under: StoreUnderTest;
  readonly root: string;
  store: Store;
  readonly manyKeys: number;

  constructor(under: StoreUnderTest, manyKeys: number) {
    this.manyKeys = manyKeys;
    this.under = under;
    this.store = under.store;
    this.root = `/conformance/${process.pid}-${++lastCase}/`;
  }

  get all(): { from: string; to: string } {
    return { from: this.root, to: prefixEnd(this.root) };
  }

  key(name: string): string {
    return this.root + name;
  }

  async put(name: string, text: string, expected?: Revision): Promise<Revision> {
    return committed(await this.store.commit({ key: this.key(name), expected, value: bytes(text) })).revision;
  }

  async delete(name: string, expected?: Revision): Promise<Revision> {
    return committed(await this.store.commit({ key: this.key(name), expected, value: undefined })).revision;
  }

  async text(name: string, revision?: Revision): Promise<string | undefined> {
    const found = await this.store.get(this.key(name), revision === undefined ? {} : { revision });
    return found && textOf(found);
  }

  /** `name=text` of everything there. */
  async listing(revision?: Revision): Promise<string[]> {
    const { items } = await this.store.range(revision === undefined ? this.all : { ...this.all, revision });
    return items.map((item) => `${item.key.slice(this.root.length)}=${textOf(item)}`);
  }

  /** The next `count` events of a watch from `startRevision`, written as `put name=text was=text`. */
  async events(startRevision: Revision, count: number): Promise<string[]> {
    const seen: string[] = [];
    for await (const batch of this.watch(startRevision)) {
      for (const event of batch.events) seen.push(this.describe(event));
      if (seen.length >= count) break;
    }
    return seen;
  }

  watch(startRevision: Revision, signal?: AbortSignal): AsyncIterable<WatchBatch> {
    return this.store.watch({ ...this.all, startRevision, ...(signal ? { signal } : {}) });
  }

  describe(event: WatchEvent): string {
    const was = event.previous === undefined ? '' : ` was=${textOf(event.previous)}`;
    if (event.type === 'delete') return `delete ${event.key.slice(this.root.length)}${was}`;
    return `put ${event.current.key.slice(this.root.length)}=${textOf(event.current)}${was}`;
  }
}

export function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

export function textOf(item: KeyValue): string {
  return Buffer.from(item.value).toString();
}

export function committed(result: CommitResult): CommitResult & { outcome: 'committed' } {
  assert.equal(result.outcome, 'committed');
  return result as CommitResult & { outcome: 'committed' };
}

export function conflicted(result: CommitResult): CommitResult & { outcome: 'conflict' } {
  assert.equal(result.outcome, 'conflict');
  return result as CommitResult & { outcome: 'conflict' };
}

export function revisionOf(event: WatchEvent): Revision {
  return event.type === 'put' ? event.current.modRevision : event.revision;
}
