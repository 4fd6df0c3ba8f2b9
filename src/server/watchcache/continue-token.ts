/**
 * The opaque place where a limited list goes on: base64url JSON in upstream's
 * form, `{"v":"meta.k8s.io/v1","rv":123,"start":"ns/name\u0000"}`. A revision
 * of -1 means: at whatever is current.
 */
import { badRequest } from '../../api/errors.ts';
import type { Revision } from '../../storage/contract.ts';

export interface ContinueToken {
  readonly revision: Revision;
  /** Relative to the list's scope, which a namespace is part of. */
  readonly start: string;
}

/** Goes on right after `lastKey`. */
export function encodeContinue(lastKey: string, revision: Revision): string {
  return encodeContinueAt(`${lastKey}\0`, revision);
}

export function encodeContinueAt(start: string, revision: Revision): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start })).toString('base64url');
}

/** Throws ApiError 400 for what we did not make. */
export function decodeContinue(text: string): ContinueToken {
  const invalid = (why: string) => badRequest(`invalid continue token: continue key is not valid${why}`);
  if (!/^[A-Za-z0-9_-]*$/.test(text))
    throw invalid(`: illegal base64 data at input byte ${text.search(/[^A-Za-z0-9_-]/)}`);
  const json = Buffer.from(text, 'base64url');
  let token: unknown;
  try {
    token = JSON.parse(json.toString());
  } catch {
    const [first] = json.toString('latin1');
    throw invalid(
      first === undefined
        ? ': unexpected end of JSON input'
        : `: invalid character '${first}' looking for beginning of value`,
    );
  }
  if (typeof token !== 'object' || token === null) throw invalid(': not an object');
  const { v, rv, start } = token as { v?: unknown; rv?: unknown; start?: unknown };
  if (v !== 'meta.k8s.io/v1')
    throw invalid(`: server does not recognize this encoded version ${typeof v === 'string' ? v : ''}`);
  if (!Number.isSafeInteger(rv) || rv === 0)
    throw invalid(': incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  if (typeof start !== 'string' || start === '')
    throw invalid(': encoded start key empty (version meta.k8s.io/v1)');
  if (!isCleanPath(start)) throw invalid(`: ${start}`);
  return { revision: rv as Revision, start };
}

/** Nothing that would leave the scope of the list: no empty, `.` or `..` steps. */
function isCleanPath(start: string): boolean {
  const steps = (start.startsWith('/') ? start.slice(1) : start).split('/');
  return steps.every((step) => step !== '' && step !== '.' && step !== '..');
}
