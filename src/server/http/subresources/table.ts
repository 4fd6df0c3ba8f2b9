/**
 * The subresources that are more than a part of their object. `status`,
 * `finalize`, `ephemeralcontainers`, `resize` and `approval` are parts: the
 * ordinary write path serves them, and the strategy says what they may change.
 */
import type { ResourceCall } from '../call.ts';
import { serveProxy } from '../proxy/serve.ts';
import { serveBinding } from './binding.ts';
import { serveEviction } from './eviction.ts';
import { serveLog } from './log.ts';
import { serveScale } from './scale.ts';
import { serveStream } from './stream.ts';
import { serveToken } from './token.ts';

type Server = (call: ResourceCall) => Promise<void>;

const servers: Readonly<Record<string, Server>> = {
  'pods/binding': serveBinding,
  'pods/eviction': serveEviction,
  'pods/log': serveLog,
  'pods/exec': serveStream,
  'pods/attach': serveStream,
  'pods/portforward': serveStream,
  'pods/proxy': serveProxy,
  'services/proxy': serveProxy,
  'nodes/proxy': serveProxy,
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
