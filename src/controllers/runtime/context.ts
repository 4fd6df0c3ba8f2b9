/** What every controller is given. Controllers reach the cluster through `client` and `informers` only. */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { MetricRegistry } from '../../base/metrics/registry.ts';
import type { Random } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/event-recorder.ts';
import type { InformerSet } from '../../client/informer-set.ts';

export interface ControllerContext {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
  /** Shared by all controllers of the process; its objects must not be changed. */
  readonly informers: InformerSet;
  /** The recorder of a component, e.g. `replicaset-controller`. */
  recorder(component: string): EventRecorder;
}

/** What the manager runs. */
export interface Controller {
  readonly name: string;
  /** Works until `signal` aborts; rejects only by a bug. The informers it asked for have synced. */
  run(signal: AbortSignal): Promise<void>;
}

/** Makes a controller: asks for its informers, adds indexes and handlers, starts nothing. */
export type ControllerFactory = (context: ControllerContext) => Controller;
