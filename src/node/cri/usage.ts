/** What containers use now: CPU as the rate between two looks, the rest as it stands. */
import type { ContainerUsage, PodUsage } from '../kubelet/runtime.ts';
import { runtimeService } from './api.ts';
import type { Answer } from './api.ts';
import type { CriConnection } from './connection.ts';
import type { KnownPod } from './known-pod.ts';

interface Sample {
  /** Nanoseconds, both. */
  readonly at: number;
  readonly used: number;
  readonly cores: number;
}

/** Looks closer together than this say nothing of a rate: the one before is told again. */
const leastApartNs = 500e6;

export class RuntimeUsage {
  readonly #connection: CriConnection;
  /** By container: of those seen the last time only. */
  #samples = new Map<string, Sample>();

  constructor(connection: CriConnection) {
    this.#connection = connection;
  }

  async now(pods: Iterable<KnownPod>): Promise<readonly PodUsage[]> {
    const { stats } = await this.#connection.call(runtimeService.listContainerStats, {});
    const byId = new Map(stats.map((one) => [one.attributes?.id ?? '', one]));
    const samples = new Map<string, Sample>();
    const used = [...pods].map(({ view, containers }) => ({
      podUid: view.uid,
      containers: containers.flatMap((container) => {
        const found = byId.get(container.id);
        if (!found || container.view.state !== 'running') return [];
        const sample = this.#sample(container.id, found, container.view.startedAtMs);
        samples.set(container.id, sample);
        return [usageOf(container.view.name, container.view.startedAtMs, sample, found)];
      }),
    }));
    this.#samples = samples;
    return used;
  }

  #sample(id: string, { cpu }: Answer<'ContainerStats'>, startedAtMs: number): Sample {
    const at = cpu?.timestamp ?? 0;
    const used = cpu?.usageCoreNanoSeconds?.value ?? 0;
    const before = this.#samples.get(id);
    if (before && at - before.at < leastApartNs) return before;
    const since = before ?? { at: startedAtMs * 1e6, used: 0 };
    return { at, used, cores: at > since.at ? Math.max(0, used - since.used) / (at - since.at) : 0 };
  }
}

function usageOf(name: string, startedAtMs: number, { used, cores }: Sample, { memory, writableLayer }: Answer<'ContainerStats'>): ContainerUsage {
  const bytes = writableLayer?.usedBytes?.value;
  const inodes = writableLayer?.inodesUsed?.value;
  return {
    name,
    startedAtMs,
    cpu: cores,
    cpuSeconds: used / 1e9,
    memoryBytes: memory?.workingSetBytes?.value ?? 0,
    ...(bytes === undefined ? {} : { rootfsBytes: bytes }),
    ...(inodes === undefined ? {} : { rootfsInodes: inodes }),
  };
}
