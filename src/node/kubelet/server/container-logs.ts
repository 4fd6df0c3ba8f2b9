/**
 * GET /containerLogs/{namespace}/{pod}/{container}. Which of a container's
 * attempts is meant, and why there is none, by upstream's rules and in its words
 * (pkg/kubelet/kubelet_pods.go).
 */
import type { ServerResponse } from 'node:http';
import type { ContainerStatus, Pod } from '../../../api/types/core-v1.ts';
import type { Clock } from '../../../base/clock.ts';
import { roomIn } from '../../../base/writing.ts';
import type { LogLine } from '../runtime.ts';
import { NodeError, type ServedNode } from './served-node.ts';

export async function sendLogs(node: ServedNode, clock: Clock, [namespace = '', name = '', container = '']: readonly string[], query: URLSearchParams, response: ServerResponse): Promise<void> {
  const options = logOptions(query, clock.now());
  const pod = node.pod(namespace, name);
  if (!pod) throw new NodeError(404, `pod "${name}" does not exist`);
  if (!hasContainer(pod, container)) throw new NodeError(404, `container "${container}" not found in pod "${name}"`);
  const containerId = loggedAttempt(pod, container, options.previous);
  const left = new AbortController();
  response.once('close', () => left.abort());
  // The head goes with the first line: until then it can still be said that there are none.
  response.setHeader('content-type', 'text/plain');
  const { sinceMs, tailLines, follow } = options;
  const write = gathering(response);
  let bytesLeft = options.limitBytes ?? Infinity;
  for await (const line of node.runtime.logs({ pod, containerId, sinceMs, tailLines, follow, signal: left.signal })) {
    if (left.signal.aborted) return;
    const bytes = bytesOf(line, options);
    if (!bytes) continue;
    write(bytes.subarray(0, bytesLeft));
    await roomIn(response);
    bytesLeft -= bytes.length;
    if (bytesLeft <= 0) break;
  }
  response.end();
}

/** The lines of one turn leave together. */
function gathering(response: ServerResponse): (bytes: Buffer) => void {
  let corked = false;
  return (bytes) => {
    if (!corked) {
      corked = true;
      response.cork();
      setImmediate(() => {
        corked = false;
        response.uncork();
      });
    }
    response.write(bytes);
  };
}

interface LogOptions {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly sinceMs: number | undefined;
  readonly tailLines: number | undefined;
  readonly limitBytes: number | undefined;
  readonly stream: string;
}

function logOptions(query: URLSearchParams, nowMs: number): LogOptions {
  const isTrue = (name: string) => query.get(name) === 'true' || query.get(name) === '1';
  const number = (name: string, least: number): number | undefined => {
    const text = query.get(name);
    if (text === null || text === '') return undefined;
    if (!/^-?\d+$/.test(text)) throw new NodeError(400, '{"message": "Unable to decode query."}');
    if (Number(text) < least) throw new NodeError(422, '{"message": "Invalid request."}');
    return Number(text);
  };
  const sinceSeconds = number('sinceSeconds', 1);
  const sinceTime = query.get('sinceTime');
  return {
    follow: isTrue('follow'),
    previous: isTrue('previous'),
    timestamps: isTrue('timestamps'),
    sinceMs: sinceSeconds === undefined ? (sinceTime ? Date.parse(sinceTime) : undefined) : nowMs - sinceSeconds * 1000,
    tailLines: number('tailLines', 0),
    limitBytes: number('limitBytes', 1),
    stream: query.get('stream') ?? 'All',
  };
}

function bytesOf({ time, stream, text }: LogLine, options: LogOptions): Buffer | undefined {
  if (options.stream !== 'All' && options.stream.toLowerCase() !== stream) return undefined;
  return Buffer.from(options.timestamps ? `${time} ${text}` : text);
}

export function hasContainer({ spec }: Pod, name: string): boolean {
  return [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])].some((container) => container.name === name);
}

function loggedAttempt({ metadata, status }: Pod, container: string, previous: boolean): string {
  const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? []), ...(status?.ephemeralContainerStatuses ?? [])];
  const of = `container "${container}" in pod "${metadata.name}"`;
  const found = statuses.find(({ name }) => name === container);
  if (!found) throw new NodeError(400, `${of} is not available`);
  if (previous) {
    const id = found.lastState?.terminated?.containerID;
    if (!id) throw new NodeError(400, `previous terminated ${of} not found`);
    return id;
  }
  return currentAttempt(found, of);
}

function currentAttempt({ state, lastState, containerID }: ContainerStatus, of: string): string {
  if (state?.running && containerID) return containerID;
  const ended = state?.terminated ?? lastState?.terminated;
  if (ended) {
    const id = ended.containerID || lastState?.terminated?.containerID;
    if (!id) throw new NodeError(400, `${of} is terminated`);
    return id;
  }
  const reason = state?.waiting?.reason;
  if (reason === 'ErrImagePull') throw new NodeError(400, `${of} is waiting to start: image can't be pulled`);
  if (reason === 'ImagePullBackOff') throw new NodeError(400, `${of} is waiting to start: trying and failing to pull image`);
  throw new NodeError(400, state?.waiting ? `${of} is waiting to start: ${reason}` : `${of} is waiting to start - no logs yet`);
}
