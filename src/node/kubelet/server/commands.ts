/** /exec/{namespace}/{pod}[/{uid}]/{container} and /attach/...: the outcome of a command is a Status, with upstream's reasons. */
import type { Pod } from '../../../api/types/core-v1.ts';
import type { Status } from '../../../api/types/meta-v1.ts';
import type { ContainerStreams } from '../runtime.ts';
import type { WantedStreams } from './remote-command.ts';
import { NodeError, type ServedNode } from './served-node.ts';

export interface CommandTarget {
  readonly pod: Pod;
  readonly containerId: string;
}

/** namespace, name and, where one very pod is meant, uid. Throws NodeError. */
export function podAt(node: ServedNode, [namespace = '', name = '', uid]: readonly string[]): Pod {
  const pod = node.pod(namespace, name);
  if (!pod || (uid !== undefined && pod.metadata.uid !== uid)) throw new NodeError(404, 'pod does not exist');
  return pod;
}

/** Throws NodeError where there is no such container, or none that runs. */
export function commandTarget(node: ServedNode, segments: readonly string[]): CommandTarget {
  const container = segments.at(-1) ?? '';
  const pod = podAt(node, segments.slice(0, -1));
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.ephemeralContainerStatuses ?? [])];
  const status = statuses.find((one) => one.name === container);
  if (!status?.containerID) throw new NodeError(500, `container not found ("${container}")`);
  if (!status.state?.running) throw new NodeError(500, `container "${container}" is not running`);
  return { pod, containerId: status.containerID };
}

/** Throws NodeError: no stream at all, or a terminal with an error stream of its own. */
export function wantedStreams(query: URLSearchParams): WantedStreams {
  const isTrue = (...names: readonly string[]) => names.some((name) => query.get(name) === 'true' || query.get(name) === '1');
  const wanted = { stdin: isTrue('input', 'stdin'), stdout: isTrue('output', 'stdout'), stderr: isTrue('error', 'stderr'), tty: isTrue('tty') };
  const { stdin, stdout, stderr, tty } = wanted;
  if (!stdin && !stdout && !stderr) throw new NodeError(400, 'you must specify at least 1 of stdin, stdout, stderr');
  return { ...wanted, stderr: stderr && !tty };
}

export async function runCommand(node: ServedNode, { pod, containerId }: CommandTarget, command: readonly string[], tty: boolean, streams: ContainerStreams, signal: AbortSignal): Promise<Status> {
  try {
    const exitCode = await node.runtime.exec({ pod, containerId, command, tty, signal }, streams);
    return exitCode === 0 ? succeeded : failedCommand(command, exitCode);
  } catch (error) {
    return internalError(`error executing command in container: ${messageOf(error)}`);
  }
}

export async function attach(node: ServedNode, { pod, containerId }: CommandTarget, streams: ContainerStreams, signal: AbortSignal): Promise<Status> {
  try {
    await node.runtime.attach({ pod, containerId, signal }, streams);
    return succeeded;
  } catch (error) {
    return internalError(`error attaching to container: ${messageOf(error)}`);
  }
}

const succeeded: Status = { metadata: {}, status: 'Success' };

function failedCommand(command: readonly string[], exitCode: number): Status {
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: error executing command [${command.join(' ')}], exit code ${exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}

function internalError(message: string): Status {
  return { metadata: {}, status: 'Failure', message: `Internal error occurred: ${message}`, reason: 'InternalError', details: { causes: [{ message }] }, code: 500 };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
