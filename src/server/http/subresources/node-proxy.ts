/** nodes/{name}/proxy/{path}: a request to the node's own server, as the caller makes it but for who makes it. */
import * as errors from '../../../api/errors.ts';
import type { ResourceCall } from '../call.ts';
import { forwardedHeaders } from '../nodes/headers.ts';
import { nodeAddress } from '../nodes/node-address.ts';
import { goneSignal, reach, relayAnswer, relayUpgrade } from '../nodes/relay.ts';

export async function serveNodeProxy(call: ResourceCall): Promise<void> {
  const { parts, info, request, responder } = call;
  const [, , name = '', port] = /^(?:(https):)?([^:]+)(?::(\d+))?:?$/.exec(info.name) ?? [];
  const address = nodeAddress(parts.view, name === '' ? info.name : name);
  if (port !== undefined && Number(port) !== address.port) throw errors.apiError(501, 'NotImplemented', `of a node the port ${address.port} can be reached, not ${port}`);
  const mark = request.target.indexOf('?');
  const target = `/${info.rest.map(encodeURIComponent).join('/')}${mark < 0 ? '' : request.target.slice(mark)}`;
  if (responder.takeOver) return relayUpgrade(call, address, target);
  const body = await request.body();
  const answer = await reach(
    parts.nodes.send(address, { method: request.method, target, headers: forwardedHeaders(request.headers), ...(body.length > 0 ? { body } : {}), signal: goneSignal(responder) }),
  );
  await relayAnswer(call, answer);
}
