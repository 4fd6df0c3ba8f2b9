/** The managedFields that a client sends: taken as they are, as a reset, or not at all. */
import type { ManagedFieldsEntry } from '../../../api/types/meta-v1.ts';
import { shapeAt, type FieldShape, type StructPlan } from './field-plan.ts';
import { inOrder, isLeaf, leaf, self, type FieldSet } from './field-set.ts';
import { ManagedFields, ManagerEntry, identifierOf, type Manager } from './managed-fields.ts';

class MalformedEntry extends Error {
  override readonly name = 'MalformedEntry';
}

/**
 * A list that is empty, or has one entry that is, clears what is known.
 * Undefined: the client says nothing that can be used. `planAt` knows the type
 * of the object in the versions that are served.
 */
export function clientEntries(given: readonly ManagedFieldsEntry[] | undefined, planAt: (apiVersion: string) => StructPlan | undefined = () => undefined): ManagedFields | undefined {
  if (given === undefined) return undefined;
  const [first] = given;
  if (first === undefined || (given.length === 1 && Object.keys(first).length === 0)) return ManagedFields.none;
  try {
    const entries = new Map<string, ManagerEntry>();
    for (const entry of given) {
      const manager = managerOf(entry);
      const set = readSet(entry.fieldsV1 ?? {});
      const plan = planAt(manager.apiVersion);
      const own = set && plan ? withAtomicFields(set, { kind: 'struct', atomic: false, plan }) : set;
      if (own) entries.set(identifierOf(manager), new ManagerEntry(manager, entry.time, inOrder(own)));
    }
    return ManagedFields.of([...entries.values()]);
  } catch (error) {
    if (error instanceof MalformedEntry) return undefined;
    throw error;
  }
}

function managerOf({ manager = '', operation, apiVersion = '', subresource = '', fieldsType }: ManagedFieldsEntry): Manager {
  if (operation !== 'Apply' && operation !== 'Update') throw new MalformedEntry('operation');
  if (apiVersion === '' || fieldsType !== 'FieldsV1') throw new MalformedEntry('version or type');
  return { name: manager, operation, apiVersion, subresource };
}

/** What is owned as one thing now may have been owned in parts when the set was written, in another cluster: then it is owned. */
function withAtomicFields(set: FieldSet, shape: FieldShape): FieldSet {
  let result: Record<string, FieldSet> | undefined;
  for (const element in set) {
    const node = set[element] as FieldSet;
    const below = element === self || isLeaf(node) ? undefined : shapeAt(shape, element);
    if (below === undefined || below.kind === 'scalar') continue;
    const whole = below.atomic ? leaf : withAtomicFields(node, below);
    if (whole !== node) (result ??= { ...set })[element] = whole;
  }
  return result ?? set;
}

/** The set that a client wrote down, in our own writing: elements of unknown kinds left out, keys and order as everywhere. */
function readSet(node: unknown): FieldSet | undefined {
  if (typeof node !== 'object' || node === null || Array.isArray(node)) throw new MalformedEntry('node');
  const set: Record<string, FieldSet> = {};
  let empty = true;
  for (const [key, below] of Object.entries(node)) {
    if (key === self) continue;
    const element = readElement(key);
    if (element === undefined) continue;
    const children = readSet(below);
    set[element] = children === undefined ? leaf : self in (below as object) ? { [self]: leaf, ...children } : children;
    empty = false;
  }
  return empty ? undefined : set;
}

function readElement(key: string): string | undefined {
  if (key.charAt(1) !== ':') throw new MalformedEntry('element');
  const text = key.slice(2);
  switch (key.charAt(0)) {
    case 'f':
      return key;
    case 'v':
    case 'k':
      return `${key.slice(0, 2)}${canonicalJson(text)}`;
    case 'i':
      if (!/^[+-]?\d+$/.test(text)) throw new MalformedEntry('index');
      return `i:${Number(text)}`;
    default:
      return undefined;
  }
}

function canonicalJson(text: string): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new MalformedEntry('value');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return JSON.stringify(value);
  return JSON.stringify(Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))));
}
