/**
 * Every message as it stands on the wire: protobuf facts joined with the order
 * and emptiness rules of upstream's structs (data/wire.json).
 */
import wireData from '../api/data/wire.json' with { type: 'json' };
import { messageNamed } from '../api/schema.ts';

export interface WireField {
  /** In JSON. */
  readonly name: string;
  readonly number: number;
  readonly label: 'optional' | 'required' | 'repeated' | 'map';
  /** A protobuf scalar, `map<K,V>`, or a message name (package-qualified). */
  readonly type: string;
  /** Can be absent, which is not the same as empty. */
  readonly pointer: boolean;
  /** In JSON even when empty. */
  readonly always: boolean;
  /** Left out of JSON when zero, even where it is a struct. */
  readonly omitZero: boolean;
  /** A message whose fields stand in this one's place in JSON. */
  readonly embedded: boolean;
}

const flagsOf = wireData as Readonly<Record<string, readonly string[]>>;
const messages = new Map<string, readonly WireField[] | undefined>();

/** The message of a type: `io.k8s.api.core.v1.Pod` -> `k8s.io.api.core.v1.Pod`. */
export function messageOfType(typeName: string): string {
  return typeName.replace(/^io\.k8s\./, 'k8s.io.').replaceAll('-', '_');
}

/** The fields in the order JSON has them, or undefined where there is no such message. */
export function wireMessage(name: string): readonly WireField[] | undefined {
  if (!messages.has(name)) messages.set(name, readMessage(name));
  return messages.get(name);
}

function readMessage(name: string): readonly WireField[] | undefined {
  const message = messageNamed(name);
  if (!message) return undefined;
  const flags = flagsOf[name];
  const ownPackage = name.slice(0, name.lastIndexOf('.') + 1);
  const fields = message.map(([protoName, number, label, type]): WireField & { order: number } => {
    const order = flags?.findIndex((entry) => Number.parseInt(entry.slice(entry.indexOf(' ') + 1), 10) === number) ?? number;
    const [jsonName = protoName, facts = ''] = (flags?.[order] ?? '').split(' ');
    return {
      name: jsonName === '' || jsonName === '-' ? protoName : jsonName,
      number,
      label: label as WireField['label'],
      type: qualified(type, ownPackage),
      pointer: facts.includes('*'),
      always: facts.includes('!'),
      omitZero: facts.includes('-'),
      embedded: facts.includes('~'),
      order,
    };
  });
  return fields.sort((a, b) => a.order - b.order);
}

/** `.a.b.C` is absolute, a capital name is in the same package, what is left is a scalar. */
function qualified(type: string, ownPackage: string): string {
  const map = /^map<([^,]+), ?(.+)>$/.exec(type);
  if (map) return `map<${map[1]},${qualified(map[2] ?? '', ownPackage)}>`;
  if (type.startsWith('.')) return type.slice(1);
  return /^[A-Z]/.test(type) ? ownPackage + type : type;
}

export interface FlattenedField extends WireField {
  /** The embedded structs it stands in, as Go's messages name them: `VolumeSource.` */
  readonly goPrefix: string;
}

/** The fields of a message with embedded messages opened, in JSON's order. */
export function flattened(name: string, goPrefix = ''): FlattenedField[] {
  return (wireMessage(name) ?? []).flatMap((field) =>
    field.embedded ? flattened(field.type, `${goPrefix}${field.type.slice(field.type.lastIndexOf('.') + 1)}.`) : [{ ...field, goPrefix }],
  );
}
