/**
 * Looks at the machine every few seconds; where memory, disk or process numbers
 * run short, it first frees what nobody uses, then ends one pod at a time. Pods
 * that use more of the disk than their own limits allow go in any case.
 */
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/logger.ts';
import { evictionMessage, localStorageExcess, rankForEviction, resourceOf } from './eviction-rules.ts';
import { hasEnded, isCritical } from './managed-node.ts';
import type { ManagedNode } from './managed-node.ts';
import type { PodFigures } from './pod-figures.ts';
import { kindOf, Pressure } from './pressure.ts';
import type { Observations, Threshold } from './thresholds.ts';
import { isMet } from './thresholds.ts';

export interface EvictionOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly node: ManagedNode;
  readonly thresholds: readonly Threshold[];
  /** The longest grace that soft thresholds give. */
  readonly graceSecondsMax: number;
  observations(): Promise<Observations>;
  podFigures(): Promise<readonly PodFigures[]>;
  /** Removes images and containers that nobody uses. */
  freeDisk(): Promise<void>;
}

const periodMs = 10_000;
/** A pod is given so long to be gone before the next is looked at. */
const goneMs = 30_000;
const gonePollMs = 1000;
/** What a hard threshold gives: the shortage will not wait. */
const hardGraceSeconds = 1;
const reason = 'Evicted';

export class EvictionManager {
  readonly #options: EvictionOptions;
  readonly #pressure: Pressure;

  constructor(options: EvictionOptions) {
    this.#options = options;
    this.#pressure = new Pressure(options.thresholds);
  }

  get pressure(): Pressure['conditions'] {
    return this.#pressure.conditions;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, node } = this.#options;
    while (!signal.aborted) {
      const evicted = await this.synchronize().catch((error: unknown) => {
        logger.warn('looking at the node’s resources failed', { node: node.name, error });
        return [];
      });
      if (evicted.length > 0) await this.#untilGone(evicted, signal);
      else await clock.sleep(periodMs, signal).catch(() => {});
    }
  }

  /** One look; resolves to the uids of the pods that were ended. */
  async synchronize(): Promise<readonly string[]> {
    const { clock, node } = this.#options;
    const observations = await this.#options.observations();
    const due = this.#pressure.update(observations, clock.now());
    // Walking the disk for figures is what costs here: only where somebody has a limit, or something is short.
    const active = node.pods().filter((pod) => !hasEnded(pod) && pod.status?.startTime !== undefined);
    const limited = active.filter(hasStorageLimit);
    if (due.length === 0 && limited.length === 0) return [];
    const figures = new Map((await this.#options.podFigures()).map((one) => [one.pod.metadata.uid ?? '', one]));
    const excessive = this.#evictExcessive([...figures.values()]);
    if (excessive.length > 0) return excessive;
    const threshold = due[0];
    if (!threshold) return [];
    const resource = resourceOf[threshold.signal];
    node.recordNode('Warning', 'EvictionThresholdMet', `Attempting to reclaim ${resource}`);
    if (kindOf[threshold.signal] === 'disk' && (await this.#freedEnough())) return [];
    for (const pod of rankForEviction(active, figures, threshold.signal)) {
      const uid = pod.metadata.uid ?? '';
      const message = evictionMessage(threshold, observations, pod, figures.get(uid));
      const soft = Math.min(this.#options.graceSecondsMax, pod.spec.terminationGracePeriodSeconds ?? 30);
      const condition = { type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message } as const;
      if (isCritical(pod)) continue;
      node.recordPod(pod, 'Warning', reason, message);
      if (node.failPod(uid, { reason, message, graceSeconds: threshold.graceMs === 0 ? hardGraceSeconds : soft, condition })) return [uid];
    }
    return [];
  }

  async #freedEnough(): Promise<boolean> {
    await this.#options.freeDisk();
    const after = await this.#options.observations();
    return !this.#options.thresholds.some((threshold) => isMet(threshold, after));
  }

  #evictExcessive(figures: readonly PodFigures[]): string[] {
    const { node } = this.#options;
    return figures.flatMap((one) => {
      const message = hasEnded(one.pod) || isCritical(one.pod) ? undefined : localStorageExcess(one);
      if (message === undefined) return [];
      const uid = one.pod.metadata.uid ?? '';
      node.recordPod(one.pod, 'Warning', reason, message);
      return node.failPod(uid, { reason, message, graceSeconds: hardGraceSeconds }) ? [uid] : [];
    });
  }

  async #untilGone(uids: readonly string[], signal: AbortSignal): Promise<void> {
    const { clock, node } = this.#options;
    const deadline = clock.monotonic() + goneMs;
    while (!signal.aborted && clock.monotonic() < deadline && uids.some((uid) => node.holds(uid))) await clock.sleep(gonePollMs, signal).catch(() => {});
  }
}

function hasStorageLimit({ spec }: Parameters<typeof hasEnded>[0]): boolean {
  if (spec.volumes?.some(({ emptyDir }) => emptyDir?.sizeLimit !== undefined)) return true;
  return [...spec.containers, ...(spec.initContainers ?? [])].some(({ resources }) => resources?.limits?.['ephemeral-storage'] !== undefined);
}
