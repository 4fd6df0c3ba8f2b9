/**
 * Strategic merge patch: a merge patch that knows from the schema which lists
 * are merged by a key of their elements, which are sets, and which are replaced.
 * Directives in the patch ($patch, $retainKeys, $deleteFromPrimitiveList/x,
 * $setElementOrder/x) say what a plain merge cannot.
 *
 * Behaviour, order and errors are upstream's, checked against its API server.
 * Inputs are never changed; the result shares what it left alone.
 */
import { ApiError, apiError, badRequest } from '../../../api/errors.ts';
import {
  fieldOf,
  isList,
  isMap,
  isRef,
  typeNamed,
  type FieldData,
  type ShapeData,
} from '../../../api/schema.ts';
import { arranged, identity } from './element-order.ts';
import {
  copyFields,
  field,
  goText,
  goType,
  isFields,
  jsonKind,
  refuseTooDeep,
  setField,
  type Fields,
} from './json-values.ts';

const directive = '$patch';
const retainKeys = '$retainKeys';
const deleteFromList = '$deleteFromPrimitiveList';
const setElementOrder = '$setElementOrder';

/** Throws ApiError: 400 or 422 for malformed directives, 500 (upstream's choice) for what does not fit the document. */
export function applyStrategicMerge(document: unknown, patch: unknown, typeName: string): unknown {
  if (patch === null) return document;
  if (!isFields(patch))
    throw badRequest(
      `json: cannot unmarshal ${jsonKind(patch)} into Go value of type map[string]interface {}`,
    );
  refuseTooDeep(patch);
  return mergeFields(isFields(document) ? document : {}, patch, { ref: typeName });
}

function failed(message: string): ApiError {
  return new ApiError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    code: 500,
  });
}

function mergeFields(original: Fields, patch: Fields, shape: ShapeData | undefined): Fields {
  if (Object.hasOwn(patch, directive)) return directed(patch);
  const merged = retained(original, patch);
  const done = new Set([retainKeys]);
  for (const name of Object.keys(patch)) {
    if (!name.startsWith(setElementOrder)) continue;
    const list = afterSlash(name, 'setElementOrder list');
    mergeOrdered(merged, patch, list, patch[name], shape);
    done.add(name).add(list);
  }
  for (const name of Object.keys(patch)) {
    if (done.has(name)) continue;
    const deletes = name.startsWith(deleteFromList);
    const target = deletes ? afterSlash(name, 'primitive list') : name;
    mergeField(merged, target, patch[name], shape, deletes);
  }
  return merged;
}

function directed(patch: Fields): Fields {
  const how = patch[directive];
  if (how === 'delete') return {};
  if (how !== 'replace') throw unknownDirective(how, patch);
  const { [directive]: _, ...rest } = patch;
  return rest;
}

function unknownDirective(how: unknown, patch: Fields): ApiError {
  const text =
    typeof how === 'string' ? how : how === null ? '%!s(<nil>)' : `%!s(${goType(how)}=${goText(how)})`;
  return failed(`unknown patch type: ${text} in map: ${goText(patch)}`);
}

/** The name of the list that a directive is about. */
function afterSlash(name: string, what: string): string {
  const slash = name.indexOf('/');
  const prefix = name.slice(0, slash);
  if (prefix !== setElementOrder && prefix !== deleteFromList)
    throw badRequest(`invalid patch format of ${what}`);
  return name.slice(slash + 1);
}

/** A copy of `original`; of its fields only those that $retainKeys lists, where the patch has it. */
function retained(original: Fields, patch: Fields): Fields {
  const merged = copyFields(original);
  if (!Object.hasOwn(patch, retainKeys)) return merged;
  const listed = patch[retainKeys];
  if (!Array.isArray(listed)) throw badRequest('invalid patch format of retainKeys');
  const kept = new Set<unknown>(listed);
  for (const name of Object.keys(patch)) {
    if (
      name === retainKeys ||
      patch[name] === null ||
      name.startsWith(deleteFromList) ||
      name.startsWith(setElementOrder)
    )
      continue;
    if (!kept.has(name)) throw badRequest('invalid patch format of retainKeys');
  }
  for (const name of Object.keys(merged)) if (!kept.has(name)) delete merged[name];
  return merged;
}

