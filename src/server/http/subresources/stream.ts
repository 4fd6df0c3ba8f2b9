/**
 * pods/{name}/exec and attach: the connection is handed through to the pod's
 * node, protocol and all, once the caller may create such a stream.
 */
import * as errors from '../../../api/errors.ts';
import type { KubeObject } from '../../../api/object.ts';
import type { Pod } from '../../../api/types/core-v1.ts';
import { forbiddenRequest } from '../../access/authorization.ts';
import { changeContextOf, type ResourceCall } from '../call.ts';
import { nodeAddress } from '../nodes/node-address.ts';
import { relayUpgrade } from '../nodes/relay.ts';
import { booleanOf } from '../read-path.ts';
import { containerOf } from './pod-container.ts';

export async function serveStream(call: ResourceCall): Promise<void> {
  const { parts, stored, info } = call;
  await mustBeAllowedToCreate(call);
  const pod = (await parts.registry.mustGet(stored, info.namespace, info.name)).object as unknown as Pod;
  const container = containerOf(pod, info.query.get('container') ?? '');
  const command = info.query.getAll('command');
  const wanted = { stdin: isWanted(info.query, 'stdin'), stdout: isWanted(info.query, 'stdout'), stderr: isWanted(info.query, 'stderr'), tty: isWanted(info.query, 'tty') };
  const kind = info.subresource === 'exec' ? 'PodExecOptions' : 'PodAttachOptions';
  const options = { kind, apiVersion: 'v1', ...wanted, container, ...(info.subresource === 'exec' ? { command } : {}) };
  await parts.registry.admit('CONNECT', stored, info.name, options as unknown as KubeObject, undefined, changeContextOf(call, { dryRun: false }));
  const { nodeName } = pod.spec;
  if (!nodeName) throw errors.badRequest(`pod ${info.name} does not have a host assigned`);
  const query = new URLSearchParams();
  for (const [name, asked] of [['input', wanted.stdin], ['output', wanted.stdout], ['error', wanted.stderr], ['tty', wanted.tty]] as const) if (asked) query.set(name, '1');
  if (info.subresource === 'exec') for (const word of command) query.append('command', word);
  const path = [info.subresource, info.namespace, info.name, container].map(encodeURIComponent).join('/');
  await relayUpgrade(call, nodeAddress(parts.view, nodeName), `/${path}?${query.toString()}`);
}

const isWanted = (query: URLSearchParams, name: string) => booleanOf(query, name) ?? false;

/** WebSockets begin with a GET; what follows is no reading. */
async function mustBeAllowedToCreate({ parts, attributes }: ResourceCall): Promise<void> {
  if (attributes.verb === 'create') return;
  const creating = { ...attributes, verb: 'create' };
  const { decision, reason } = await parts.authorizer.authorize(creating);
  if (decision !== 'allow') throw forbiddenRequest(creating, reason);
}
