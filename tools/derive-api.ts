/**
 * Turns the facts of the Kubernetes API (schema.json, resources.json of the
 * facts folder given as the first argument) into what the project keeps:
 *
 *   src/api/data/schema.json      every type: fields, shapes, protobuf numbers, merge keys
 *   src/api/data/resources.json   every served resource
 *   src/api/types/*.ts            TypeScript interfaces, one file a group version
 *
 * Run: node tools/derive-api.ts FACTS_DIR
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FieldData, ResourceData, ShapeData, TypeData } from '../src/api/data/format.ts';

interface FactField {
  type?: string;
  format?: string;
  ref?: string;
  items?: FactField;
  values?: FactField;
  default?: unknown;
  enum?: string[];
  mergeKey?: string;
  patchStrategy?: string;
  listType?: string;
  listMapKeys?: string[];
  mapType?: string;
  proto?: [number, string, string];
}
interface FactDefinition {
  type?: string;
  format?: string;
  fields?: Record<string, FactField>;
  required?: string[];
  mapType?: string;
  gvk?: { group: string; version: string; kind: string }[];
  protoMessage?: boolean;
}
type ProtoField = [name: string, number: number, label: string, type: string];

const facts = process.argv[2];
if (!facts) throw new Error('usage: node tools/derive-api.ts FACTS_DIR');
const root = join(import.meta.dirname, '..', 'src', 'api');
const read = (name: string) => JSON.parse(readFileSync(join(facts, name), 'utf8'));
const { definitions, protoMessages } = read('schema.json') as {
  definitions: Record<string, FactDefinition>;
  protoMessages: Record<string, ProtoField[]>;
};

/** Types whose JSON form is not what their fields say. */
const special: Record<string, ShapeData> = {
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': 'time',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': 'microtime',
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'quantity',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'intorstring',
  'io.k8s.apimachinery.pkg.runtime.RawExtension': 'raw',
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': 'fieldsv1',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Patch': 'any',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON': 'json',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray': 'schemaorarray',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool': 'schemaorbool',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray': 'schemaorstrings',
};

function shape(field: FactField): ShapeData {
  if (field.ref) return special[field.ref] ?? { ref: field.ref };
  switch (field.type) {
    case 'array':
      return { list: shape(field.items ?? {}) };
    case 'object':
      return field.values ? { map: shape(field.values) } : 'any';
    case 'integer':
      return field.format === 'int64' ? 'int64' : 'int32';
    case 'number':
      return 'double';
    case 'boolean':
      return 'bool';
    case 'string':
      return field.format === 'byte' ? 'bytes' : 'string';
    default:
      return 'any';
  }
}

const types: Record<string, TypeData> = {};
for (const [name, definition] of Object.entries(definitions)) {
  if (special[name]) continue;
  const fields: Record<string, FieldData> = {};
  for (const [fieldName, field] of Object.entries(definition.fields ?? {})) {
    const data: FieldData = { shape: shape(field) };
    if (field.proto) data.number = field.proto[0];
    if (field.default !== undefined) data.default = field.default;
    if (field.enum) data.enum = field.enum;
    if (field.mergeKey) data.mergeKey = field.mergeKey;
    if (field.patchStrategy) data.patchStrategy = field.patchStrategy;
    if (field.listType) data.listType = field.listType;
    if (field.listMapKeys) data.listMapKeys = field.listMapKeys;
    if (field.mapType) data.mapType = field.mapType;
    fields[fieldName] = data;
  }
  const type: TypeData = { fields };
  if (definition.required) type.required = definition.required;
  if (definition.gvk) type.gvk = definition.gvk;
  if (definition.mapType) type.mapType = definition.mapType;
  types[name] = type;
}
mkdirSync(join(root, 'data'), { recursive: true });
writeFileSync(join(root, 'data', 'schema.json'), JSON.stringify({ types, messages: protoMessages }) + '\n');

const typeOfKind = new Map<string, string>();
for (const [name, definition] of Object.entries(definitions))
  for (const gvk of definition.gvk ?? [])
    if (!typeOfKind.has(`${gvk.group}/${gvk.version}/${gvk.kind}`)) typeOfKind.set(`${gvk.group}/${gvk.version}/${gvk.kind}`, name);

