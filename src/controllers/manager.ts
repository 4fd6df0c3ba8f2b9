/**
 * Starts the controllers over one set of informers. `catalogue` is the list of
 * all there are; their names are those of upstream's --controllers flag where
 * upstream has them.
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { MetricRegistry } from '../base/metrics/registry.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { EventRecorder } from '../client/event-recorder.ts';
import { InformerSet } from '../client/informer-set.ts';
import { controllerCatalogue } from './controller-catalogue.ts';
import type { ControllerSettings } from './controller-catalogue.ts';
import type { ControllerContext } from './runtime/context.ts';

export interface ControllersOptions extends ControllerSettings {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
  /** Stops everything when it aborts. */
  readonly signal: AbortSignal;
  /** Which to run, by name; all where left out. */
  readonly enabled?: (name: string) => boolean;
}

export interface ControllerManager {
  /** The names of what runs. */
  readonly running: readonly string[];
  readonly informers: InformerSet;
  /** Resolves when all has stopped after the signal. */
  readonly stopped: Promise<void>;
}

/** Resolves when the informers have synced and the controllers work. */
export async function startControllers(options: ControllersOptions): Promise<ControllerManager> {
  const { client, clock, random, logger, metrics, signal } = options;
  const informers = new InformerSet(client, { clock, random, logger });
  const recorders = new Map<string, EventRecorder>();
  const context: ControllerContext = {
    client,
    clock,
    random,
    logger,
    metrics,
    informers,
    recorder(component) {
      let recorder = recorders.get(component);
      if (!recorder) recorders.set(component, (recorder = new EventRecorder(client, { clock, logger, component })));
      return recorder;
    },
  };
  const factories = controllerCatalogue(options).filter(({ name }) => options.enabled?.(name) ?? true);
  const controllers = factories.map(({ create }) => create(context));
  informers.start(signal);
  await informers.synced(signal);
  const running = controllers.map((controller) =>
    controller.run(signal).catch((error: unknown) => logger.error('controller failed', { controller: controller.name, error })),
  );
  signal.addEventListener('abort', () => recorders.forEach((recorder) => recorder.close()), { once: true });
  return {
    running: controllers.map(({ name }) => name),
    informers,
    stopped: Promise.all([...running, informers.stopped()]).then(() => {}),
  };
}
