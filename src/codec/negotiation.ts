/**
 * Which encoding a body is in (Content-Type) and which one the client wants
 * (Accept), with the parameters Kubernetes puts there: `as=Table;v=v1;g=meta.k8s.io`,
 * `stream=watch`. CBOR is not offered.
 */
import { notAcceptable, unsupportedMediaType } from '../api/errors.ts';
import type { GroupVersionKind } from '../api/schema.ts';

export type MediaType = 'application/json' | 'application/yaml' | 'application/vnd.kubernetes.protobuf';

/** In the order upstream prefers and names them. */
export const mediaTypes: readonly MediaType[] = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

export interface Negotiated {
  readonly mediaType: MediaType;
  /** Another form of the answer: Table, PartialObjectMetadata(List), APIGroupDiscoveryList. */
  readonly as: GroupVersionKind | undefined;
  /** `stream=watch` was asked. */
  readonly stream: boolean;
  readonly pretty: boolean;
}

export interface NegotiationOptions {
  readonly accept: string | undefined;
  readonly userAgent?: string | undefined;
  /** The query parameter `pretty`. */
  readonly pretty?: string | null | undefined;
  /** Whether the endpoint has its answer in this form too; by default it has none but its own. */
  readonly offers?: (form: GroupVersionKind) => boolean;
  /** By default all. */
  readonly encodings?: readonly MediaType[];
}

interface MediaRange {
  readonly type: string;
  readonly subtype: string;
  readonly quality: number;
  readonly parameters: ReadonlyMap<string, string>;
}

/** More ranges than any client sends; the rest is not read. */
const rangesMax = 64;

/** The encoding of a request body; none given is JSON. Throws 415. */
export function bodyMediaType(contentType: string | undefined): MediaType {
  if (contentType === undefined || contentType === '') return 'application/json';
  const type = essence(contentType);
  const known = mediaTypes.find((candidate) => candidate === type);
  if (!known) throw unsupportedMediaType(mediaTypes);
  return known;
}

/** `Application/JSON; charset=utf-8` -> `application/json`. */
export function essence(contentType: string): string {
  const end = contentType.indexOf(';');
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}

/** The best of what the client accepts that can be given. Throws 406. */
export function negotiate(options: NegotiationOptions): Negotiated {
  const encodings = options.encodings ?? mediaTypes;
  const pretty = wantsPretty(options.pretty, options.userAgent);
  const { accept } = options;
  if (accept === undefined || accept === '') return { mediaType: encodings[0] ?? 'application/json', as: undefined, stream: false, pretty };
  if (accept === 'application/json') return { mediaType: accept, as: undefined, stream: false, pretty };
  for (const range of rangesOf(accept)) {
    for (const mediaType of encodings) {
      if (!covers(range, mediaType)) continue;
      const found = formOf(range, mediaType, options.offers, pretty);
      if (found) return found;
    }
  }
  throw notAcceptable(encodings);
}

/** The Content-Type of a watch answered in that encoding. */
export function watchContentType(mediaType: MediaType): string {
  return mediaType === 'application/json' ? mediaType : `${mediaType};stream=watch`;
}

function formOf(range: MediaRange, mediaType: MediaType, offers: NegotiationOptions['offers'], pretty: boolean): Negotiated | undefined {
  const { parameters } = range;
  const kind = parameters.get('as') ?? '';
  const stream = parameters.get('stream') ?? '';
  if (stream !== '' && stream !== 'watch') return undefined;
  const asked = kind === '' ? undefined : { group: parameters.get('g') ?? '', version: parameters.get('v') ?? '', kind };
  if (asked && !offers?.(asked)) return undefined;
  return { mediaType, as: asked, stream: stream === 'watch', pretty: pretty || parameters.get('pretty') === '1' };
}

function covers(range: MediaRange, mediaType: MediaType): boolean {
  if (range.type === '*' && range.subtype === '*') return true;
  const slash = mediaType.indexOf('/');
  return range.type === mediaType.slice(0, slash) && (range.subtype === '*' || range.subtype === mediaType.slice(slash + 1));
}

/** Best first; ranges of the same quality in the order given, the specific before the general. */
function rangesOf(accept: string): MediaRange[] {
  const ranges: MediaRange[] = [];
  for (const part of accept.split(',', rangesMax)) {
    const [full = '', ...given] = part.split(';');
    const [type = '', subtype = '', ...more] = full.trim().toLowerCase().split('/');
    if (type === '*' && subtype === '' && more.length === 0) ranges.push({ type, subtype: '*', quality: 1, parameters: new Map() });
    if (type === '' || subtype === '' || more.length > 0) continue;
    const parameters = new Map<string, string>();
    for (const parameter of given) {
      const equals = parameter.indexOf('=');
      if (equals > 0) parameters.set(parameter.slice(0, equals).trim(), parameter.slice(equals + 1).trim());
    }
    const quality = Number(parameters.get('q') ?? 1);
    ranges.push({ type, subtype, quality: quality >= 0 && quality <= 1 ? quality : 1, parameters });
  }
  const generality = (range: MediaRange) => (range.type === '*' ? 2 : range.subtype === '*' ? 1 : 0);
  return ranges.sort((a, b) => b.quality - a.quality || generality(a) - generality(b));
}

/** Browsers and command line tools get it by themselves. */
function wantsPretty(asked: string | null | undefined, userAgent: string | undefined): boolean {
  if (asked) return ['1', 't', 'T', 'TRUE', 'true', 'True'].includes(asked);
  return userAgent !== undefined && /^(curl|Wget|Mozilla\/5\.0)/.test(userAgent);
}
