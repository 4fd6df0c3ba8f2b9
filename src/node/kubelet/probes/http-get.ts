/**
 * An HTTP GET of a container, for probes and hooks: of any certificate, with a
 * connection of its own, following redirects only to the same host. Of the answer
 * no more is read than is shown.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Container, HTTPGetAction } from '../../../api/types/core-v1.ts';
import { containerPort, hostAndPort } from './container-port.ts';
import { connectionFailure } from './connection-failure.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

const bodyMax = 10 * 1024;
const redirectsMax = 10;

/** `agent`: `probe` or `lifecycle`. Rejects with what Go's client would say. */
export async function httpGet(action: HTTPGetAction, container: Container, podIp: string, agent: string, signal: AbortSignal): Promise<HttpAnswer> {
  const scheme = (action.scheme ?? 'HTTP').toLowerCase();
  let url = new URL(`${scheme}://${hostAndPort(action.host || podIp, containerPort(action.port, container))}`);
  const headers = headersOf(action, agent);
  const path = action.path ?? '';
  let target = path.startsWith('/') ? path : `/${path}`;
  for (let redirects = 0; ; redirects++) {
    const answer = await get(url, target, headers, signal);
    const location = answer.status >= 300 && answer.status < 400 ? answer.location : undefined;
    if (location === undefined) return answer;
    const next = URL.parse(location, new URL(target, url));
    if (!next || next.hostname !== url.hostname) return answer;
    if (redirects + 1 >= redirectsMax) throw new Error(`Get "${location}": stopped after ${redirectsMax} redirects`);
    url = next;
    target = next.pathname + next.search;
  }
}

function headersOf({ httpHeaders = [] }: HTTPGetAction, agent: string): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const { name, value } of httpHeaders) {
    const key = name.toLowerCase();
    const before = headers[key];
    headers[key] = before === undefined || key === 'host' ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  headers['user-agent'] ??= `kube-${agent}/1.36`;
  headers['accept'] ??= '*/*';
  for (const key of ['accept', 'host']) if (headers[key] === '') delete headers[key];
  return { ...headers, connection: 'close' };
}

function get(url: URL, target: string, headers: Record<string, string | string[]>, signal: AbortSignal): Promise<HttpAnswer & { readonly location: string | undefined }> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer & { readonly location: string | undefined }>();
  const options = { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port, path: escaped(target), headers, agent: false, rejectUnauthorized: false, signal };
  const fail = (error: Error) => reject(new Error(`Get "${url.origin}${target}": ${connectionFailure(error, url, signal)}`));
  try {
    const sent = (url.protocol === 'https:' ? httpsRequest : httpRequest)(options, (answer) => {
      readBody(answer).then((body) => {
        sent.destroy();
        resolve({ status: answer.statusCode ?? 0, body, location: answer.headers.location });
      }, fail);
    });
    sent.on('error', fail);
    sent.end();
  } catch (error) {
    fail(error as Error);
  }
  return promise;
}

/** What no request line can have; what is escaped already stays as it is. */
function escaped(target: string): string {
  return target.replace(/[^\x21-\x7e]/gu, encodeURIComponent);
}

async function readBody(answer: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    if ((length += chunk.length) >= bodyMax) break;
  }
  return Buffer.concat(chunks).subarray(0, bodyMax).toString();
}