/** `deletes`: the value lists elements to take out of the field. */
function mergeField(
  merged: Fields,
  name: string,
  value: unknown,
  shape: ShapeData | undefined,
  deletes: boolean,
): void {
  if (value === null) {
    delete merged[name];
    return;
  }
  const before = field(merged, name);
  if (before === undefined || goType(before) !== goType(value)) {
    if (!deletes) setNew(merged, name, value);
    return;
  }
  if (isFields(before) && isFields(value)) {
    const known = lookUp(shape, name);
    setField(
      merged,
      name,
      strategyOf(known) === 'replace' ? value : mergeFields(before, value, known?.shape),
    );
  } else if (Array.isArray(before) && Array.isArray(value)) {
    const known = lookUp(shape, name);
    if (strategyOf(known) === 'merge' || deletes)
      setField(merged, name, mergeList(before, value, known, deletes));
    else setField(merged, name, value);
  } else if (!deletes) setField(merged, name, value);
}

/** What is new where it stands takes no nulls and no parts with a directive along. */
function setNew(merged: Fields, name: string, value: unknown): void {
  const clean = withoutDirectives(value);
  if (clean === undefined) delete merged[name];
  else setField(merged, name, clean);
}

/** Undefined for an object that has a directive. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives).filter((element) => element !== undefined);
  if (!isFields(value)) return value;
  if (Object.hasOwn(value, directive)) return undefined;
  const clean: Fields = {};
  for (const name of Object.keys(value)) {
    const inner = value[name] === null ? undefined : withoutDirectives(value[name]);
    if (inner !== undefined) setField(clean, name, inner);
  }
  return clean;
}

/** What the schema says of a field; undefined where the holder's fields are not in the schema (maps, raw objects). */
function lookUp(shape: ShapeData | undefined, name: string): FieldData | undefined {
  if (shape === undefined) return undefined;
  if (isMap(shape)) return { shape: shape.map };
  if (!isRef(shape)) return undefined;
  const type = typeNamed(shape.ref);
  if (type === undefined) return undefined;
  const known = fieldOf(type, name);
  if (known === undefined) {
    const struct = shape.ref.slice(shape.ref.lastIndexOf('.') + 1);
    throw failed(`unable to find api field in struct ${struct} for the json field ${JSON.stringify(name)}`);
  }
  return known;
}

function strategyOf(known: FieldData | undefined): string | undefined {
  return known?.patchStrategy?.split(',').find((strategy) => strategy !== 'retainKeys');
}

function elementShape(known: FieldData | undefined): ShapeData | undefined {
  return known !== undefined && isList(known.shape) ? known.shape.list : undefined;
}

/** The list that a $setElementOrder is about, merged with the patch's elements and put in the patch's order. */
function mergeOrdered(
  merged: Fields,
  patch: Fields,
  name: string,
  order: unknown,
  shape: ShapeData | undefined,
): void {
  const named = listOr(order, undefined);
  const before = listOr(field(merged, name), []);
  const elements = listOr(field(patch, name), []);
  const known = lookUp(shape, name);
  const mergeKey = known?.mergeKey;
  refuseOtherOrder(elements, named, mergeKey);
  const wasThere = Object.hasOwn(merged, name);
  if (!wasThere && !Object.hasOwn(patch, name)) return;
  let result: readonly unknown[] = before;
  if (!wasThere) result = withoutDirectives(elements) as unknown[];
  else if (Object.hasOwn(patch, name))
    result = strategyOf(known) === 'merge' ? mergeList(before, elements, known, false) : elements;
  if (mergeKey !== undefined) for (const element of [...result, ...named]) keyOf(element, mergeKey);
  elementType(before, elements);
  setField(merged, name, arranged(result, named, before, mergeKey));
}

function listOr<Default>(value: unknown, otherwise: Default): unknown[] | Exclude<Default, undefined> {
  if (Array.isArray(value)) return value;
  if (value === undefined && otherwise !== undefined) return otherwise as Exclude<Default, undefined>;
  throw failed(`expected a []interface {}, but received a ${value === null ? '%!s(<nil>)' : goType(value)}`);
}

