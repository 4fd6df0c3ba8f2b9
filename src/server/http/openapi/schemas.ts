/**
 * The types of the API as schemas of OpenAPI 3.0 and of Swagger 2.0, made from
 * the one table of types. The two dialects differ in where a reference points,
 * in how it is annotated, and in a few leaves; Swagger has no defaults.
 */
import { allTypes, isList, isMap, isRef, typeNamed, type FieldData, type GroupVersionKind, type ShapeData, type TypeData } from '../../../api/schema.ts';
import type { TypeDescription } from './descriptions.ts';

export type Dialect = 'v2' | 'v3';
export type Json = Record<string, unknown>;

export const metaTypes = 'io.k8s.apimachinery.pkg.apis.meta.v1';
export const patchType = `${metaTypes}.Patch`;

interface LeafType {
  readonly type: string;
  readonly v3: Json;
  readonly v2: Json;
}

const same = (type: string, schema: Json): LeafType => ({ type, v3: schema, v2: schema });
const extensions = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1';

/** Leaves of the table that clients know as types with a name. */
const namedLeaves: Readonly<Record<string, LeafType>> = {
  time: same(`${metaTypes}.Time`, { type: 'string', format: 'date-time' }),
  microtime: same(`${metaTypes}.MicroTime`, { type: 'string', format: 'date-time' }),
  quantity: { type: 'io.k8s.apimachinery.pkg.api.resource.Quantity', v3: { oneOf: [{ type: 'string' }, { type: 'number' }] }, v2: { type: 'string' } },
  intorstring: {
    type: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
    v3: { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
    v2: { type: 'string', format: 'int-or-string' },
  },
  raw: same('io.k8s.apimachinery.pkg.runtime.RawExtension', { type: 'object' }),
  fieldsv1: same(`${metaTypes}.FieldsV1`, { type: 'object' }),
  json: same(`${extensions}.JSON`, {}),
  schemaorarray: same(`${extensions}.JSONSchemaPropsOrArray`, {}),
  schemaorbool: same(`${extensions}.JSONSchemaPropsOrBool`, {}),
  schemaorstrings: same(`${extensions}.JSONSchemaPropsOrStringArray`, {}),
};

const plainLeaves: Readonly<Record<string, Json>> = {
  string: { type: 'string' },
  bytes: { type: 'string', format: 'byte' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  bool: { type: 'boolean' },
  any: {},
};

/** Types without fields in the table, by their names. */
const leafTypes = new Map<string, LeafType>([...Object.values(namedLeaves), same(patchType, { type: 'object' })].map((leaf) => [leaf.type, leaf]));

/** What a required field without a value of its own is taken for. */
const zeroValues: Readonly<Record<string, unknown>> = { string: '', int32: 0, int64: 0, bool: false };

/** The parts of an object that are values, never pointers: absent is the same as empty. */
const objectParts: ReadonlySet<string> = new Set(['metadata', 'spec', 'status']);

export function refTo(type: string, dialect: Dialect): Json {
  return { $ref: `#/${dialect === 'v3' ? 'components/schemas' : 'definitions'}/${type}` };
}

function namedTypeOf(shape: ShapeData): string | undefined {
  if (isRef(shape)) return shape.ref;
  return typeof shape === 'string' ? namedLeaves[shape]?.type : undefined;
}

function shapeSchema(shape: ShapeData, dialect: Dialect): Json {
  const named = namedTypeOf(shape);
  if (named !== undefined) return refTo(named, dialect);
  if (isList(shape)) return { type: 'array', items: shapeSchema(shape.list, dialect) };
  if (isMap(shape)) return { type: 'object', additionalProperties: shapeSchema(shape.map, dialect) };
  return plainLeaves[shape as string] ?? {};
}

/** The table does not tell values from pointers; the API's conventions do, where it matters. */
function defaultOf(name: string, field: FieldData, required: boolean): unknown {
  if (field.default !== undefined) return field.default;
  if (isRef(field.shape)) return objectParts.has(name) ? {} : undefined;
  return required && typeof field.shape === 'string' ? zeroValues[field.shape] : undefined;
}

function extensionsOf(field: FieldData): Json {
  return {
    ...(field.listMapKeys && { 'x-kubernetes-list-map-keys': field.listMapKeys }),
    ...(field.listType && { 'x-kubernetes-list-type': field.listType }),
    ...(field.mapType && { 'x-kubernetes-map-type': field.mapType }),
    ...(field.mergeKey && { 'x-kubernetes-patch-merge-key': field.mergeKey }),
    ...(field.patchStrategy && { 'x-kubernetes-patch-strategy': field.patchStrategy }),
  };
}

function propertySchema(name: string, field: FieldData, required: boolean, description: string | undefined, dialect: Dialect): Json {
  const schema = shapeSchema(field.shape, dialect);
  const initial = dialect === 'v3' ? defaultOf(name, field, required) : undefined;
  const notes: Json = {
    ...(description && { description }),
    ...(initial !== undefined && { default: initial }),
    ...(field.enum && { enum: field.enum }),
    ...extensionsOf(field),
  };
  // OpenAPI 3.0 ignores what stands beside a $ref.
  const annotated = dialect === 'v3' && schema['$ref'] !== undefined && Object.keys(notes).length > 0;
  return annotated ? { ...notes, allOf: [schema] } : { ...schema, ...notes };
}

export interface SchemaContext {
  readonly dialect: Dialect;
  readonly description: TypeDescription | undefined;
  /** Which of the kinds that share the type to name; all where absent. */
  readonly shows?: (kind: GroupVersionKind) => boolean;
}

/** The schema of a type by name. A type that the table does not have is an object with anything in it. */
export function schemaOf(typeName: string, context: SchemaContext): Json {
  const { dialect, description, shows } = context;
  const described = description?.text ? { description: description.text } : {};
  const leaf = leafTypes.get(typeName);
  if (leaf) return { ...described, ...leaf[dialect] };
  const type = typeNamed(typeName);
  if (!type) return { ...described, type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const required = new Set(type.required);
  const properties: Json = {};
  for (const name of Object.keys(type.fields).sort())
    properties[name] = propertySchema(name, type.fields[name] as FieldData, required.has(name), description?.field(name), dialect);
  const kinds = type.gvk?.filter((kind) => shows?.(kind) ?? true) ?? [];
  return {
    ...described,
    type: 'object',
    ...(required.size > 0 && { required: type.required }),
    ...(Object.keys(properties).length > 0 && { properties }),
    ...(kinds.length > 0 && { 'x-kubernetes-group-version-kind': kinds }),
    ...(type.mapType && { 'x-kubernetes-map-type': type.mapType }),
  };
}

function addTypesOf(shape: ShapeData, into: string[]): void {
  if (isList(shape)) return addTypesOf(shape.list, into);
  if (isMap(shape)) return addTypesOf(shape.map, into);
  const named = namedTypeOf(shape);
  if (named !== undefined) into.push(named);
}

/** The given types and every type that they hold, sorted. */
export function reachableTypes(roots: Iterable<string>): string[] {
  const found = new Set<string>();
  const waiting = [...roots];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    const type: TypeData | undefined = typeNamed(name);
    if (type) for (const field of Object.values(type.fields)) addTypesOf(field.shape, waiting);
  }
  return [...found].sort();
}

let typesByKind: Map<string, string> | undefined;

/** The name of the type that a kind has, for kinds of the table. */
export function typeOfKind({ group, version, kind }: GroupVersionKind): string | undefined {
  if (!typesByKind) {
    typesByKind = new Map();
    for (const [name, type] of Object.entries(allTypes()))
      for (const gvk of type.gvk ?? []) typesByKind.set(`${gvk.group}/${gvk.version}/${gvk.kind}`, name);
  }
  return typesByKind.get(`${group}/${version}/${kind}`);
}
