import * as errors from '../../../api/errors.ts';
import type { Call } from '../call.ts';
export function serveOpenApi(_: Call): void { throw errors.notFound({group:'',kind:'',name:''}); }
