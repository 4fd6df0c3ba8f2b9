/**
 * What kind of object a body says it is, and how it is refused where it says
 * nothing that can be understood or not what the path asks for. The texts are
 * Go's, of a decoder that reads kind and version first and the rest afterwards.
 */
import * as errors from '../../api/errors.ts';
import { formatGroupVersion, parseGroupVersion, type KubeObject } from '../../api/object.ts';
import type { GroupVersionKind } from '../../api/schema.ts';
import { messageOfKind } from '../../codec/protobuf.ts';

/** So much of a body is shown to who sent it. */
const shownBytesMax = 30;
const typeMetaInGo = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
const scheme = 'in scheme "pkg/api/legacyscheme/scheme.go:30"';
const optionsScheme = 'in scheme "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"';

/** Not even its kind could be read. */
export function unrecognized(expected: GroupVersionKind, why: string, bytes: Uint8Array): errors.ApiError {
  return errors.badRequest(
    isOptions(expected) ? why : `the object provided is unrecognized (must be of type ${expected.kind}): ${why} (${shown(bytes)})`,
  );
}

/** Its kind is known, and it does not fit. */
export function cannotBeHandled(found: GroupVersionKind, expected: GroupVersionKind, why: string): errors.ApiError {
  return errors.badRequest(isOptions(expected) ? why : `${found.kind} in version "${found.version}" cannot be handled as a ${expected.kind}: ${why}`);
}

/** Fills in a missing kind and version from the path, and refuses ones that do not fit it. */
export function identify(value: unknown, expected: GroupVersionKind, bytes: Uint8Array): KubeObject {
  const object = (value ?? {}) as KubeObject;
  const wrong = typeMetaProblem(object);
  if (wrong !== undefined) throw unrecognized(expected, wrong, bytes);
  const apiVersion = formatGroupVersion(expected);
  object.apiVersion ||= apiVersion;
  object.kind ||= expected.kind;
  if (object.apiVersion === apiVersion && object.kind === expected.kind) return object;
  const found = { ...parseGroupVersion(object.apiVersion), kind: object.kind };
  const why = mismatch(found, expected);
  if (why !== undefined) throw cannotBeHandled(found, expected, why);
  throw errors.badRequest(`the API version in the data (${object.apiVersion}) does not match the expected API version (${apiVersion})`);
}

/** Why kind and version of a parsed value cannot be read; undefined where they can. */
export function typeMetaProblem(value: unknown): string | undefined {
  const unreadable = (type: string, into: string) => `couldn't get version/kind; json parse error: json: cannot unmarshal ${type} into Go ${into}`;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return unreadable(jsonTypeOf(value), `value of type ${typeMetaInGo}`);
  const fields = value as Record<string, unknown>;
  for (const name of ['apiVersion', 'kind'])
    if (fields[name] != null && typeof fields[name] !== 'string') return unreadable(jsonTypeOf(fields[name]), `struct field .${name} of type string`);
  const apiVersion = (fields['apiVersion'] as string | undefined) ?? '';
  return apiVersion.split('/').length > 2 ? `unexpected GroupVersion string: ${apiVersion}` : undefined;
}

/** Why an object of one kind is not one of another; undefined where only the versions of a group differ. */
export function mismatch(found: GroupVersionKind, expected: GroupVersionKind): string | undefined {
  const apiVersion = formatGroupVersion(found);
  if (isOptions(expected) || messageOfKind({ apiVersion, kind: found.kind }) === undefined)
    return `no kind "${found.kind}" is registered for version "${apiVersion}" ${isOptions(expected) ? optionsScheme : scheme}`;
  if (found.group === expected.group && found.kind === expected.kind) return undefined;
  return `converting (${found.version}.${found.kind}) to (${packageOf(expected.group)}.${expected.kind}): unknown conversion`;
}

export function jsonTypeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** The options of deletions are read by other means than objects are. */
function isOptions({ kind }: GroupVersionKind): boolean {
  return kind === 'DeleteOptions';
}

/** `rbac.authorization.k8s.io` -> `rbac`: where Go keeps the version that others are converted to. */
function packageOf(group: string): string {
  if (group === '') return 'core';
  return group === 'internal.apiserver.k8s.io' ? 'apiserverinternal' : (group.split('.')[0] as string);
}

function shown(bytes: Uint8Array): string {
  if (bytes.length === 0) return '<empty>';
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, shownBytesMax));
  return head.toString(bytes[0] === 0x7b ? 'utf8' : 'hex') + (bytes.length > shownBytesMax ? ' ...' : '');
}
