import type { TokenRequest } from '../../../api/types/authentication-v1.ts';
import { encodeUtf8 } from '../../../base/bytes.ts';
import { changeContextOf, type ResourceCall } from '../call.ts';
import { decodeAs } from '../decode-body.ts';
import { writeOptionsOf } from '../request-options.ts';
import { sendObject } from '../respond.ts';

const tokenRequestKind = {
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenRequest',
  type: 'io.k8s.api.authentication.v1.TokenRequest',
};

/** POST serviceaccounts/{name}/token. */
export async function serveToken(call: ResourceCall): Promise<void> {
  const { parts, stored, info } = call;
  const options = writeOptionsOf(info.query, 'CreateOptions');
  const request = await decodeAs(call, tokenRequestKind, tokenRequestKind.type, options.fieldValidation);
  // The account may have been made a moment ago: wait until the views have it.
  await call.cache.getFresh(info.namespace, info.name);
  await parts.registry.admit('CREATE', stored, info.name, request, undefined, changeContextOf(call, { ...options }));
  const answer = parts.tokens.answer(request as unknown as TokenRequest, info.namespace, info.name);
  return sendObject(call, 201, encodeUtf8(JSON.stringify(answer)), tokenRequestKind);
}
