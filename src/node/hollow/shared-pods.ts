/**
 * The cheap mode of a fleet: one watch of all pods that have a node, instead of
 * one for each node. It spares the server what it would have to do for as many
 * kubelets, so nothing that is measured with it holds for a real cluster; its
 * nodes carry a label that says so.
 */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Random } from '../../base/random.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import { Reflector, type ReflectorSink } from '../../client/reflector.ts';
import { pods } from '../../client/resources.ts';
import type { WatchEvent } from '../../client/watch-decoder.ts';

export const cheapLabel = { 'hollow.coxswain.dev/mode': 'cheap' } as const;

export interface SharedPodsOptions {
  /** Who may watch the pods of all nodes. */
  readonly client: Client;
  readonly nodes: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export class SharedPods implements ReflectorSink<Pod> {
  readonly #options: SharedPodsOptions;
  readonly #sinks = new Map<string, ReflectorSink<Pod>>();

  constructor(options: SharedPodsOptions) {
    this.#options = options;
  }

  /** The watch begins when all nodes are there, so that no pod has to be kept for a late one. */
  follow(nodeName: string, sink: ReflectorSink<Pod>): void {
    this.#sinks.set(nodeName, sink);
    const { client, nodes, clock, random, logger, signal } = this.#options;
    if (this.#sinks.size !== nodes) return;
    const reflector = new Reflector<Pod>(client, pods, this, { clock, random, logger, fieldSelector: 'spec.nodeName!=' });
    void reflector.run(signal);
  }

  replace(all: readonly Pod[], resourceVersion: string): void {
    const byNode = Map.groupBy(all, ({ spec }) => spec.nodeName ?? '');
    for (const [nodeName, sink] of this.#sinks) sink.replace(byNode.get(nodeName) ?? [], resourceVersion);
  }

  apply(events: readonly WatchEvent<Pod>[]): void {
    const byNode = Map.groupBy(events, ({ object }) => object.spec.nodeName ?? '');
    for (const [nodeName, own] of byNode) this.#sinks.get(nodeName)?.apply(own);
  }
}
