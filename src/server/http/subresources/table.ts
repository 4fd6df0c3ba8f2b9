/**
 * The subresources that are more than a part of their object. `status`,
 * `finalize`, `ephemeralcontainers`, `resize` and `approval` are parts: the
 * ordinary write path serves them, and the strategy says what they may change.
 */
import * as errors from '../../../api/errors.ts';
import type { ResourceCall } from '../call.ts';
import { serveBinding } from './binding.ts';
import { serveEviction } from './eviction.ts';
import { serveLog } from './log.ts';
import { serveNodeProxy } from './node-proxy.ts';
import { serveScale } from './scale.ts';
import { serveStream } from './stream.ts';
import { serveToken } from './token.ts';

type Server = (call: ResourceCall) => Promise<void>;

/** What needs a network behind pods. */
const needsNetwork: Server = async ({ parts, stored, info }) => {
  await parts.registry.mustGet(stored, info.namespace, info.name);
  throw errors.apiError(501, 'NotImplemented', `the ${info.subresource} of ${info.resource} is not served`);
};

const servers: Readonly<Record<string, Server>> = {
  'pods/binding': serveBinding,
  'pods/eviction': serveEviction,
  'pods/log': serveLog,
  'pods/exec': serveStream,
  'pods/attach': serveStream,
  'pods/portforward': serveStream,
  'pods/proxy': needsNetwork,
  'services/proxy': needsNetwork,
  'nodes/proxy': serveNodeProxy,
  'serviceaccounts/token': serveToken,
};

/** True where it has answered. */
export async function serveSubresource(call: ResourceCall): Promise<boolean> {
  const { info } = call;
  const server = info.subresource === 'scale' ? serveScale : servers[`${info.resource}/${info.subresource}`];
  if (!server) return false;
  await server(call);
  return true;
}
