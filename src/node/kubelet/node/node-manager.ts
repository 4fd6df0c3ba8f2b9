/**
 * A real node's own affairs, beside its pods: what its status says, pressure,
 * and images that nobody uses. The kubelet starts it and asks it; nodes that
 * pretend have none.
 */
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/logger.ts';
import type { Node, Pod } from '../../../api/types/core-v1.ts';
import { qosOf } from '../../../api/qos.ts';
import type { NodeDescription, NodeObservation } from '../node-status.ts';
import type { PodVolumes } from '../pod-setup.ts';
import type { Runtime, RuntimeImage } from '../runtime.ts';
import { allocatableOf, capacityOf } from './allocatable.ts';
import type { Reservations, Resources } from './allocatable.ts';
import { EvictionManager } from './eviction-manager.ts';
import { refusedUnderPressure } from './eviction-rules.ts';
import { defaultImagePolicy, ImageCollector } from './image-collector.ts';
import type { ImagePolicy } from './image-collector.ts';
import { machineFacts, machineFigures } from './machine.ts';
import type { MachineFacts, MachineFigures, MachineFolders } from './machine.ts';
import { isCritical } from './managed-node.ts';
import type { ManagedNode } from './managed-node.ts';
import { refusalBeside, refusalOf } from './node-admission.ts';
import type { Refusal } from './node-admission.ts';
import { podFigures } from './pod-figures.ts';
import type { PodFigures } from './pod-figures.ts';
import { defaultThresholds, observe } from './thresholds.ts';
import type { Threshold } from './thresholds.ts';

export interface NodeManagerOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly folders: MachineFolders;
  logDirectory(pod: Pod): string;
  readonly volumes?: Pick<PodVolumes, 'usage'> & { inUse?(): readonly string[] };
  /** As the API has it. */
  node?(): Node | undefined;
  readonly podsMax?: number;
  readonly reservations?: Reservations;
  readonly thresholds?: readonly Threshold[];
  readonly imagePolicy?: ImagePolicy;
  /** How long the last pods of a soft threshold may take. Default 0, as upstream's. */
  readonly evictionGraceSecondsMax?: number;
}

const figuresApartMs = 5000;
const imagePeriodMs = 300_000;
/** Upstream's nodeStatusMaxImages and MaxNamesPerImageInNodeStatus. */
const imagesMax = 50;
const imageNamesMax = 5;

export class NodeManager {
  readonly facts: MachineFacts;
  readonly #options: NodeManagerOptions;
  readonly #thresholds: readonly Threshold[];
  readonly #images: ImageCollector;
  #eviction: EvictionManager | undefined;
  #node: ManagedNode | undefined;
  #allocatable: Resources = {};
  #figures: MachineFigures | undefined;

  private constructor(options: NodeManagerOptions, facts: MachineFacts) {
    const { runtime, clock, logger } = options;
    this.#options = options;
    this.facts = facts;
    this.#thresholds = options.thresholds ?? defaultThresholds;
    this.#images = new ImageCollector({ runtime, clock, logger, policy: options.imagePolicy ?? defaultImagePolicy, keep: runtime.sandboxImage === undefined ? [] : [runtime.sandboxImage] });
  }

  static async create(options: NodeManagerOptions): Promise<NodeManager> {
    return new NodeManager(options, await machineFacts(options.clock.now()));
  }

  /** The parts of the node's description that the machine decides. */
  async describe(): Promise<Pick<NodeDescription, 'capacity' | 'allocatable' | 'machineId' | 'runtimeVersion' | 'system'>> {
    const { facts } = this;
    const { nodeFs } = await this.figures();
    const capacity = capacityOf(facts, nodeFs, this.#options.podsMax ?? 110);
    this.#allocatable = allocatableOf(capacity, this.#options.reservations ?? {}, this.#thresholds);
    const { systemUuid, bootId, kernelVersion, osImage, architecture, machineId } = facts;
    return {
      capacity,
      allocatable: this.#allocatable,
      machineId,
      runtimeVersion: this.#options.runtime.version,
      system: { systemUuid, bootId, kernelVersion, osImage, architecture, features: { supplementalGroupsPolicy: false }, runtimeHandlers: [] },
    };
  }

  /** Runs until the signal aborts. */
  start(node: ManagedNode, signal: AbortSignal): void {
    const { clock, logger, evictionGraceSecondsMax } = this.#options;
    this.#node = node;
    this.#eviction = new EvictionManager({
      clock,
      logger,
      node,
      thresholds: this.#thresholds,
      graceSecondsMax: evictionGraceSecondsMax ?? 0,
      observations: async () => observe(this.facts, await this.figures()),
      podFigures: () => this.podFigures(),
      freeDisk: () => this.#images.collectAll(),
    });
    void this.#eviction.run(signal);
    void this.#collectImages(node, signal);
  }

  get bootedAtMs(): number {
    return this.facts.bootedAtMs;
  }

  async figures(): Promise<MachineFigures> {
    const figures = await machineFigures(this.#options.folders, this.#options.clock.now(), this.#figures);
    // What is asked for twice in a moment is measured from the same earlier time.
    if (!this.#figures || figures.takenAtMs - this.#figures.takenAtMs >= figuresApartMs) this.#figures = figures;
    return figures;
  }

  async podFigures(): Promise<readonly PodFigures[]> {
    const { runtime, volumes, logDirectory } = this.#options;
    return podFigures({ runtime, volumes, logDirectory }, this.#node?.pods() ?? []);
  }

  /** For the node's status. */
  async observe(): Promise<NodeObservation> {
    const { runtime, volumes } = this.#options;
    const status = await runtime.status?.();
    const images = status?.ready === false ? [] : await this.#images.detect();
    return {
      pressure: this.#eviction?.pressure ?? { memory: false, disk: false, pid: false },
      problems: status?.message ? [status.message] : [],
      images: largest(images),
      volumesInUse: volumes?.inUse?.() ?? [],
      runtimeVersion: runtime.version,
    };
  }

  /** Why the node does not take the pod; undefined: it does. */
  refusal(pod: Pod): Refusal | undefined {
    const unfit = refusalOf(pod, this.#options.node?.());
    if (unfit) return unfit;
    // Room for what the system cannot do without is made by evictions.
    if (!this.#eviction || isCritical(pod)) return undefined;
    const message = refusedUnderPressure(this.#eviction.pressure, pod, qosOf(pod) === 'BestEffort');
    if (message !== undefined) return { reason: 'Evicted', message };
    const others = this.#node?.activePods().filter(({ metadata }) => metadata.uid !== pod.metadata.uid) ?? [];
    return refusalBeside(pod, others, this.#allocatable);
  }

  async #collectImages(node: ManagedNode, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (let failures = 0; !signal.aborted; ) {
      await clock.sleep(imagePeriodMs, signal).catch(() => {});
      if (signal.aborted) return;
      try {
        await this.#images.collect((await this.figures()).imageFs);
        failures = 0;
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        this.#options.logger.warn('collecting images failed', { node: node.name, error });
        // The first failure may be that of a runtime that has just begun to count.
        if (failures++ > 0) node.recordNode('Warning', 'ImageGCFailed', message);
      }
    }
  }
}

function largest(images: readonly RuntimeImage[]): NodeDescription['images'] {
  return images
    .toSorted((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, imagesMax)
    .map(({ names, sizeBytes }) => ({ names: digestsFirst(names).slice(0, imageNamesMax), sizeBytes }));
}

function digestsFirst(names: readonly string[]): readonly string[] {
  return [...names.filter((name) => name.includes('@')), ...names.filter((name) => !name.includes('@'))];
}
