/**
 * Are two objects the same to the API? Two answers: `equalObjects` for what an
 * update changed (generation, writes that change nothing), where unset and empty
 * lists, maps and plain structs are one thing, as they are to upstream's types;
 * `identicalValues` for what a client compares literally. The order of keys
 * means nothing to either, an undefined field is an absent one, and zero, false
 * and '' are values. Neither side is changed.
 */

/**
 * Fields in which `{}` says no more than leaving it out: maps, and structs that
 * upstream's types hold by value. Of other fields it does: an `emptyDir: {}` is
 * a volume, a `namespaceSelector: {}` selects every namespace.
 */
const emptySaysNothing = new Set(
  (
    'allocatable allocatedResources allocatedResourceStatuses annotations attributes binaryData capacity data daemonEndpoints ' +
    'defaultRequest deprecatedTopology disruptedPods extra hard involvedObject labels lastState limits loadBalancer matchLabels max ' +
    'maxLimitRequestRatio metadata min nodeInfo nodeSelector options overhead requests resources source spec state status strategy ' +
    'updateStrategy used volumeAttributes'
  ).split(' '),
);

/** JSON schemas: their keys are names of the user's, and their emptiness may be a default. */
const literal = 'openAPIV3Schema';

export function equalObjects(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null)
    return (isUnset(left) && isEmptyList(right)) || (isUnset(right) && isEmptyList(left)) || (isUnset(left) && isUnset(right));
  if (Array.isArray(left) || Array.isArray(right)) return equalLists(left, right, equalObjects);
  const a = left as Record<string, unknown>;
  const b = right as Record<string, unknown>;
  for (const key in a) if (!equalFields(key, a[key], b[key])) return false;
  for (const key in b) if (isUnset(a[key]) && !saysNothing(key, b[key])) return false;
  return true;
}

function equalFields(key: string, left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (isUnset(left)) return saysNothing(key, right);
  if (isUnset(right)) return saysNothing(key, left);
  return key === literal ? identicalValues(left, right) : equalObjects(left, right);
}

function isUnset(value: unknown): boolean {
  return value === undefined || value === null;
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function saysNothing(key: string, value: unknown): boolean {
  if (typeof value !== 'object') return value === undefined;
  if (value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  if (!emptySaysNothing.has(key)) return false;
  for (const field in value) if (!saysNothing(field, (value as Record<string, unknown>)[field])) return false;
  return true;
}

/** As JSON values: what is there counts. */
export function identicalValues(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left) || Array.isArray(right)) return equalLists(left, right, identicalValues);
  const a = left as Record<string, unknown>;
  const b = right as Record<string, unknown>;
  let present = 0;
  for (const key in a) {
    const value = a[key];
    if (value === undefined) continue;
    present++;
    if (!identicalValues(value, b[key])) return false;
  }
  for (const key in b) if (b[key] !== undefined) present--;
  return present === 0;
}

function equalLists(left: unknown, right: unknown, equal: (a: unknown, b: unknown) => boolean): boolean {
  if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) if (!equal(left[i], right[i])) return false;
  return true;
}
