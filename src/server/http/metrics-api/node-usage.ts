/**
 * What nodes say their pods use: asked when somebody wants to know, and kept for
 * a while, so that readers who come together cost a node one request. A node
 * that does not answer in time has no figures.
 */
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/logger.ts';
import type { ClusterView } from '../../admission/contract.ts';
import type { BackendClient } from '../backends/backend-client.ts';
import { nodeAddress } from '../backends/node-address.ts';

export interface Figures {
  readonly cpu?: { readonly time?: string; readonly usageNanoCores?: number };
  readonly memory?: { readonly workingSetBytes?: number };
}

/** The part of a node's /stats/summary that is read. */
export interface Summary {
  readonly node: Figures;
  readonly pods?: readonly PodFigures[];
}

export interface PodFigures extends Figures {
  readonly podRef: { readonly name: string; readonly namespace: string };
  readonly containers?: readonly (Figures & { readonly name: string })[];
}

const keptMs = 15_000;
const answerWithinMs = 10_000;
const askedAtOnce = 30;

interface Kept {
  readonly askedAtMs: number;
  readonly summary: Promise<Summary | undefined>;
}

export class NodeUsage {
  readonly #backends: BackendClient;
  readonly #view: ClusterView;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #kept = new Map<string, Kept>();

  constructor({ backends, view, clock, logger }: { readonly backends: BackendClient; readonly view: ClusterView; readonly clock: Clock; readonly logger: Logger }) {
    this.#backends = backends;
    this.#view = view;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** By node; without those that have no figures. */
  async of(names: Iterable<string>): Promise<ReadonlyMap<string, Summary>> {
    this.#forget();
    const summaries = new Map<string, Summary>();
    const left = names[Symbol.iterator]();
    const work = async () => {
      for (let next = left.next(); !next.done; next = left.next()) {
        const summary = await this.#summaryOf(next.value);
        if (summary) summaries.set(next.value, summary);
      }
    };
    await Promise.all(Array.from({ length: askedAtOnce }, work));
    return summaries;
  }

  #summaryOf(name: string): Promise<Summary | undefined> {
    const kept = this.#kept.get(name);
    if (kept) return kept.summary;
    const summary = this.#ask(name).catch((error: unknown) => {
      this.#logger.debug('a node tells nothing of its usage', { node: name, error });
      return undefined;
    });
    this.#kept.set(name, { askedAtMs: this.#clock.monotonic(), summary });
    return summary;
  }

  async #ask(name: string): Promise<Summary> {
    const late = new AbortController();
    const timer = this.#clock.after(answerWithinMs, () => late.abort(new Error('no answer in time')));
    try {
      const { status, body } = await this.#backends.send(nodeAddress(this.#view, name), { method: 'GET', target: '/stats/summary?only_cpu_and_memory=true', headers: {}, signal: late.signal });
      const chunks: Uint8Array[] = [];
      for await (const chunk of body) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString('utf8');
      if (status !== 200) throw new Error(`${status}: ${text.slice(0, 200)}`);
      return JSON.parse(text) as Summary;
    } finally {
      timer.cancel();
    }
  }

  #forget(): void {
    const until = this.#clock.monotonic() - keptMs;
    for (const [name, { askedAtMs }] of this.#kept) if (askedAtMs < until) this.#kept.delete(name);
  }
}
