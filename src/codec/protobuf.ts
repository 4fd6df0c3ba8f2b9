/**
 * `application/vnd.kubernetes.protobuf` for every built-in kind. The bytes of
 * an object stand in an envelope (`k8s\0` and runtime.Unknown) that names its
 * kind; inside a list they stand without it, so what is cached per object is
 * the bare message, and envelopes and lists are put around it by copying.
 */
import { badRequest } from '../api/errors.ts';
import { parseGroupVersion } from '../api/object.ts';
import { allMessages } from '../api/schema.ts';
import { readMessage } from './proto-decode.ts';
import { writeMessage } from './proto-encode.ts';
import { messagePlan, type MessagePlan } from './proto-plan.ts';
import { ProtoReader } from './proto-reader.ts';
import { ProtoWriter } from './proto-writer.ts';

interface TypeMeta {
  readonly apiVersion?: string | undefined;
  readonly kind?: string | undefined;
}

const magic = Uint8Array.of(0x6b, 0x38, 0x73, 0x00);
const metaPackage = 'k8s.io.apimachinery.pkg.apis.meta.v1.';
/** Objects in objects in objects: only an attacker nests them. */
const nestingMax = 8;

const nothing: Uint8Array = new Uint8Array();
/** contentEncoding and contentType, always there and always empty. */
const envelopeEnd = Uint8Array.of(0x1a, 0, 0x22, 0);

/** One for all: encoding is synchronous. */
const writer = new ProtoWriter();

/** The message of a kind, or undefined where it has no protobuf form (custom resources). */
export function messageOfKind({ apiVersion = '', kind = '' }: TypeMeta): string | undefined {
  const { group, version } = parseGroupVersion(apiVersion);
  const label = protoGroup(group);
  const own = label === undefined ? undefined : packagesByGroup().get(`${label}.${version}`);
  // Every group version has the kinds of meta/v1 too; of a group that is not ours only the options of requests are.
  const foreign = own === undefined && apiVersion !== '' && !kind.endsWith('Options');
  const places = foreign ? [] : [own ?? metaPackage, metaPackage];
  return places.map((place) => place + kind).find((name) => messagePlan(name) !== undefined);
}

const longGroups: Readonly<Record<string, string>> = {
  '': 'core',
  'rbac.authorization.k8s.io': 'rbac',
  'flowcontrol.apiserver.k8s.io': 'flowcontrol',
  'internal.apiserver.k8s.io': 'apiserverinternal',
};

/** `apps` -> `apps`, `storage.k8s.io` -> `storage`: the folder of its Go package; undefined for what is surely not built in. */
function protoGroup(group: string): string | undefined {
  return Object.hasOwn(longGroups, group) ? longGroups[group] : /^([a-z]+)(\.k8s\.io)?$/.exec(group)?.[1];
}

let packages: Map<string, string> | undefined;
/** `core.v1` -> `k8s.io.api.core.v1.` */
function packagesByGroup(): Map<string, string> {
  if (packages) return packages;
  packages = new Map();
  for (const name of Object.keys(allMessages())) {
    const place = name.slice(0, name.lastIndexOf('.') + 1);
    packages.set(place.split('.').slice(-3, -1).join('.'), place);
  }
  return packages;
}

function planOf(type: TypeMeta): MessagePlan {
  const name = messageOfKind(type);
  const plan = name === undefined ? undefined : messagePlan(name);
  if (!plan) throw badRequest(`no kind "${type.kind ?? ''}" is registered for version "${type.apiVersion ?? ''}" in protobuf`);
  return plan;
}

/** The bare message: what to cache per object, and what lists are made of. */
export function encodeMessage(object: TypeMeta | object): Uint8Array {
  const plan = planOf(object);
  return written(() => writeMessage(writer, plan, object as Record<string, unknown>));
}

/** In its envelope: the body of an answer. */
export function encodeProtobuf(object: TypeMeta | object): Uint8Array {
  const plan = planOf(object);
  return inEnvelope(object, () => writeMessage(writer, plan, object as Record<string, unknown>));
}

/** An envelope around a message from `encodeMessage`. */
export function envelope(type: TypeMeta, message: Uint8Array): Uint8Array {
  return inEnvelope(type, () => writer.bytes(message));
}

