/** A profile: which plugins run at each extension point, in order. */
import type { Pod } from '../../api/types/core-v1.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';
import type { PodInfo } from '../snapshot/pod-info.ts';
import type {
  BindPlugin,
  FilterPlugin,
  PermitPlugin,
  Plugin,
  PostBindPlugin,
  PostFilterPlugin,
  PreBindPlugin,
  PreEnqueuePlugin,
  PreFilterPlugin,
  QueueSortPlugin,
  ReservePlugin,
  ScorePlugin,
} from './plugin.ts';
import type { Status } from './status.ts';

export interface FrameworkPlugins {
  readonly preEnqueue: readonly PreEnqueuePlugin[];
  readonly queueSort: QueueSortPlugin;
  /** In order; a plugin's PreFilter and Filter are one entry. Those of scope `node` come first. */
  readonly filter: readonly FilterEntry[];
  readonly postFilter: readonly PostFilterPlugin[];
  readonly score: readonly ScorePlugin<unknown>[];
  readonly reserve: readonly ReservePlugin[];
  readonly permit: readonly PermitPlugin[];
  readonly preBind: readonly PreBindPlugin[];
  readonly bind: BindPlugin;
  readonly postBind: readonly PostBindPlugin[];
}

export type FilterEntry = FilterPlugin<unknown> & Partial<PreFilterPlugin<unknown>>;

/** Why a pod that had a node is not bound to it. */
export class Rejected extends Error {
  readonly status: Status;
  constructor(status: Status) {
    super(status.reasons.join(', '));
    this.status = status;
  }
}

export class Framework {
  readonly plugins: FrameworkPlugins;
  readonly #byName = new Map<string, Plugin[]>();

  constructor(plugins: FrameworkPlugins) {
    this.plugins = plugins;
    const { preEnqueue, filter, postFilter, score, reserve, permit, preBind, bind, postBind } = plugins;
    for (const plugin of [...preEnqueue, ...filter, ...postFilter, ...score, ...reserve, ...permit, ...preBind, bind, ...postBind]) {
      const known = this.#byName.get(plugin.name);
      if (known) known.push(plugin);
      else this.#byName.set(plugin.name, [plugin]);
    }
  }

  /** All extensions of one plugin. */
  named(name: string): readonly Plugin[] {
    return this.#byName.get(name) ?? [];
  }

  runPreEnqueue(pod: Pod): Status | undefined {
    for (const plugin of this.plugins.preEnqueue) {
      const status = plugin.preEnqueue(pod);
      if (status) return status;
    }
    return undefined;
  }

  /** What was reserved before a refusal is given back. */
  runReserve(pod: PodInfo, node: NodeInfo): Status | undefined {
    for (const plugin of this.plugins.reserve) {
      const status = plugin.reserve(pod, node);
      if (!status) continue;
      this.runUnreserve(pod, node.name);
      return status;
    }
    return undefined;
  }

  runUnreserve(pod: PodInfo, nodeName: string): void {
    for (const plugin of this.plugins.reserve.toReversed()) plugin.unreserve(pod, nodeName);
  }

  /** Permit, PreBind, Bind and PostBind, one after the other. Rejects where one of them refuses or fails. */
  async runBindingCycle(pod: PodInfo, node: NodeInfo): Promise<void> {
    for (const plugin of this.plugins.permit) {
      const status = await plugin.permit(pod, node);
      if (status) throw new Rejected(status);
    }
    for (const plugin of this.plugins.preBind) {
      const work = plugin.preBind(pod, node.name);
      if (work) await work;
    }
    await this.plugins.bind.bind(pod, node.name);
    for (const plugin of this.plugins.postBind) plugin.postBind(pod, node.name);
  }
}