const { aggregated, core_v1: core } = read('resources.json');
const resources: ResourceData[] = [];
for (const entry of core.resources) {
  if (entry.name.includes('/')) continue;
  const subresources = core.resources
    .filter((other: { name: string }) => other.name.startsWith(`${entry.name}/`))
    .map((sub: { name: string; group?: string; version?: string; kind: string; verbs: string[] }) => ({
      name: sub.name.slice(entry.name.length + 1),
      kind: { group: sub.group ?? '', version: sub.version ?? 'v1', kind: sub.kind },
      verbs: sub.verbs,
    }));
  resources.push({
    group: '',
    version: 'v1',
    resource: entry.name,
    singular: entry.singularName,
    kind: entry.kind,
    namespaced: entry.namespaced,
    verbs: entry.verbs,
    shortNames: entry.shortNames ?? [],
    categories: entry.categories ?? [],
    subresources,
    type: typeOfKind.get(`/v1/${entry.kind}`) ?? '',
  });
}
for (const group of aggregated.items)
  for (const version of group.versions)
    for (const entry of version.resources) {
      const kindOf = (kind: { group: string; version: string; kind: string }) => ({
        group: kind.group || group.metadata.name,
        version: kind.version || version.version,
        kind: kind.kind,
      });
      const own = kindOf(entry.responseKind);
      resources.push({
        group: group.metadata.name,
        version: version.version,
        resource: entry.resource,
        singular: entry.singularResource,
        kind: own.kind,
        namespaced: entry.scope === 'Namespaced',
        verbs: entry.verbs,
        shortNames: entry.shortNames ?? [],
        categories: entry.categories ?? [],
        subresources: (entry.subresources ?? []).map(
          (sub: { subresource: string; responseKind: { group: string; version: string; kind: string }; verbs: string[] }) => ({
            name: sub.subresource,
            kind: kindOf(sub.responseKind),
            verbs: sub.verbs,
          }),
        ),
        type: typeOfKind.get(`${own.group}/${own.version}/${own.kind}`) ?? '',
      });
    }
writeFileSync(
  join(root, 'data', 'resources.json'),
  `[\n${resources.map((resource) => JSON.stringify(resource)).join(',\n')}\n]\n`,
);

// ---- TypeScript interfaces

/** `io.k8s.api.core.v1.Pod` -> ['core-v1', 'Pod'] */
function place(name: string): [file: string, type: string] {
  const parts = name.split('.');
  const type = parts.pop() as string;
  if (name.includes('.pkg.version.')) return ['version', type];
  const version = parts.pop() as string;
  const group = parts.pop() as string;
  return [`${group}-${version}`, type];
}

const files = new Map<string, { imports: Map<string, Set<string>>; body: string[] }>();
const leaf: Record<string, string> = {
  time: 'string',
  microtime: 'string',
  quantity: 'string',
  intorstring: 'number | string',
  raw: 'unknown',
  fieldsv1: 'unknown',
  any: 'unknown',
  json: 'unknown',
  string: 'string',
  bytes: 'string',
  int32: 'number',
  int64: 'number',
  double: 'number',
  bool: 'boolean',
  schemaorarray: 'JSONSchemaProps | JSONSchemaProps[]',
  schemaorbool: 'JSONSchemaProps | boolean',
  schemaorstrings: 'JSONSchemaProps | string[]',
};

for (const [name, type] of Object.entries(types)) {
  const [file, typeName] = place(name);
  let target = files.get(file);
  if (!target) files.set(file, (target = { imports: new Map(), body: [] }));
  const render = (data: ShapeData): string => {
    if (typeof data === 'string') return leaf[data] as string;
    if ('list' in data) {
      const inner = render(data.list);
      return inner.includes(' ') ? `(${inner})[]` : `${inner}[]`;
    }
    if ('map' in data) return `Record<string, ${render(data.map)}>`;
    const [refFile, refType] = place(data.ref);
    if (refFile !== file) {
      let names = target.imports.get(refFile);
      if (!names) target.imports.set(refFile, (names = new Set()));
      names.add(refType);
    }
    return refType;
  };
  // A kind that has been admitted has its spec; status may not be there yet.
  const isKind = type.gvk !== undefined && 'metadata' in type.fields;
  const lines = Object.entries(type.fields).map(([fieldName, field]) => {
    const sure = type.required?.includes(fieldName) || (isKind && (fieldName === 'metadata' || fieldName === 'spec'));
    const key = /^[A-Za-z_$][\w$]*$/.test(fieldName) ? fieldName : `'${fieldName}'`;
    const text = render(field.shape);
    return sure ? `  ${key}: ${text};` : `  ${key}?: ${text} | undefined;`;
  });
  target.body.push(lines.length ? `export interface ${typeName} {\n${lines.join('\n')}\n}` : `export type ${typeName} = Record<string, never>;`);
}
rmSync(join(root, 'types'), { recursive: true, force: true });
mkdirSync(join(root, 'types'), { recursive: true });
for (const [file, { imports, body }] of files) {
  const head = ['// Derived by tools/derive-api.ts. Do not edit.'];
  for (const [from, names] of [...imports].sort()) head.push(`import type { ${[...names].sort().join(', ')} } from './${from}.ts';`);
  writeFileSync(join(root, 'types', `${file}.ts`), `${head.join('\n')}\n\n${body.join('\n\n')}\n`);
}
