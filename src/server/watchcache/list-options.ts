/** The options of list and watch requests, and which combinations are refused: in upstream's words. */
import { apiError, badRequest, invalid, type ApiError, type FieldError } from '../../api/errors.ts';
import type { Revision } from '../../storage/contract.ts';
import type { FrameEncoding, WatchSink } from './contract.ts';
import type { SelectionRequest } from './selection.ts';

export interface ReadOptions {
  /** As sent: '' (most recent), '0' (any) or a number. */
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: string | undefined;
  readonly sendInitialEvents?: boolean | undefined;
  readonly continue?: string | undefined;
}

export interface ListRequest extends ReadOptions, SelectionRequest {
  readonly limit?: number | undefined;
}

export interface WatchRequest extends ReadOptions, SelectionRequest {
  readonly allowWatchBookmarks?: boolean | undefined;
  /** Left out: JSON lines in the storage version. */
  readonly encoding?: FrameEncoding | undefined;
  readonly sink: WatchSink;
}

/** Throws ApiError 422 for combinations that make no sense. */
export function validateReadOptions(options: ReadOptions, watch: boolean): void {
  const errors = watch ? watchErrors(options) : listErrors(options);
  if (errors.length > 0) throw invalid('meta.k8s.io', 'ListOptions', '', errors);
}

const matchField = 'resourceVersionMatch';
const forbidden = (field: string, why: string): FieldError => ({
  reason: 'FieldValueForbidden',
  field,
  message: `Forbidden: ${why}`,
});
const unsupported = (value: string, supported: readonly string[]): FieldError => ({
  reason: 'FieldValueNotSupported',
  field: matchField,
  message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported.map((text) => JSON.stringify(text)).join(', ')}`,
});

function listErrors(options: ReadOptions): FieldError[] {
  const errors: FieldError[] = [];
  const match = options.resourceVersionMatch ?? '';
  const version = options.resourceVersion ?? '';
  if (match !== '') {
    if (version === '')
      errors.push(
        forbidden(matchField, 'resourceVersionMatch is forbidden unless resourceVersion is provided'),
      );
    if (options.continue)
      errors.push(forbidden(matchField, 'resourceVersionMatch is forbidden when continue is provided'));
    if (match !== 'Exact' && match !== 'NotOlderThan')
      errors.push(unsupported(match, ['Exact', 'NotOlderThan', '']));
    if (match === 'Exact' && version === '0') {
      errors.push(forbidden(matchField, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
    }
  }
  if (options.sendInitialEvents !== undefined) {
    errors.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  }
  return errors;
}

function watchErrors(options: ReadOptions): FieldError[] {
  const errors: FieldError[] = [];
  const match = options.resourceVersionMatch ?? '';
  if (options.sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    errors.push(
      forbidden(matchField, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'),
    );
  }
  if (match !== '') {
    if (options.sendInitialEvents === undefined) {
      errors.push(
        forbidden(
          matchField,
          'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
        ),
      );
    }
    if (match !== 'NotOlderThan') errors.push(unsupported(match, ['NotOlderThan']));
    if (options.continue)
      errors.push(forbidden(matchField, 'resourceVersionMatch is forbidden when continue is provided'));
  }
  return errors;
}

/** The number of a resourceVersion; 0 for '' and '0'. Throws ApiError for anything but a number: as upstream, 400 for lists and 500 for the rest. */
export function parseResourceVersion(text: string, verb: 'get' | 'list' | 'watch'): Revision {
  if (text === '' || text === '0') return 0;
  if (!/^\d+$/.test(text)) throw invalidVersion(text, 'invalid syntax', verb);
  const revision = Number(text);
  if (Number.isSafeInteger(revision)) return revision;
  if (BigInt(text) > 0xffff_ffff_ffff_ffffn) throw invalidVersion(text, 'value out of range', verb);
  return Number.MAX_SAFE_INTEGER;
}

function invalidVersion(text: string, why: string, verb: string): ApiError {
  const quoted = JSON.stringify(text);
  const message = `resourceVersion: Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: ${why}`;
  return verb === 'list' ? badRequest(`invalid resource version: ${message}`) : apiError(500, '', message);
}
