/** GET pods/{name}/log: what the pod's node tells of a container's output. */
import * as errors from '../../../api/errors.ts';
import type { Pod } from '../../../api/types/core-v1.ts';
import type { ResourceCall } from '../call.ts';
import { urlOf, type BackendAnswer } from '../backends/backend-client.ts';
import { nodeAddress } from '../backends/node-address.ts';
import { goneSignal, relayBody } from '../backends/relay.ts';
import { booleanOf, integerOf } from '../read-path.ts';
import { containerOf } from './pod-container.ts';

const errorBytesMax = 50_000;
const streams = ['All', 'Stderr', 'Stdout'];

export async function serveLog(call: ResourceCall): Promise<void> {
  const { parts, stored, info, responder } = call;
  const query = logQuery(call);
  const pod = (await parts.registry.mustGet(stored, info.namespace, info.name)).object as unknown as Pod;
  const container = containerOf(pod, info.query.get('container') ?? '');
  const { nodeName } = pod.spec;
  if (!nodeName) {
    responder.head(204, { 'audit-id': call.auditId });
    responder.end();
    return;
  }
  const path = ['containerLogs', info.namespace, info.name, container].map(encodeURIComponent).join('/');
  const backend = nodeAddress(parts.view, nodeName);
  const target = `/${path}?${query.toString()}`;
  const answer = await parts.backends.send(backend, { method: 'GET', target, headers: {}, signal: goneSignal(responder) }).catch((error: Error) => {
    throw errors.apiError(500, '', `Get "${urlOf(backend, target)}": ${error.message}`);
  });
  if (answer.status < 200 || answer.status > 206) throw await asApiError(answer, info.name);
  responder.head(200, { 'content-type': 'text/plain', 'cache-control': 'no-cache, private', 'audit-id': call.auditId });
  await relayBody(responder, answer.body);
}

/** What the node is asked. Throws ApiError 422 in upstream's words (ValidatePodLogOptions). */
function logQuery({ info: { query, name } }: ResourceCall): URLSearchParams {
  const asked = new URLSearchParams();
  for (const flag of ['follow', 'previous', 'timestamps']) if (booleanOf(query, flag)) asked.set(flag, 'true');
  const wrong: errors.FieldError[] = [];
  const number = (field: string, least: number, detail: string) => {
    const value = integerOf(query, field);
    if (value === undefined) return undefined;
    if (value < least) wrong.push({ reason: 'FieldValueInvalid', field, message: `Invalid value: ${value}: ${detail}` });
    asked.set(field, String(value));
    return value;
  };
  const tailLines = number('tailLines', 0, 'must be greater than or equal to 0');
  number('limitBytes', 1, 'must be greater than 0');
  const sinceTime = query.get('sinceTime');
  if (sinceTime && integerOf(query, 'sinceSeconds') !== undefined) wrong.push({ reason: 'FieldValueForbidden', field: '', message: 'Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified' });
  else number('sinceSeconds', 1, 'must be greater than 0');
  if (sinceTime) asked.set('sinceTime', sinceTime);
  const stream = query.get('stream') || 'All';
  if (!streams.includes(stream)) wrong.push({ reason: 'FieldValueNotSupported', field: 'stream', message: `Unsupported value: ${JSON.stringify(stream)}: supported values: ${streams.map((one) => `"${one}"`).join(', ')}` });
  else if (stream !== 'All' && tailLines !== undefined) wrong.push({ reason: 'FieldValueForbidden', field: '', message: 'Forbidden: `tailLines` and specific `stream` are mutually exclusive for now' });
  if (wrong.length) throw errors.invalid('', 'PodLogOptions', name, wrong);
  asked.set('stream', stream);
  return asked;
}

/** Nodes answer in plain text; clients hear a Status. */
async function asApiError({ status, body }: BackendAnswer, name: string): Promise<errors.ApiError> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > errorBytesMax) break;
  }
  const text = Buffer.concat(chunks).toString('utf8');
  if (status === 500) return errors.internalError(text);
  if (status === 400) return errors.badRequest(text);
  const [reason, message] =
    status === 404 ? ['NotFound', 'the server could not find the requested resource'] : status === 401 ? ['Unauthorized', 'the server has asked for the client to provide credentials'] : status === 403 ? ['Forbidden', text] : ['', `the server responded with the status code ${status} but did not return more information`];
  return errors.apiError(status, reason ?? '', `${message} ( pods/log ${name})`, { name, kind: 'pods/log', causes: [{ reason: 'UnexpectedServerResponse', message: text }] });
}
