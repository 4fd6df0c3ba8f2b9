/** Watches the metadata of every resource that can be deleted, and follows the server's discovery as resources come and go. */
import type { ServedResource } from '../../client/discovery.ts';
import { discover, resourceOfKind } from '../../client/discovery.ts';
import { Informer } from '../../client/informer.ts';
import type { ApiObject } from '../../client/resource.ts';
import type { ControllerContext } from '../runtime/context.ts';
import type { OwnerGraph } from './owner-graph.ts';

interface Monitor {
  readonly informer: Informer<ApiObject>;
  stop(): void;
}

/** Nobody owns by events, and there are many. */
const ignored = new Set(['/events', 'events.k8s.io/events']);
const needed = ['delete', 'list', 'watch'];

export class Monitors {
  readonly #context: ControllerContext;
  readonly #graph: OwnerGraph;
  readonly #monitors = new Map<string, Monitor>();
  #served: readonly ServedResource[] = [];

  constructor(context: ControllerContext, graph: OwnerGraph) {
    this.#context = context;
    this.#graph = graph;
  }

  /** The resource behind an apiVersion and kind; undefined where the server has none. */
  resourceOf(apiVersion: string, kind: string): ServedResource | undefined {
    return resourceOfKind(this.#served, apiVersion, kind);
  }

  /** Begins to watch what is new, and leaves what is no longer served. Monitors of a group that cannot be asked are kept. */
  async refresh(signal: AbortSignal): Promise<void> {
    const { resources, stale } = await discover(this.#context.client, signal);
    const staleGroups = new Set(stale.map((groupVersion) => groupVersion.split('/')[0]));
    this.#served = [...resources, ...this.#served.filter(({ group }) => staleGroups.has(group))];
    const wanted = new Map<string, ServedResource>();
    for (const resource of this.#served) {
      const name = `${resource.group}/${resource.resource}`;
      if (!ignored.has(name) && needed.every((verb) => resource.verbs.includes(verb))) wanted.set(`${resource.group}/${resource.version}/${resource.resource}`, resource);
    }
    for (const [name, monitor] of this.#monitors) {
      if (wanted.has(name)) continue;
      monitor.stop();
      this.#monitors.delete(name);
    }
    for (const [name, resource] of wanted) if (!this.#monitors.has(name)) this.#monitors.set(name, this.#start(resource, signal));
  }

  async synced(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#monitors.values()].map(({ informer }) => informer.synced(signal)));
  }

  #start(resource: ServedResource, signal: AbortSignal): Monitor {
    const handler = {
      onAdd: (object: ApiObject) => this.#graph.observe(object),
      onUpdate: (_: ApiObject, object: ApiObject) => this.#graph.observe(object),
      onDelete: ({ metadata }: ApiObject) => this.#graph.remove(metadata.uid ?? ''),
    };
    // What another controller watches whole need not be watched again.
    const shared = this.#context.informers.find(resource);
    if (shared) return { informer: shared, stop: shared.addHandler(handler) };
    const { client, clock, random, logger } = this.#context;
    const transform = (object: ApiObject): ApiObject => {
      // Metadata alone comes as PartialObjectMetadata; the graph wants to know of what.
      object.apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
      object.kind = resource.kind;
      object.metadata.annotations = undefined;
      object.metadata.labels = undefined;
      return object;
    };
    const stopping = new AbortController();
    const informer = new Informer<ApiObject>(client, resource, { clock, random, logger, metadataOnly: true, transform });
    informer.addHandler(handler);
    void informer.run(AbortSignal.any([signal, stopping.signal]));
    return {
      informer,
      stop: () => {
        stopping.abort();
        for (const { metadata } of informer.values()) this.#graph.remove(metadata.uid ?? '');
      },
    };
  }
}