/** The patch's elements must all be in $setElementOrder, in the same order. */
function refuseOtherOrder(
  elements: readonly unknown[],
  named: readonly unknown[],
  mergeKey: string | undefined,
): void {
  if (elements.length === 0 || named.length === 0) return;
  const kept = elements.filter(
    (element) => mergeKey === undefined || !Object.hasOwn(asFields(element), directive),
  );
  let next = 0;
  for (const name of named) {
    if (next === kept.length) return;
    if (mergeKey !== undefined) keyOf(name, mergeKey);
    if (mergeKey !== undefined) keyOf(kept[next], mergeKey);
    if (identity(kept[next], mergeKey) === identity(name, mergeKey)) next++;
  }
  if (next < kept.length) {
    throw failed(
      `The order in patch list:\n${goText(elements)}\n doesn't match ${setElementOrder} list:\n${goText(named)}\n`,
    );
  }
}

function mergeList(
  original: readonly unknown[],
  patch: readonly unknown[],
  known: FieldData | undefined,
  deletes: boolean,
): unknown[] {
  if (original.length === 0 && patch.length === 0) return [];
  const mergeKey = known?.mergeKey;
  if (elementType(original, patch) !== 'map[string]interface {}') {
    const inPatch = new Set(patch.map((element) => identity(element, undefined)));
    if (deletes) return original.filter((element) => !inPatch.has(identity(element, undefined)));
    return arranged(withoutDuplicates([...original, ...patch]), patch, original, undefined);
  }
  if (mergeKey === undefined) throw failed('cannot merge lists without merge key for struct');
  const { kept, plain, replaces } = withSpecialElements(original as Fields[], patch as Fields[], mergeKey);
  const merged = replaces ? plain : mergeElements(kept, plain, mergeKey, elementShape(known));
  for (const element of merged) keyOf(element, mergeKey);
  return arranged(merged, replaces ? [] : plain, replaces ? plain : kept, mergeKey);
}

function withoutDuplicates(elements: readonly unknown[]): unknown[] {
  const seen = new Map<unknown, unknown>();
  for (const element of elements)
    if (!seen.has(identity(element, undefined))) seen.set(identity(element, undefined), element);
  return [...seen.values()];
}

/** Takes the elements with a directive out of the patch and does what they say. */
function withSpecialElements(original: readonly Fields[], patch: readonly Fields[], mergeKey: string) {
  let kept = [...original];
  let replaces = false;
  const plain: Fields[] = [];
  for (const element of patch) {
    if (!Object.hasOwn(element, directive)) plain.push(element);
    else if (element[directive] === 'delete') {
      const key = keyOf(element, mergeKey);
      kept = kept.filter((other) => identity(other, mergeKey) !== key);
    } else if (element[directive] === 'replace') replaces = true;
    else if (element[directive] === 'merge')
      throw failed('merging lists cannot yet be specified in the patch');
    else throw unknownDirective(element[directive], element);
  }
  return { kept, plain, replaces };
}

function mergeElements(
  original: readonly Fields[],
  patch: readonly Fields[],
  mergeKey: string,
  shape: ShapeData | undefined,
): Fields[] {
  const merged = [...original];
  const places = new Map<unknown, number>();
  for (const [at, element] of merged.entries())
    if (!places.has(identity(element, mergeKey))) places.set(identity(element, mergeKey), at);
  for (const element of patch) {
    const key = keyOf(element, mergeKey);
    const at = places.get(key);
    if (at === undefined) places.set(key, merged.push(element) - 1);
    else merged[at] = mergeFields(merged[at] as Fields, element, shape);
  }
  return merged;
}

function asFields(element: unknown): Fields {
  if (isFields(element)) return element;
  throw failed(
    `expected a map[string]interface {}, but received a ${element === null ? '%!s(<nil>)' : goType(element)}`,
  );
}

function keyOf(element: unknown, mergeKey: string): unknown {
  const fields = asFields(element);
  if (!Object.hasOwn(fields, mergeKey))
    throw failed(`map: ${goText(fields)} does not contain declared merge key: ${mergeKey}`);
  return identity(fields, mergeKey);
}

/** The one type that all elements of the lists have. */
function elementType(...lists: readonly (readonly unknown[])[]): string {
  let found: string | undefined;
  for (const element of lists.flat()) {
    const type = goType(element);
    found ??= type;
    if (found === '[]interface {}')
      throw apiError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
    if (found !== type) throw failed(`list element types are not identical: ${goText(lists)}`);
  }
  if (found === undefined) throw failed('no elements in any of the given slices');
  return found;
}
