/**
 * Who owns whom, by uid, as the watches tell it. An owner that is named before
 * it has been seen stands in as a virtual node until it is seen or found absent.
 * The graph only remembers and says what is worth looking at; nothing is
 * deleted on its word alone, for it may be behind.
 */
import type { OwnerReference } from '../../api/object.ts';
import type { ApiObject } from '../../client/resource.ts';

/** Where an object is. The resource is found through apiVersion and kind. */
export interface Coordinates {
  readonly apiVersion: string;
  readonly kind: string;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
}

export interface GraphNode {
  readonly uid: string;
  at: Coordinates;
  /** Named by a dependent, not yet seen. */
  virtual: boolean;
  /** Has a deletionTimestamp. */
  deleting: boolean;
  /** Being deleted in the foreground: waits for its dependents. */
  waitsForDependents: boolean;
  orphansDependents: boolean;
  owners: readonly OwnerReference[];
  readonly dependents: Set<GraphNode>;
}

export interface GraphListener {
  /** The node may be garbage, or may be done waiting. */
  examine(node: GraphNode): void;
  /** The node is being deleted and leaves its dependents behind. */
  orphan(node: GraphNode): void;
}

export const foregroundFinalizer = 'foregroundDeletion';
export const orphanFinalizer = 'orphan';

export class OwnerGraph {
  readonly #nodes = new Map<string, GraphNode>();
  readonly #listener: GraphListener;

  constructor(listener: GraphListener) {
    this.#listener = listener;
  }

  get size(): number {
    return this.#nodes.size;
  }

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  /** An object was added or changed. */
  observe(object: ApiObject): void {
    const { uid = '', ownerReferences = [], deletionTimestamp, finalizers } = object.metadata;
    const deleting = deletionTimestamp !== undefined;
    const waits = deleting && (finalizers?.includes(foregroundFinalizer) ?? false);
    const orphans = deleting && (finalizers?.includes(orphanFinalizer) ?? false);
    const old = this.#nodes.get(uid);
    const node = old ?? newNode(uid, coordinatesOf(object));
    if (!old) this.#nodes.set(uid, node);
    if (node.virtual || !old) this.#becomeReal(node, coordinatesOf(object));
    node.deleting = deleting;
    this.#setOwners(node, ownerReferences);
    if (orphans && !node.orphansDependents) this.#listener.orphan(node);
    node.orphansDependents = orphans;
    if (waits && !node.waitsForDependents) {
      node.waitsForDependents = true;
      for (const dependent of node.dependents) this.#listener.examine(dependent);
      this.#listener.examine(node);
    }
    node.waitsForDependents = waits;
  }

  /** The object is gone, or was never there. */
  remove(uid: string): void {
    const node = this.#nodes.get(uid);
    if (!node) return;
    this.#nodes.delete(uid);
    for (const { uid: ownerUid } of node.owners) {
      const owner = this.#nodes.get(ownerUid);
      if (!owner) continue;
      owner.dependents.delete(node);
      if (owner.waitsForDependents) this.#listener.examine(owner);
      if (owner.virtual && owner.dependents.size === 0) this.#nodes.delete(ownerUid);
    }
    for (const dependent of node.dependents) this.#listener.examine(dependent);
  }

  /** A virtual node is not where its dependents say; some may say another place, which is tried next. */
  virtualAbsent(node: GraphNode): void {
    if (!node.virtual) return;
    for (const dependent of node.dependents) {
      const other = dependent.owners.find((owner) => owner.uid === node.uid && !samePlace(ownerCoordinates(owner, dependent), node.at));
      if (!other) continue;
      for (const child of node.dependents) if (namesPlace(child, node)) this.#listener.examine(child);
      node.at = ownerCoordinates(other, dependent);
      this.#listener.examine(node);
      return;
    }
    this.remove(node.uid);
  }

  #becomeReal(node: GraphNode, at: Coordinates): void {
    node.virtual = false;
    node.at = at;
    // Who names this uid at another place names an owner that does not exist.
    for (const dependent of node.dependents) if (!namesPlace(dependent, node)) this.#listener.examine(dependent);
  }

  #setOwners(node: GraphNode, owners: readonly OwnerReference[]): void {
    const before = node.owners;
    node.owners = owners;
    for (const { uid } of before) {
      if (owners.some((owner) => owner.uid === uid)) continue;
      const owner = this.#nodes.get(uid);
      owner?.dependents.delete(node);
      if (owner?.waitsForDependents) this.#listener.examine(owner);
    }
    for (const reference of owners) this.#addToOwner(node, reference, before.find(({ uid }) => uid === reference.uid));
  }

  #addToOwner(node: GraphNode, reference: OwnerReference, before: OwnerReference | undefined): void {
    let owner = this.#nodes.get(reference.uid);
    if (!owner) {
      owner = newNode(reference.uid, ownerCoordinates(reference, node));
      this.#nodes.set(reference.uid, owner);
      this.#listener.examine(owner);
    }
    owner.dependents.add(node);
    if (!before && !owner.virtual && (owner.waitsForDependents || !namesPlace(node, owner))) this.#listener.examine(node);
    if (before?.blockOwnerDeletion && !reference.blockOwnerDeletion && owner.waitsForDependents) this.#listener.examine(owner);
  }
}

function newNode(uid: string, at: Coordinates): GraphNode {
  return { uid, at, virtual: true, deleting: false, waitsForDependents: false, orphansDependents: false, owners: [], dependents: new Set() };
}

function coordinatesOf({ apiVersion = '', kind = '', metadata }: ApiObject): Coordinates {
  return { apiVersion, kind, namespace: metadata.namespace ?? '', name: metadata.name ?? '' };
}

/** An owner is in the namespace of what it owns, unless its kind has none. */
export function ownerCoordinates({ apiVersion, kind, name }: OwnerReference, dependent: GraphNode): Coordinates {
  return { apiVersion, kind, name, namespace: dependent.at.namespace };
}

/** Whether the dependent's reference to `owner` can mean it: same group, kind and name, and a namespace that may be. */
function namesPlace(dependent: GraphNode, owner: GraphNode): boolean {
  return dependent.owners.some((reference) => reference.uid === owner.uid && samePlace(ownerCoordinates(reference, dependent), owner.at));
}

function samePlace(named: Coordinates, at: Coordinates): boolean {
  if (named.kind !== at.kind || named.name !== at.name || groupOf(named.apiVersion) !== groupOf(at.apiVersion)) return false;
  return at.namespace === '' || named.namespace === at.namespace;
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}
