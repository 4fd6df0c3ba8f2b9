/**
 * pods/{name}/exec, attach and portforward: the connection is handed through to
 * the pod's node, protocol and all, once the caller may create such a stream.
 */
import { assert } from '../../../base/assert.ts';
import * as errors from '../../../api/errors.ts';
import type { KubeObject } from '../../../api/object.ts';
import type { Pod } from '../../../api/types/core-v1.ts';
import { forbiddenRequest } from '../../access/authorization.ts';
import { changeContextOf, type ResourceCall } from '../call.ts';
import { nodeAddress } from '../backends/node-address.ts';
import { relayUpgrade } from '../backends/relay.ts';
import { booleanOf } from '../read-path.ts';
import { containerOf } from './pod-container.ts';

interface StreamKind {
  /** What admission sees. */
  readonly kind: string;
  /** As it is asked for, or admission sees it. */
  options(call: ResourceCall, pod: Pod): Readonly<Record<string, unknown>>;
  /** What the node is asked. */
  target(call: ResourceCall, options: Readonly<Record<string, unknown>>): { readonly path: readonly string[]; readonly query: URLSearchParams };
}

const ofContainer = (kind: string): StreamKind => ({
  kind,
  options({ info: { query, subresource } }, pod) {
    const container = containerOf(pod, query.get('container') ?? '');
    const wanted = Object.fromEntries(streams.map(([name]) => [name, booleanOf(query, name) ?? false]));
    return { ...wanted, container, ...(subresource === 'exec' ? { command: query.getAll('command') } : {}) };
  },
  target({ info }, options) {
    const query = new URLSearchParams();
    for (const [name, parameter] of streams) if (options[name] === true) query.set(parameter, '1');
    for (const word of (options['command'] as readonly string[] | undefined) ?? []) query.append('command', word);
    return { path: [info.subresource, info.namespace, info.name, String(options['container'])], query };
  },
});

const ofPod: StreamKind = {
  kind: 'PodPortForwardOptions',
  options({ info }) {
    return { ports: info.query.getAll('ports').flatMap((list) => list.split(',').map(portOf)) };
  },
  target({ info }, { ports }) {
    const asked = ports as readonly number[];
    return { path: ['portForward', info.namespace, info.name], query: new URLSearchParams(asked.length === 0 ? {} : { port: asked.join(',') }) };
  },
};

/** What a client calls a stream, and what a node calls it. */
const streams = [['stdin', 'input'], ['stdout', 'output'], ['stderr', 'error'], ['tty', 'tty']] as const;
const kinds: Readonly<Record<string, StreamKind>> = { exec: ofContainer('PodExecOptions'), attach: ofContainer('PodAttachOptions'), portforward: ofPod };

export async function serveStream(call: ResourceCall): Promise<void> {
  const { parts, stored, info } = call;
  const kind = kinds[info.subresource];
  assert(kind, 'the table of subresources names those that are here');
  await mustBeAllowedToCreate(call);
  const pod = (await parts.registry.mustGet(stored, info.namespace, info.name)).object as unknown as Pod;
  const options = kind.options(call, pod);
  await parts.registry.admit('CONNECT', stored, info.name, { kind: kind.kind, apiVersion: 'v1', ...options } as unknown as KubeObject, undefined, changeContextOf(call, { dryRun: false }));
  const { nodeName } = pod.spec;
  if (!nodeName) throw errors.badRequest(`pod ${info.name} does not have a host assigned`);
  const { path, query } = kind.target(call, options);
  await relayUpgrade(call, nodeAddress(parts.view, nodeName), `/${path.map(encodeURIComponent).join('/')}?${query.toString()}`);
}

function portOf(text: string): number {
  if (!/^-?\d{1,10}$/.test(text)) throw errors.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

/** WebSockets begin with a GET; what follows is no reading. */
async function mustBeAllowedToCreate({ parts, attributes }: ResourceCall): Promise<void> {
  if (attributes.verb === 'create') return;
  const creating = { ...attributes, verb: 'create' };
  const { decision, reason } = await parts.authorizer.authorize(creating);
  if (decision !== 'allow') throw forbiddenRequest(creating, reason);
}
