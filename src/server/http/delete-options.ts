/** DeleteOptions of a request: from its body, or from the query where it has none. */
import * as errors from '../../api/errors.ts';
import type { DeleteOptions } from '../../api/types/meta-v1.ts';
import { checkDeleteOptions } from '../registry/deletion.ts';
import type { ResourceCall } from './call.ts';
import { decodeAs } from './decode-body.ts';
import { deleteOptionsOf, dryRunOf } from './request-options.ts';

export async function deleteOptionsOfCall(call: ResourceCall): Promise<{ options: DeleteOptions; dryRun: boolean }> {
  const body = await call.request.body();
  const fromBody =
    body.length === 0
      ? undefined
      : ((await decodeAs(call, optionsKindOf(call, body), deleteOptionsType, 'Ignore')) as unknown as DeleteOptions);
  const options = deleteOptionsOf(fromBody, call.info.query);
  const wrong: errors.FieldError[] = [];
  const dryRun = dryRunOf(options.dryRun ?? [], wrong);
  if (wrong.length) throw errors.invalid('meta.k8s.io', 'DeleteOptions', '', wrong);
  checkDeleteOptions(options);
  return { options, dryRun };
}

const deleteOptionsType = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';

/** DeleteOptions exists in every group's version; clients send it as their own group's, as v1 or as meta.k8s.io/v1. */
function optionsKindOf(call: ResourceCall, body: Uint8Array): { group: string; version: string; kind: string } {
  const own = { group: call.info.group, version: call.info.version, kind: 'DeleteOptions' };
  const head = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1');
  const said = /"apiVersion"\s*:\s*"([^"]*)"/.exec(head) ?? /^k8s\0.[^\n]?\n.([a-z0-9./]+)\x12/s.exec(head);
  const apiVersion = said?.[1];
  if (apiVersion === undefined || apiVersion === '') return own;
  const slash = apiVersion.indexOf('/');
  return slash < 0
    ? { group: '', version: apiVersion, kind: 'DeleteOptions' }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1), kind: 'DeleteOptions' };
}
