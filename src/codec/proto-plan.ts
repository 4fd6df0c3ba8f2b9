/**
 * How each message is written and read, compiled once on first use from the
 * wire facts: one plan a message, one field plan a field.
 */
import { wireMessage, type WireField } from './wire.ts';

/** What stands in a field (or in an item of a list, or the value of a map). */
export type Code =
  | 'string'
  | 'bool'
  | 'int32'
  | 'int64'
  | 'double'
  | 'bytes'
  | 'message'
  | 'quantity'
  | 'time'
  | 'microtime'
  | 'intorstring'
  /** A message of one field, bytes that are JSON: RawExtension, FieldsV1, apiextensions JSON. */
  | 'json'
  /** A message of one repeated string, a list in JSON: ExtraValue, Verbs. */
  | 'items'
  | 'schemaorarray'
  | 'schemaorbool'
  | 'schemaorstrings';

export interface FieldPlan {
  readonly name: string;
  readonly number: number;
  readonly tag: number;
  readonly code: Code;
  /** For code `message` and the schema unions. */
  readonly message: () => MessagePlan;
  readonly form: 'single' | 'list' | 'map' | 'embedded';
  readonly pointer: boolean;
  /** Position in MessagePlan.fields. */
  readonly index: number;
  /** JSON leaves it out when empty. */
  readonly dropEmpty: boolean;
  /** JSON has it even when the message has not: as this. */
  readonly zero: '' | 0 | false | '0' | 'list' | 'map' | 'message' | undefined;
}

export interface MessagePlan {
  readonly name: string;
  /** By number, as they stand in the message. */
  readonly fields: readonly FieldPlan[];
  /** As they stand in JSON. */
  readonly inOrder: readonly FieldPlan[];
  readonly byNumber: readonly (FieldPlan | undefined)[];
}

const meta = 'k8s.io.apimachinery.pkg.';
const codes: Readonly<Record<string, Code>> = {
  string: 'string',
  bool: 'bool',
  int32: 'int32',
  int64: 'int64',
  double: 'double',
  bytes: 'bytes',
  [`${meta}api.resource.Quantity`]: 'quantity',
  [`${meta}apis.meta.v1.Time`]: 'time',
  [`${meta}apis.meta.v1.MicroTime`]: 'microtime',
  [`${meta}util.intstr.IntOrString`]: 'intorstring',
  [`${meta}runtime.RawExtension`]: 'json',
  [`${meta}apis.meta.v1.FieldsV1`]: 'json',
  [`${meta}apis.meta.v1.Verbs`]: 'items',
};

function codeOf(type: string): Code {
  const known = codes[type];
  if (known) return known;
  const name = type.slice(type.lastIndexOf('.') + 1);
  if (name === 'ExtraValue') return 'items';
  if (!type.includes('.apiextensions.')) return 'message';
  const own: Readonly<Record<string, Code>> = {
    JSON: 'json',
    JSONSchemaPropsOrArray: 'schemaorarray',
    JSONSchemaPropsOrBool: 'schemaorbool',
    JSONSchemaPropsOrStringArray: 'schemaorstrings',
  };
  return own[name] ?? 'message';
}

const plans = new Map<string, MessagePlan | undefined>();

/** Undefined where there is no such message. */
export function messagePlan(name: string): MessagePlan | undefined {
  if (!plans.has(name)) plans.set(name, compile(name));
  return plans.get(name);
}

function compile(name: string): MessagePlan | undefined {
  const wire = wireMessage(name);
  if (!wire) return undefined;
  const fields = [...wire].sort((a, b) => a.number - b.number).map(fieldPlan);
  const byNumber: (FieldPlan | undefined)[] = [];
  for (const field of fields) byNumber[field.number] = field;
  const inOrder = wire.map((field) => byNumber[field.number] as FieldPlan);
  return { name, fields, inOrder, byNumber: Array.from(byNumber) };
}

const wireTypes: Partial<Record<Code, number>> = { bool: 0, int32: 0, int64: 0, double: 1 };

function fieldPlan(wire: WireField, index: number): FieldPlan {
  const map = /^map<string,(.+)>$/.exec(wire.type);
  const type = map?.[1] ?? wire.type;
  const code = codeOf(type);
  const form = wire.embedded ? 'embedded' : map ? 'map' : wire.label === 'repeated' ? 'list' : 'single';
  let plan: MessagePlan | undefined;
  const target = code.startsWith('schema') ? `${type.slice(0, type.lastIndexOf('.') + 1)}JSONSchemaProps` : type;
  return {
    name: wire.name,
    number: wire.number,
    tag: (wire.number << 3) | (form === 'map' ? 2 : (wireTypes[code] ?? 2)),
    code,
    message: () => (plan ??= messagePlan(target) as MessagePlan),
    form,
    pointer: wire.pointer,
    index,
    dropEmpty: !wire.pointer && !wire.always && (form === 'list' || form === 'map' || isScalar(code)),
    zero: zeroOf(wire, form, code),
  };
}

function isScalar(code: Code): boolean {
  return code === 'string' || code === 'bool' || code === 'int32' || code === 'int64' || code === 'double' || code === 'bytes';
}

function zeroOf(wire: WireField, form: FieldPlan['form'], code: Code): FieldPlan['zero'] {
  if (wire.pointer || wire.omitZero || form === 'embedded') return undefined;
  if (form === 'list' || form === 'map') return wire.always ? form : undefined;
  if (code === 'message') return 'message';
  if (code === 'quantity') return '0';
  if (!wire.always) return undefined;
  switch (code) {
    case 'string':
    case 'bytes':
      return '';
    case 'bool':
      return false;
    case 'items':
      return 'list';
    case 'int32':
    case 'int64':
    case 'double':
    case 'intorstring':
      return 0;
    default:
      return undefined;
  }
}
