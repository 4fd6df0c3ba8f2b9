/** Reads answers: JSON bodies, and the errors in them. */
import { ApiError, apiError } from '../api/errors.ts';
import type { Status } from '../api/types/meta-v1.ts';

export function parseBody(body: Uint8Array): unknown {
  return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
}

/** The Status in an answer; one made up from the code where something other than the API server answered. */
export function responseError(response: { readonly status: number; readonly body: Uint8Array }): ApiError {
  try {
    return statusError(parseBody(response.body), response.status);
  } catch {
    const text = Buffer.from(response.body).toString('utf8').trim().slice(0, 1024);
    return apiError(response.status, 'Unknown', text || `the server answered with status ${response.status}`);
  }
}

/** A parsed Status as an error. Throws where it is none. */
export function statusError(parsed: unknown, code: number): ApiError {
  const status = parsed as Status | null;
  if (status?.kind !== 'Status') throw new TypeError('not a Status');
  return new ApiError({ ...status, code: status.code ?? code });
}
