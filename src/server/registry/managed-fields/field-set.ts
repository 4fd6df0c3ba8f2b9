/**
 * Sets of fields in the form FieldsV1 has: a trie as parsed JSON. A key is a
 * path element (`f:spec`, `k:{"name":"web"}`, `v:"x"`); a node without keys is
 * a field of the set, `.` marks one that has fields below it as well. Sets are
 * never changed, so that they can share parts; `undefined` is the empty set.
 * Those of managers have their keys in upstream's order, others in any.
 */
import { compareElements } from './path-element.ts';

export interface FieldSet {
  readonly [element: string]: FieldSet;
}

type Building = Record<string, FieldSet>;

/** Marks a field of the set that has others below it. */
export const self = '.';
export const leaf: FieldSet = Object.freeze({});

export function isLeaf(node: FieldSet): boolean {
  for (const _ in node) return false;
  return true;
}

/** Whether the field at the root of `node` is in the set, not just fields below it. */
export function isMember(node: FieldSet): boolean {
  return self in node || isLeaf(node);
}

/** A node whose field is in the set along with what is below it. */
export function withSelf(below: FieldSet | undefined): FieldSet {
  return below === undefined || isLeaf(below) ? leaf : { [self]: leaf, ...below };
}

/** With its keys, and those of all below, in their order. */
export function inOrder(set: FieldSet): FieldSet {
  let result: Building | undefined;
  for (const key in set) {
    const below = inOrder(set[key] as FieldSet);
    if (below !== set[key]) (result ??= { ...set })[key] = below;
  }
  return inOrderHere(result ?? set);
}

function inOrderHere(node: FieldSet): FieldSet {
  let last: string | undefined;
  for (const key in node) {
    if (last !== undefined && compareElements(last, key) > 0) return Object.fromEntries(Object.entries(node).sort(([a], [b]) => compareElements(a, b)));
    last = key;
  }
  return node;
}

/** In order, as `set` is; that itself where `other` adds nothing. */
export function union(set: FieldSet | undefined, other: FieldSet | undefined): FieldSet | undefined {
  if (set === undefined) return other && inOrder(other);
  if (other === undefined || set === other) return set;
  let result: Building | undefined;
  let ordered = true;
  for (const key in other) {
    const mine = set[key];
    const theirs = other[key] as FieldSet;
    const both = mine === undefined ? inOrder(theirs) : unionOfNodes(mine, theirs);
    if (both === mine) continue;
    result ??= { ...set };
    result[key] = both;
    ordered &&= mine !== undefined;
  }
  if (result === undefined) return set;
  return ordered ? result : inOrderHere(result);
}

function unionOfNodes(mine: FieldSet, theirs: FieldSet): FieldSet {
  if (mine === theirs) return mine;
  if (isLeaf(mine)) return isLeaf(theirs) ? mine : inOrder(self in theirs ? theirs : withSelf(theirs));
  if (isLeaf(theirs)) return self in mine ? mine : withSelf(mine);
  return union(mine, theirs) as FieldSet;
}

/** The set itself where it has nothing of `other`. A field goes, what is below it stays. */
export function difference(set: FieldSet | undefined, other: FieldSet | undefined): FieldSet | undefined {
  return set && other ? without(set, other, false) : set;
}

/** As `difference`, but what is below a field goes with it. */
export function recursiveDifference(set: FieldSet | undefined, other: FieldSet | undefined): FieldSet | undefined {
  return set && other ? without(set, other, true) : set;
}

function without(set: FieldSet, other: FieldSet, recursive: boolean): FieldSet | undefined {
  let result: Building | undefined;
  for (const key in other) {
    const mine = set[key];
    if (mine === undefined) continue;
    const rest = key === self ? undefined : nodeWithout(mine, other[key] as FieldSet, recursive);
    if (rest === mine) continue;
    result ??= { ...set };
    if (rest === undefined) delete result[key];
    else result[key] = rest;
  }
  if (result === undefined) return set;
  return isLeaf(result) ? undefined : result;
}

function nodeWithout(mine: FieldSet, theirs: FieldSet, recursive: boolean): FieldSet | undefined {
  if (isMember(theirs) && (recursive || isLeaf(mine))) return undefined;
  if (isLeaf(mine)) return mine;
  if (!isLeaf(theirs)) return collapse(without(mine, theirs, recursive));
  if (!(self in mine)) return mine;
  const { [self]: _, ...below } = mine;
  return below;
}

/** A node of which only the field itself is left. */
function collapse(node: FieldSet | undefined): FieldSet | undefined {
  if (node === undefined || !(self in node)) return node;
  for (const key in node) if (key !== self) return node;
  return leaf;
}

export function intersection(set: FieldSet | undefined, other: FieldSet | undefined): FieldSet | undefined {
  if (set === undefined || other === undefined) return undefined;
  let result: Building | undefined;
  for (const key in set) {
    const theirs = other[key];
    if (theirs === undefined) continue;
    const both = intersectionOfNodes(set[key] as FieldSet, theirs);
    if (both !== undefined) (result ??= {})[key] = both;
  }
  return result;
}

function intersectionOfNodes(mine: FieldSet, theirs: FieldSet): FieldSet | undefined {
  if (mine === theirs) return mine;
  const member = isMember(mine) && isMember(theirs);
  if (isLeaf(mine) || isLeaf(theirs)) return member ? leaf : undefined;
  return collapse(intersection(mine, theirs));
}

export function hasPath(set: FieldSet | undefined, path: readonly string[]): boolean {
  let node = set;
  for (const element of path) node = node?.[element];
  return node !== undefined && path.length > 0 && isMember(node);
}

/** Every field of the set, fields before what is below them. */
export function* pathsOf(set: FieldSet, above: readonly string[] = []): Generator<readonly string[]> {
  for (const key in set) if (key !== self && isMember(set[key] as FieldSet)) yield [...above, key];
  for (const key in set) if (key !== self && !isLeaf(set[key] as FieldSet)) yield* pathsOf(set[key] as FieldSet, [...above, key]);
}
