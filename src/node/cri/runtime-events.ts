/**
 * What a runtime tells by itself of the ends of processes: CRI's events where it
 * has them, else containerd's own. Told at most: that a container or sandbox
 * should be looked at. One that has neither is looked at by relisting alone.
 */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { runtimeService } from './api.ts';
import type { CriConnection } from './connection.ts';
import { isUnimplemented } from './connection.ts';
import { containerdNamespace, namedByTaskEvent, subscribe } from './containerd-api.ts';

export interface RuntimeEvent {
  /** Of a container or a sandbox. */
  readonly id: string;
  readonly what: 'ended' | 'outOfMemory';
}

export interface RuntimeEventsOptions {
  readonly connection: CriConnection;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  onEvent(event: RuntimeEvent): void;
  /** Events may have been missed until now. */
  onGap(): void;
}

const reconnectMs = 1000;
const containerStopped = 2;

/** Resolves when the signal aborts, or when the runtime tells nothing. */
export async function followRuntimeEvents(options: RuntimeEventsOptions): Promise<void> {
  const { clock, logger, signal } = options;
  const sources = [criEvents, containerdEvents];
  while (!signal.aborted && sources[0]) {
    try {
      for await (const event of sources[0](options)) options.onEvent(event);
    } catch (error) {
      if (isUnimplemented(error)) {
        sources.shift();
        continue;
      }
      logger.debug('the runtime’s events have ended', { error });
    }
    await clock.sleep(reconnectMs, signal).catch(() => {});
    if (!signal.aborted) options.onGap();
  }
}

async function* criEvents({ connection, signal }: RuntimeEventsOptions): AsyncGenerator<RuntimeEvent> {
  for await (const { containerId, type } of connection.stream(runtimeService.getContainerEvents, {}, signal)) if (type === containerStopped) yield { id: containerId, what: 'ended' };
}

const topics: Readonly<Record<string, RuntimeEvent['what']>> = { '/tasks/exit': 'ended', '/tasks/oom': 'outOfMemory' };

async function* containerdEvents({ connection, signal }: RuntimeEventsOptions): AsyncGenerator<RuntimeEvent> {
  const filters = Object.keys(topics).map((topic) => `namespace==${containerdNamespace},topic=="${topic}"`);
  for await (const { topic, event } of connection.stream(subscribe, { filters }, signal)) {
    const what = topics[topic];
    const named = event && namedByTaskEvent(event.value);
    if (!what || !named) continue;
    // A command that was run in a container beside its own process: its end is nobody's.
    if (named.processId === '' || named.processId === named.containerId) yield { id: named.containerId, what };
  }
}
