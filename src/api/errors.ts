/**
 * The one catalogue of what the API answers when it does not do what was asked:
 * metav1.Status with upstream's codes, reasons and wording.
 */
import type { Status, StatusDetails } from './types/meta-v1.ts';

/** What a Status says about; `name` may be empty. */
export interface StatusSubject {
  readonly group: string;
  /** The resource, plural and lower case, or for Invalid the kind. */
  readonly kind: string;
  readonly name: string;
}

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: Status & { code: number };
  constructor(status: Status & { code: number }) {
    super(status.message ?? status.reason ?? 'error');
    this.status = status;
  }
  get code(): number {
    return this.status.code;
  }
  get reason(): string {
    return this.status.reason ?? '';
  }
}

export function apiError(code: number, reason: string, message: string, details?: StatusDetails): ApiError {
  const status: Status & { code: number } = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    code,
  };
  // Go's plain errors have none.
  if (reason !== '') status.reason = reason;
  if (details) status.details = details;
  return new ApiError(status);
}

/** `deployments.apps "web"`, or `pods "web"` for the core group. */
function subjectText({ group, kind, name }: StatusSubject): string {
  return `${group === '' ? kind : `${kind}.${group}`} "${name}"`;
}

function subjectDetails({ group, kind, name }: StatusSubject, more: Partial<StatusDetails> = {}): StatusDetails {
  const details: StatusDetails = { ...more };
  if (name !== '') details.name = name;
  if (group !== '') details.group = group;
  if (kind !== '') details.kind = kind;
  return details;
}

export function notFound(subject: StatusSubject): ApiError {
  return apiError(404, 'NotFound', `${subjectText(subject)} not found`, subjectDetails(subject));
}

export function alreadyExists(subject: StatusSubject): ApiError {
  return apiError(409, 'AlreadyExists', `${subjectText(subject)} already exists`, subjectDetails(subject));
}

export function conflict(subject: StatusSubject, why: string): ApiError {
  return apiError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${subjectText(subject)}: ${why}`,
    subjectDetails(subject),
  );
}

export const staleObject = 'the object has been modified; please apply your changes to the latest version and try again';

export function forbidden(subject: StatusSubject, why: string): ApiError {
  const about = subject.name === '' && subject.kind === '' ? '' : subject.name === '' ? `${subject.group === '' ? subject.kind : `${subject.kind}.${subject.group}`} ` : `${subjectText(subject)} `;
  return apiError(403, 'Forbidden', about === '' ? `forbidden: ${why}` : `${about}is forbidden: ${why}`, subjectDetails(subject));
}

export function unauthorized(message = 'Unauthorized'): ApiError {
  return apiError(401, 'Unauthorized', message);
}

export function badRequest(message: string): ApiError {
  return apiError(400, 'BadRequest', message);
}

/** A path that leads nowhere, below an API group version. */
export function pathNotFound(): ApiError {
  return apiError(404, 'NotFound', 'the server could not find the requested resource', {});
}

/** A path that is there, but not for this method. */
export function methodNotAllowed(): ApiError {
  return apiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}

export function requestEntityTooLarge(message: string): ApiError {
  return apiError(413, 'RequestEntityTooLarge', `Request entity too large: ${message}`);
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  return apiError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  );
}

/** The routes know what they read: a PATCH of another type gets no further. */
export function unsupportedRequestType(): ApiError {
  return apiError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
}

export function notAcceptable(accepted: readonly string[]): ApiError {
  return apiError(
    406,
    'NotAcceptable',
    `only the following media types are accepted: ${accepted.join(', ')}`,
  );
}

export function internalError(why: string): ApiError {
  return apiError(500, 'InternalError', `Internal error occurred: ${why}`, { causes: [{ message: why }] });
}

export function serviceUnavailable(why: string): ApiError {
  return apiError(503, 'ServiceUnavailable', why);
}

export function tooManyRequests(message: string, retryAfterSeconds: number): ApiError {
  return apiError(429, 'TooManyRequests', message, { retryAfterSeconds });
}

export function timeout(message: string, retryAfterSeconds = 0): ApiError {
  return apiError(504, 'Timeout', `Timeout: ${message}`, retryAfterSeconds ? { retryAfterSeconds } : undefined);
}

export function tooLargeResourceVersion(asked: number, current: number): ApiError {
  return apiError(504, 'Timeout', `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

/** 410 Expired: the asked revision has been compacted. */
export function resourceExpired(message: string): ApiError {
  return apiError(410, 'Expired', message);
}

export function gone(message: string): ApiError {
  return apiError(410, 'Gone', message);
}

/** One thing that is wrong with a field. `field` is a path as upstream writes it: `spec.containers[0].name`. */
export interface FieldError {
  readonly reason:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueDuplicate'
    | 'FieldValueNotFound'
    | 'FieldValueNotSupported'
    | 'FieldValueForbidden'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueTypeInvalid'
    | 'InternalError';
  readonly field: string;
  /** Without the path, e.g. `Invalid value: "A": must be lower case`. */
  readonly message: string;
}

/** 422 with every field error as a cause. `kind` is the kind, e.g. `Pod`. */
export function invalid(group: string, kind: string, name: string, errors: readonly FieldError[]): ApiError {
  const lines = [...new Set(errors.map((error) => `${error.field}: ${error.message}`))];
  const text = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  const title = group === '' ? kind : `${kind}.${group}`;
  return apiError(422, 'Invalid', `${title} "${name}" is invalid: ${text}`, {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    ...(kind === '' ? {} : { kind }),
    causes: errors.map((error) => ({ reason: error.reason, message: error.message, field: error.field })),
  });
}
