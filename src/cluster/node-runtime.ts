/** The runtime of a real node. */
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { CriRuntime } from '../node/cri/cri-runtime.ts';

export interface NodeRuntimeOptions {
  /** Path of the runtime's unix socket. */
  readonly runtimeSocket: string;
  /** The kubelet's own: pods, volumes, plugins. */
  readonly rootDirectory: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function connectRuntime({ runtimeSocket, rootDirectory, clock, logger }: NodeRuntimeOptions): Promise<CriRuntime> {
  return CriRuntime.connect({ socket: runtimeSocket, clock, logger, seccompDirectory: join(rootDirectory, 'seccomp'), imageVolumesDirectory: join(rootDirectory, 'image-volumes') });
}
