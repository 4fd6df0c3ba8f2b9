/** The form of schema.json and resources.json, which tools/derive-api.ts writes. */

/** A leaf by name, a reference to a type, a list or a map. */
export type ShapeData =
  | 'string'
  | 'bytes'
  | 'int32'
  | 'int64'
  | 'double'
  | 'bool'
  | 'time'
  | 'microtime'
  | 'quantity'
  | 'intorstring'
  /** runtime.RawExtension: an object of any kind. */
  | 'raw'
  | 'fieldsv1'
  | 'any'
  /** apiextensions JSON and the unions of JSONSchemaProps. */
  | 'json'
  | 'schemaorarray'
  | 'schemaorbool'
  | 'schemaorstrings'
  | { ref: string }
  | { list: ShapeData }
  | { map: ShapeData };

export interface FieldData {
  shape: ShapeData;
  /** Protobuf field number; left out where JSON flattens an embedded message (see `messages`). */
  number?: number;
  default?: unknown;
  enum?: string[];
  mergeKey?: string;
  /** merge, retainKeys or both with a comma. */
  patchStrategy?: string;
  listType?: string;
  listMapKeys?: string[];
  mapType?: string;
}

export interface GroupVersionKind {
  group: string;
  version: string;
  kind: string;
}

export interface TypeData {
  fields: Record<string, FieldData>;
  required?: string[];
  gvk?: GroupVersionKind[];
  mapType?: string;
}

/** [name, number, optional|repeated|required|map, type] */
export type MessageFieldData = [name: string, number: number, label: string, type: string];

export interface SchemaData {
  types: Record<string, TypeData>;
  /** Every protobuf message, by its package-qualified name. */
  messages: Record<string, MessageFieldData[]>;
}

export interface SubresourceData {
  name: string;
  kind: GroupVersionKind;
  verbs: string[];
}

export interface ResourceData {
  group: string;
  version: string;
  resource: string;
  singular: string;
  kind: string;
  namespaced: boolean;
  verbs: string[];
  shortNames: string[];
  categories: string[];
  subresources: SubresourceData[];
  /** The name of its type in schema.json. */
  type: string;
}
