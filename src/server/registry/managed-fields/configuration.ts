/**
 * What somebody applies: an object as it was written, of which only the fields
 * that are there count. It has not been decoded; here it is held against the
 * schema, and its fields are listed. Messages are upstream's.
 */
import { goStringSlice } from '../../../api/validation/go-format.ts';
import { itemShape, type FieldShape, type Scalar, type StructPlan } from './field-plan.ts';
import { inOrder, isLeaf, leaf, withSelf, type FieldSet } from './field-set.ts';
import { itemElement } from './fields-text.ts';
import { elementText } from './path-element.ts';

type Fields = Readonly<Record<string, unknown>>;
type ListShape = FieldShape & { readonly kind: 'list' };

/** The fields of a configuration; undefined where it has none. */
export function fieldsOfConfiguration(object: Fields, plan: StructPlan): FieldSet | undefined {
  const set = fieldsOf(object, { kind: 'struct', atomic: false, plan });
  return set && inOrder(set);
}

function fieldsOf(value: unknown, shape: FieldShape): FieldSet | undefined {
  if (shape.kind === 'scalar' || shape.atomic) return leaf;
  if (value === null) return undefined;
  if (shape.kind === 'list') return fieldsOfList(value as unknown[], shape);
  if (!isRecord(value)) return leaf;
  const node: Record<string, FieldSet> = {};
  for (const [name, child] of Object.entries(value)) {
    const field = shape.kind === 'struct' ? shape.plan.fields.get(name) : undefined;
    const below = fieldsOf(child, field?.shape ?? itemShape(shape));
    const isOwn = field === undefined || child === null || (isRecord(child) && Object.keys(child).length === 0);
    if (isOwn) node[`f:${name}`] = withSelf(below);
    else if (below) node[`f:${name}`] = below;
  }
  return isLeaf(node) ? undefined : node;
}

function fieldsOfList(list: readonly unknown[], shape: ListShape): FieldSet | undefined {
  const node: Record<string, FieldSet> = {};
  for (const item of list) {
    const element = itemElement(item, shape) as string;
    // An item that is there twice counts as one thing.
    node[element] = element in node ? leaf : withSelf(fieldsOf(item, shape.item));
  }
  return isLeaf(node) ? undefined : node;
}

/** What is wrong with a configuration, in upstream's words; undefined where nothing is. */
export function configurationProblem(object: unknown, plan: StructPlan): string | undefined {
  const wrong: string[] = [];
  check(object, { kind: 'struct', atomic: false, plan }, '', wrong);
  if (wrong.length === 0) return undefined;
  return wrong.length === 1 ? wrong[0] : ['errors:', ...wrong.map((line) => `  ${line}`)].join('\n');
}

function check(value: unknown, shape: FieldShape, path: string, wrong: string[]): void {
  if (value === null) return;
  const complain = (message: string) => wrong.push(path === '' ? message : `${path}: ${message}`);
  switch (shape.kind) {
    case 'scalar': {
      const message = scalarProblem(value, shape.scalar);
      if (message !== undefined) complain(message);
      return;
    }
    case 'list':
      if (!Array.isArray(value)) complain(`expected list, got ${printed(value)}`);
      else checkItems(value, shape, path, wrong, complain);
      return;
    case 'free':
      return;
    default:
      if (!isRecord(value)) complain(`expected map, got ${printed(value)}`);
      else checkFields(value, shape, path, wrong);
  }
}

function checkFields(fields: Fields, shape: FieldShape, path: string, wrong: string[]): void {
  for (const [name, value] of Object.entries(fields)) {
    const field = shape.kind === 'struct' ? shape.plan.fields.get(name) : undefined;
    if (field === undefined && shape.kind === 'struct') {
      wrong.push(`${path}.${name}: field not declared in schema`);
      return;
    }
    check(value, field?.shape ?? itemShape(shape), `${path}.${name}`, wrong);
  }
}

function checkItems(list: readonly unknown[], shape: ListShape, path: string, wrong: string[], complain: (message: string) => void): void {
  const seen = new Set<string>();
  for (let index = 0; index < list.length; index++) {
    const item = list[index];
    if (shape.atomic) {
      check(item, shape.item, `${path}[${index}]`, wrong);
      continue;
    }
    const problem = itemProblem(item, shape);
    if (problem !== undefined) return void complain(`element ${index}: ${problem}`);
    const element = itemElement(item, shape) as string;
    if (seen.has(element)) complain(`duplicate entries for key ${elementText(element)}`);
    seen.add(element);
    check(item, shape.item, `${path}${elementText(element)}`, wrong);
  }
}

function itemProblem(item: unknown, shape: ListShape): string | undefined {
  if (shape.keys.length === 0) {
    if (item === null) return "associative list without keys has an element that's an explicit null";
    if (Array.isArray(item)) return 'not supported: associative list with lists as elements';
    return typeof item === 'object' ? "associative list without keys has an element that's a map type" : undefined;
  }
  if (item === null) return 'associative list with keys may not have a null element';
  if (!isRecord(item)) return 'associative list with keys may not have non-map elements';
  if (itemElement(item, shape) !== undefined) return undefined;
  const names = goStringSlice(shape.keys.map(({ name }) => name)).slice('[]string{'.length, -1).replaceAll(', ', ' ');
  return `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`;
}

function scalarProblem(value: unknown, scalar: Scalar): string | undefined {
  switch (scalar) {
    case 'numeric':
      return typeof value === 'number' ? undefined : `expected numeric (int or float), got ${goType(value)}`;
    case 'string':
      return typeof value === 'string' ? undefined : `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `expected boolean, got ${printed(value)}`;
    default:
      return typeof value === 'object' ? `expected any scalar, got ${printed(value)}` : undefined;
  }
}

function goType(value: unknown): string {
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  return Array.isArray(value) ? '[]interface {}' : 'map[string]interface {}';
}

/** As Go's `%v` of a pointer to a value. */
function printed(value: unknown): string {
  return `&{${goValue(value)}}`;
}

/** As Go's `%v`. */
function goValue(value: unknown): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goValue).join(' ')}]`;
  if (!isRecord(value)) return String(value);
  return `map[${sortedEntries(value).map(([name, field]) => `${name}:${goValue(field)}`).join(' ')}]`;
}

/** As Go's `%#v`. */
function goSyntax(value: unknown): string {
  if (value === null) return 'interface {}(nil)';
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`;
  if (!isRecord(value)) return JSON.stringify(value);
  return `map[string]interface {}{${sortedEntries(value).map(([name, field]) => `${JSON.stringify(name)}:${goSyntax(field)}`).join(', ')}}`;
}

function sortedEntries(fields: Fields): [string, unknown][] {
  return Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
}

export function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
