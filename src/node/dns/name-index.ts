/**
 * The records of the cluster, by name. Who contributes them (a Service, a
 * namespace) replaces all of its names at once. A name exists when it has records
 * or when a name below it has: the difference between NODATA and NXDOMAIN.
 */
import { RecordAnswer } from './answer.ts';
import { isWithin } from './name.ts';
import { recordTypes } from './protocol.ts';
import { additionalOf, encodedSet } from './records.ts';
import type { RecordSet } from './records.ts';

/** By name; a name without sets only exists. */
export type Contribution = ReadonlyMap<string, readonly RecordSet[]>;

export class IndexedName {
  /** Several of one type only where several contributors share the name, as the reverse name of a pod of two Services. */
  readonly sets: RecordSet[] = [];
  contributors = 0;
  /** Existing names directly below. */
  children = 0;
  readonly #answers = new Map<number, RecordAnswer>();

  has(type: number): boolean {
    return this.sets.some((set) => set.type === type);
  }

  /** Made once, until the name's records change. There have to be some of the type. */
  answer(type: number): RecordAnswer {
    let answer = this.#answers.get(type);
    if (!answer) {
      const sets = this.sets.filter((set) => set.type === type);
      const additional = sets.flatMap((set) => (set.type === recordTypes.SRV ? additionalOf(set) : []));
      answer = new RecordAnswer({ rcode: 0, authoritative: true, answers: sets.map(encodedSet), additional });
      this.#answers.set(type, answer);
    }
    return answer;
  }

  changed(): void {
    this.#answers.clear();
  }
}

export class NameIndex {
  readonly #zone: string;
  readonly #names = new Map<string, IndexedName>();
  readonly #contributions = new Map<string, Contribution>();

  constructor(zone: string) {
    this.#zone = zone;
  }

  get(name: string): IndexedName | undefined {
    return this.#names.get(name);
  }

  /** `undefined` takes the contributor's names away. */
  replace(contributor: string, contribution: Contribution | undefined): void {
    const before = this.#contributions.get(contributor);
    // New names first: one that stays is never missing, and its node is kept.
    for (const [name, sets] of contribution ?? []) {
      const node = this.#ensure(name);
      node.contributors++;
      node.sets.push(...sets);
      node.changed();
    }
    for (const [name, sets] of before ?? []) {
      const node = this.#ensure(name);
      node.contributors--;
      for (const set of sets) node.sets.splice(node.sets.indexOf(set), 1);
      node.changed();
      this.#release(name, node);
    }
    if (contribution) this.#contributions.set(contributor, contribution);
    else this.#contributions.delete(contributor);
  }

  #ensure(name: string): IndexedName {
    let node = this.#names.get(name);
    if (node) return node;
    node = new IndexedName();
    this.#names.set(name, node);
    const parent = this.#parent(name);
    if (parent !== undefined) this.#ensure(parent).children++;
    return node;
  }

  #release(name: string, node: IndexedName): void {
    if (node.contributors > 0 || node.children > 0) return;
    this.#names.delete(name);
    const parent = this.#parent(name);
    if (parent === undefined) return;
    const above = this.#ensure(parent);
    above.children--;
    this.#release(parent, above);
  }

  /** Within the zone only: of reverse names those above do not matter. */
  #parent(name: string): string | undefined {
    return name !== this.#zone && isWithin(name, this.#zone) ? name.slice(name.indexOf('.') + 1) : undefined;
  }
}
