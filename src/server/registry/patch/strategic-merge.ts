/**
 * Strategic merge patch: a merge patch that knows from the schema which lists
 * are merged by a key of their elements, which are sets, and which are replaced.
 * Directives in the patch ($patch, $retainKeys, $deleteFromPrimitiveList,
 * $setElementOrder) say what a plain merge cannot. Behaviour and errors are
 * upstream's. Inputs are never changed; the result shares what it left alone.
 */
import { badRequest } from '../../../api/errors.ts';
import { fieldOf, isList, isRef, typeNamed, type FieldData, type ShapeData, type TypeData } from '../../../api/schema.ts';

type Fields = Record<string, unknown>;

const directive = '$patch';
const retainKeys = '$retainKeys';
const deleteFromList = '$deleteFromPrimitiveList/';
const setElementOrder = '$setElementOrder/';
/** Deeper than any type of the API goes. */
const depthMax = 1000;

/** Throws ApiError 400 for a patch that makes no sense for the type. */
export function applyStrategicMerge(document: unknown, patch: unknown, typeName: string): unknown {
  if (!isFields(patch)) throw badRequest('json: cannot unmarshal into Go value of type map[string]interface {}');
  return mergeFields(isFields(document) ? document : {}, patch, typeNamed(typeName), 0);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Own data properties only: `__proto__` in a body is a field like any other. */
function set(target: Fields, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
  else target[name] = value;
}

function get(source: Fields, name: string): unknown {
  return Object.hasOwn(source, name) ? source[name] : undefined;
}

function mergeFields(original: Fields, patch: Fields, type: TypeData | undefined, depth: number): Fields {
  if (depth > depthMax) throw badRequest('the patch is nested too deeply');
  switch (get(patch, directive)) {
    case undefined:
    case 'merge':
      break;
    case 'replace':
      return withoutDirectives(patch, type, depth);
    case 'delete':
      return {};
    default:
      throw badRequest(`Unknown patch type found: ${String(patch[directive])}`);
  }
  const merged: Fields = {};
  const kept = keysToRetain(patch);
  for (const name of Object.keys(original)) if (!kept || kept.has(name)) set(merged, name, original[name]);
  for (const name of Object.keys(patch)) {
    if (name === directive || name === retainKeys || name.startsWith(setElementOrder)) continue;
    if (name.startsWith(deleteFromList)) {
      deleteValues(merged, name.slice(deleteFromList.length), patch[name]);
      continue;
    }
    const value = patch[name];
    if (value === null) delete merged[name];
    else set(merged, name, mergeValue(get(merged, name), value, type && fieldOf(type, name), depth));
  }
  for (const name of Object.keys(patch)) {
    if (!name.startsWith(setElementOrder)) continue;
    const list = name.slice(setElementOrder.length);
    const current = get(merged, list);
    if (Array.isArray(current)) set(merged, list, ordered(current, patch[name], get(original, list), mergeKeyOf(type && fieldOf(type, list))));
  }
  return merged;
}

/** The only fields to stay, where the patch says so; those that it sets must be among them. */
function keysToRetain(patch: Fields): ReadonlySet<string> | undefined {
  const wanted = get(patch, retainKeys);
  if (wanted === undefined) return undefined;
  if (!Array.isArray(wanted)) throw badRequest('The patch list for $retainKeys is not a list of strings');
  const kept = new Set(wanted.map(String));
  for (const name of Object.keys(patch))
    if (!name.startsWith('$') && patch[name] !== null && !kept.has(name)) throw badRequest('The keys in the patch are not all in $retainKeys');
  return kept;
}

function deleteValues(merged: Fields, name: string, values: unknown): void {
  if (!Array.isArray(values)) throw badRequest('Invalid patch format of primitive list');
  const current = get(merged, name);
  if (!Array.isArray(current)) return;
  const gone = new Set<unknown>(values);
  set(merged, name, current.filter((value) => !gone.has(value)));
}

function elementTypeOf(shape: ShapeData | undefined): TypeData | undefined {
  if (shape === undefined) return undefined;
  if (isRef(shape)) return typeNamed(shape.ref);
  return isList(shape) ? elementTypeOf(shape.list) : undefined;
}

function strategies(field: FieldData | undefined): readonly string[] {
  return field?.patchStrategy?.split(',') ?? [];
}

function mergeKeyOf(field: FieldData | undefined): string | undefined {
  return field?.mergeKey;
}

function mergeValue(original: unknown, value: unknown, field: FieldData | undefined, depth: number): unknown {
  const type = elementTypeOf(field?.shape);
  const merges = strategies(field).includes('merge');
  if (Array.isArray(value)) {
    if (merges) return mergeList(Array.isArray(original) ? original : [], value, type, mergeKeyOf(field), depth + 1);
    return value.map((item) => (isFields(item) ? withoutDirectives(item, type, depth + 1) : item));
  }
  if (!isFields(value)) return value;
  if (!isFields(original) || (strategies(field).includes('replace') && get(value, directive) === undefined)) {
    return get(value, directive) === 'delete' ? {} : mergeFields({}, value, type, depth + 1);
  }
  return mergeFields(original, value, type, depth + 1);
}

/** A value that is new where it stands: directives have done their work by being there. */
function withoutDirectives(value: Fields, type: TypeData | undefined, depth: number): Fields {
  const { [directive]: _, ...rest } = value;
  return mergeFields({}, rest, type, depth + 1);
}

function mergeList(original: readonly unknown[], patch: readonly unknown[], type: TypeData | undefined, mergeKey: string | undefined, depth: number): unknown[] {
  const sample = patch[0] ?? original[0];
  if (Array.isArray(sample)) throw badRequest('Lists of lists are not supported.');
  if (!isFields(sample)) return arranged([...new Set([...original, ...patch])], patch, original, undefined);
  if (mergeKey === undefined) throw badRequest(`cannot merge a list of objects without a merge key`);
  let merged: unknown[] = [...original];
  const plain: Fields[] = [];
  let replaced = false;
  for (const item of patch) {
    if (!isFields(item)) throw badRequest('List elements of a merged list must be objects');
    switch (get(item, directive)) {
      case undefined:
      case 'merge':
        plain.push(item);
        break;
      case 'replace':
        replaced = true;
        break;
      case 'delete': {
        const key = keyOf(item, mergeKey);
        merged = merged.filter((other) => !(isFields(other) && get(other, mergeKey) === key));
        break;
      }
      default:
        throw badRequest(`Unknown patch type found: ${String(item[directive])}`);
    }
  }
  if (replaced) return plain.map((item) => withoutDirectives(item, type, depth));
  for (const item of plain) {
    const key = keyOf(item, mergeKey);
    const at = merged.findIndex((other) => isFields(other) && get(other, mergeKey) === key);
    if (at < 0) merged.push(withoutDirectives(item, type, depth));
    else merged[at] = mergeFields(merged[at] as Fields, item, type, depth);
  }
  return arranged(merged, plain, original, mergeKey);
}

function keyOf(item: Fields, mergeKey: string): unknown {
  const key = get(item, mergeKey);
  if (key === undefined) throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
  return key;
}

/** $setElementOrder: the elements it names stand in its order. */
function ordered(current: readonly unknown[], order: unknown, original: unknown, mergeKey: string | undefined): unknown[] {
  if (!Array.isArray(order)) throw badRequest('Invalid patch format of $setElementOrder list');
  return arranged(current, order, Array.isArray(original) ? original : [], mergeKey);
}

/**
 * What the patch names comes in the patch's order, everything else in the
 * order it had, and the two are merged so that elements known to both stay in
 * the order they had.
 */
function arranged(items: readonly unknown[], named: readonly unknown[], original: readonly unknown[], mergeKey: string | undefined): unknown[] {
  const identity = (item: unknown) => (mergeKey !== undefined && isFields(item) ? get(item, mergeKey) : item);
  const place = new Map<unknown, number>();
  original.forEach((item, at) => place.set(identity(item), at));
  const rank = new Map<unknown, number>();
  named.forEach((item, at) => rank.set(identity(item), at));
  const left = items.filter((item) => rank.has(identity(item))).sort((a, b) => (rank.get(identity(a)) as number) - (rank.get(identity(b)) as number));
  const right = items
    .filter((item) => !rank.has(identity(item)))
    .sort((a, b) => (place.get(identity(a)) ?? Infinity) - (place.get(identity(b)) ?? Infinity));
  const result: unknown[] = [];
  let l = 0;
  let r = 0;
  while (l < left.length && r < right.length) {
    const before = place.get(identity(left[l]));
    const after = place.get(identity(right[r]));
    if (before !== undefined && after !== undefined && before < after) result.push(left[l++]);
    else result.push(right[r++]);
  }
  return [...result, ...left.slice(l), ...right.slice(r)];
}
