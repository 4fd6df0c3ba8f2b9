/** Which of the demo's pods are on which node, as the API says: for the map on the page, and for the model of traffic. */
import type { Node, Pod } from '../src/api/types/core-v1.ts';
import type { EndpointSlice } from '../src/api/types/discovery-v1.ts';
import type { Clock } from '../src/base/clock.ts';
import type { Logger } from '../src/base/logger.ts';
import type { Random } from '../src/base/random.ts';
import type { Client } from '../src/client/client.ts';
import { Informer } from '../src/client/informer.ts';
import { endpointSlices, nodes, pods } from '../src/client/resources.ts';
import { apps, namespace, versionLabel } from './objects.ts';

/** What one node holds, in words as the page draws them. */
export interface NodePods {
  readonly name: string;
  /** By version: serving, and starting or on their way out. */
  readonly servers: Readonly<Record<string, readonly [ready: number, other: number]>>;
  readonly bots: number;
}

const byApp = 'app';

export class ClusterMap {
  readonly #nodes: Informer<Node>;
  readonly #pods: Informer<Pod>;
  readonly #slices: Informer<EndpointSlice>;
  /** What the page was told last, by node. */
  #told = new Map<string, string>();

  constructor(client: Client, options: { readonly clock: Clock; readonly random: Random; readonly logger: Logger }) {
    this.#nodes = new Informer(client, nodes, { ...options, transform: onlyName });
    this.#pods = new Informer(client, pods, { ...options, namespace });
    this.#slices = new Informer(client, endpointSlices, { ...options, namespace });
    this.#pods.addIndex(byApp, ({ metadata }) => [metadata.labels?.app ?? '']);
  }

  async start(signal: AbortSignal): Promise<void> {
    const informers = [this.#nodes, this.#pods, this.#slices] as const;
    for (const informer of informers) void informer.run(signal);
    await Promise.all(informers.map((informer) => informer.synced(signal)));
  }

  /** Ready pods. */
  ready(app: string, version?: string): number {
    return this.#pods.byIndex(byApp, app).filter((pod) => isReady(pod) && (version === undefined || versionOf(pod) === version)).length;
  }

  /** Pods that there are at all, those on their way out included. */
  count(app: string, version: string): number {
    return this.#pods.byIndex(byApp, app).filter((pod) => versionOf(pod) === version).length;
  }

  /** The versions behind the endpoints that a Service's proxies send requests to. */
  servingVersions(): Map<string, number> {
    const found = new Map<string, number>();
    for (const slice of this.#slices.values()) {
      if (slice.metadata.labels?.['kubernetes.io/service-name'] !== apps.servers) continue;
      for (const { targetRef, conditions } of slice.endpoints ?? []) {
        const pod = conditions?.ready === false ? undefined : this.#pods.find({ namespace, name: targetRef?.name });
        if (pod) found.set(versionOf(pod), (found.get(versionOf(pod)) ?? 0) + 1);
      }
    }
    return found;
  }

  /** The nodes that are not as they were when this was last asked. */
  changes(): NodePods[] {
    const current = this.nodes();
    const texts = new Map(current.map((node) => [node.name, JSON.stringify(node)]));
    const changed = current.filter(({ name }) => texts.get(name) !== this.#told.get(name));
    this.#told = texts;
    return changed;
  }

  nodes(): NodePods[] {
    const found = new Map<string, { name: string; servers: Record<string, [number, number]>; bots: number }>();
    for (const { metadata } of this.#nodes.values()) found.set(metadata.name ?? '', { name: metadata.name ?? '', servers: {}, bots: 0 });
    for (const pod of this.#pods.values()) {
      const node = found.get(pod.spec.nodeName ?? '');
      const app = pod.metadata.labels?.app;
      if (!node) continue;
      if (app === apps.bots && isReady(pod)) node.bots++;
      if (app === apps.servers) (node.servers[versionOf(pod)] ??= [0, 0])[isReady(pod) ? 0 : 1]++;
    }
    return [...found.values()].sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
  }
}

/** Of a thousand nodes nothing else is needed. */
function onlyName({ metadata: { name, uid, resourceVersion } }: Node): Node {
  return { metadata: { name, uid, resourceVersion }, spec: {} } as Node;
}

function versionOf({ metadata }: Pod): string {
  return metadata.labels?.[versionLabel] ?? '';
}

function isReady({ metadata, status }: Pod): boolean {
  return !metadata.deletionTimestamp && status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
}