function inEnvelope(type: TypeMeta, write: () => void): Uint8Array {
  return written(() => {
    writer.bytes(envelopeEnd);
    const mark = writer.size;
    write();
    writer.delimit(mark, 0x12);
    writeTypeMeta(type);
  });
}

/**
 * An enveloped list as chunks that share the items' bytes: nothing is copied
 * but what goes between them. `items` are messages from `encodeMessage`.
 */
export function encodeList(type: TypeMeta, metadata: object, items: readonly Uint8Array[]): Uint8Array[] {
  const plan = messagePlan(`${metaPackage}ListMeta`) as MessagePlan;
  const listMeta = written(() => {
    writeMessage(writer, plan, metadata as Record<string, unknown>);
    writer.delimit(0, 0x0a);
  });
  const chunks: Uint8Array[] = [nothing];
  let size = listMeta.length;
  for (const item of items) {
    const prefix = itemPrefix(item.length);
    chunks.push(prefix, item);
    size += prefix.length + item.length;
  }
  chunks[0] = written(() => {
    writer.bytes(listMeta);
    writer.uint32(size);
    writer.uint32(0x12);
    writeTypeMeta(type);
  });
  chunks.push(envelopeEnd);
  return chunks;
}

/** What stands before an item of a list: tag 2 and its length. */
function itemPrefix(length: number): Uint8Array {
  const bytes = [0x12];
  for (; length > 0x7f; length >>>= 7) bytes.push((length & 0x7f) | 0x80);
  bytes.push(length);
  return Uint8Array.from(bytes);
}

/**
 * One event of a watch as a frame: its length in four bytes, big-endian, then a
 * bare meta.v1.WatchEvent. `object` is enveloped, and can be shared by all watchers.
 */
export function encodeWatchFrame(type: string, object: Uint8Array): Uint8Array {
  return written(() => {
    writer.bytes(object);
    writer.delimit(0, 0x0a);
    writer.delimit(0, 0x12);
    const mark = writer.size;
    writer.string(type);
    writer.delimit(mark, 0x0a);
    const { size } = writer;
    writer.bytes(Uint8Array.of(size >>> 24, size >>> 16, size >>> 8, size));
  });
}

/** Enveloped bytes to the object that its JSON would parse to. Throws ApiError 400 for anything else. */
export function decodeProtobuf(bytes: Uint8Array): Record<string, unknown> {
  return decodeEnveloped(bytes, 0);
}

function decodeEnveloped(bytes: Uint8Array, nesting: number): Record<string, unknown> {
  if (nesting > nestingMax) throw badRequest('proto: exceeded max depth');
  const { type, raw } = openEnvelope(bytes);
  const target = { kind: type.kind, apiVersion: type.apiVersion };
  return readMessage(new ProtoReader(raw), planOf(type), (inner) => decodeEnveloped(inner, nesting + 1), 0, target);
}

/** What kind it is, and its message: a view. */
function openEnvelope(bytes: Uint8Array): { type: { apiVersion: string; kind: string }; raw: Uint8Array } {
  if (bytes.length < magic.length || magic.some((byte, index) => bytes[index] !== byte))
    throw badRequest('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  const reader = new ProtoReader(bytes.subarray(magic.length));
  const type = { apiVersion: '', kind: '' };
  let raw = nothing;
  while (!reader.done) {
    const tag = reader.uint32();
    if (tag === 0x0a) {
      const outer = reader.enter();
      while (!reader.done) {
        const inner = reader.uint32();
        if (inner === 0x0a) type.apiVersion = reader.string();
        else if (inner === 0x12) type.kind = reader.string();
        else reader.skip(inner);
      }
      reader.leave(outer);
    } else if (tag === 0x12) raw = reader.bytes();
    else reader.skip(tag);
  }
  return { type, raw };
}

function written(write: () => void): Uint8Array {
  try {
    write();
  } catch (error) {
    writer.reset();
    throw error;
  }
  return writer.take();
}

function writeTypeMeta({ apiVersion = '', kind = '' }: TypeMeta): void {
  const mark = writer.size;
  writer.string(kind);
  writer.delimit(mark, 0x12);
  const versionMark = writer.size;
  writer.string(apiVersion);
  writer.delimit(versionMark, 0x0a);
  writer.delimit(mark, 0x0a);
  writer.bytes(magic);
}
