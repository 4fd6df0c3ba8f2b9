import { apiError, type ApiError } from '../../../api/errors.ts';

/** What upstream passes on as a plain error of Go's: 500 without a reason. */
export function serverFailure(message: string): ApiError {
  return apiError(500, '', message);
}
