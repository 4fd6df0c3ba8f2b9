/**
 * The streams of a command or of a container, from a client that is connected to
 * this node. The outcome comes as a Status behind the output; before v4 of the
 * protocol as a text, and only where something is wrong.
 */
import type { Status } from '../../../api/types/meta-v1.ts';
import type { ContainerStreams } from '../runtime.ts';

/** Which of a command's streams the client wants. */
export interface WantedStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** A client's end of a command. */
export interface RemoteCommand extends ContainerStreams {
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
  /** Tells the outcome once all output is told, and closes. */
  finish(status: Status): Promise<void>;
}

/** As the error stream of a protocol has it; undefined: nothing to say. */
export function statusText(status: Status, protocol: string): string | undefined {
  if (/^v[45]\./.test(protocol)) return JSON.stringify(status);
  return status.status === 'Success' ? undefined : (status.message ?? '');
}

/** `{"Width":80,"Height":24}`; what is no size changes none. */
export function sizeOf(text: string): { width: number; height: number } | undefined {
  try {
    const { Width, Height } = JSON.parse(text) as { Width?: number; Height?: number };
    return Width && Height ? { width: Width, height: Height } : undefined;
  } catch {
    return undefined;
  }
}
