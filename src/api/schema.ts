/**
 * The one table of what every type of the API looks like. Decoding, defaulting,
 * structural validation, protobuf, patches and OpenAPI all read it; none of
 * them has a list of its own.
 */
import schemaData from './data/schema.json' with { type: 'json' };
import type { FieldData, MessageFieldData, SchemaData, ShapeData, TypeData } from './data/format.ts';
import { metricsTypes } from './metrics-api.ts';

export type { FieldData, MessageFieldData, ShapeData, TypeData, GroupVersionKind } from './data/format.ts';

const data = schemaData as unknown as SchemaData;
Object.assign(data.types, metricsTypes);

/** The type of that name (`io.k8s.api.core.v1.Pod`), or undefined. */
export function typeNamed(name: string): TypeData | undefined {
  return data.types[name];
}

export function allTypes(): Readonly<Record<string, TypeData>> {
  return data.types;
}

/** The fields of a protobuf message by its package-qualified name (`k8s.io.api.core.v1.Pod`). */
export function messageNamed(name: string): readonly MessageFieldData[] | undefined {
  return data.messages[name];
}

export function allMessages(): Readonly<Record<string, MessageFieldData[]>> {
  return data.messages;
}

/** The field of a type, or undefined for one it does not have. */
export function fieldOf(type: TypeData, name: string): FieldData | undefined {
  return Object.hasOwn(type.fields, name) ? type.fields[name] : undefined;
}

export function isRef(shape: ShapeData): shape is { ref: string } {
  return typeof shape === 'object' && 'ref' in shape;
}
export function isList(shape: ShapeData): shape is { list: ShapeData } {
  return typeof shape === 'object' && 'list' in shape;
}
export function isMap(shape: ShapeData): shape is { map: ShapeData } {
  return typeof shape === 'object' && 'map' in shape;
}
