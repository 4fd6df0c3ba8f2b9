/**
 * Follows Services, their EndpointSlices and this node, and claims in the rule
 * table what they come to. A change costs the Services that it touches.
 */
import type { Node, Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import { ipFamily } from '../../api/validation/ip.ts';
import type { Informer } from '../../client/informer.ts';
import { formatKey, keyOf } from '../../client/resource.ts';
import { canonicalIp } from './address.ts';
import type { Location } from './endpoint-choice.ts';
import type { Part, RuleTable } from './rules/rule-table.ts';
import { portModels } from './service-model.ts';
import type { Family, PortModel } from './service-model.ts';
import { addDestinations } from './udp-flows.ts';
import type { Destinations } from './udp-flows.ts';

const serviceLabel = 'kubernetes.io/service-name';
const headlessLabel = 'service.kubernetes.io/headless';
const proxyNameLabel = 'service.kubernetes.io/service-proxy-name';
const triggerAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';
const zoneLabel = 'topology.kubernetes.io/zone';
const serviceIndex = 'proxied-service';
/** Owns what is there without any Service. */
const baseOwner = '';

/** Writes models in the words of a kernel tool. */
export interface ServiceRenderer {
  base(family: Family, nodeIps: readonly string[]): Part[];
  port(family: Family, model: PortModel, nodeIps: readonly string[]): Part[];
}

/** What one look at the changes came to. */
export interface TrackedChange {
  /** Causes of it, as the endpoints controller has stamped them: epoch milliseconds. */
  readonly triggers: readonly { readonly family: Family; readonly at: number }[];
  /** Families whose UDP ports have changed. */
  readonly udp: ReadonlySet<Family>;
}

export interface ServiceTrackerOptions {
  readonly nodeName: string;
  readonly families: readonly Family[];
  readonly services: Informer<Service>;
  readonly slices: Informer<EndpointSlice>;
  /** Of this node alone. */
  readonly nodes: Informer<Node>;
  readonly table: RuleTable;
  readonly renderer: ServiceRenderer;
  /** Claims have changed. */
  readonly onChange: (change: TrackedChange) => void;
  readonly onServiceEvent: () => void;
  readonly onEndpointEvent: () => void;
}

export class ServiceTracker {
  readonly #options: ServiceTrackerOptions;
  readonly #dirty = new Set<string>();
  #triggers: { family: Family; at: number }[] = [];
  /** UDP ports, whose flows must be looked after. */
  readonly #udp = new Map<string, readonly { readonly family: Family; readonly model: PortModel }[]>();
  /** Where flows of Services that are gone were sent, until the next cleaning. */
  readonly #goneUdp = new Map<Family, Destinations>();
  #location: Location;
  #nodeIps: readonly string[] = [];
  #synced = false;

  constructor(options: ServiceTrackerOptions) {
    this.#options = options;
    this.#location = { nodeName: options.nodeName, zone: undefined };
    const { services, slices, nodes } = options;
    slices.addIndex(serviceIndex, serviceOf);
    const onBatchEnd = () => this.#update();
    const service = (object: Service) => {
      options.onServiceEvent();
      this.#dirty.add(keyOf(object));
    };
    const slice = (object: EndpointSlice, old?: EndpointSlice) => this.#sliceChanged(object, old);
    services.addHandler({ onAdd: service, onUpdate: (_, current) => service(current), onDelete: service, onBatchEnd });
    slices.addHandler({ onAdd: slice, onUpdate: (old, current) => slice(current, old), onDelete: slice, onBatchEnd });
    nodes.addHandler({ onAdd: () => this.#nodeChanged(), onUpdate: () => this.#nodeChanged(), onBatchEnd });
  }

  /** The informers hold what there is: from now on the table is kept up to date. */
  synced(): void {
    this.#synced = true;
    this.#triggers = [];
    this.#nodeChanged();
    this.#claimBase();
    for (const key of this.#options.services.keys()) this.#dirty.add(key);
    this.#update();
  }

  get nodeIps(): readonly string[] {
    return this.#nodeIps;
  }

  /** Of the Service's endpoints on this node that are ready: how many addresses. */
  localReady(key: string): number {
    const ready = this.#options.slices.byIndex(serviceIndex, key).flatMap(({ endpoints }) => endpoints ?? [])
      .filter(({ nodeName, conditions }) => nodeName === this.#options.nodeName && (conditions?.ready ?? true));
    return new Set(ready.map(({ addresses }) => addresses[0])).size;
  }

  /** Where UDP flows may go now; what is gone is told once. */
  takeUdpDestinations(family: Family): Destinations {
    const destinations = this.#goneUdp.get(family) ?? new Map();
    this.#goneUdp.delete(family);
    for (const ports of this.#udp.values()) for (const { family: its, model } of ports) if (its === family) addDestinations(destinations, model);
    return destinations;
  }

  #sliceChanged(slice: EndpointSlice, old: EndpointSlice | undefined): void {
    const [key] = serviceOf(slice);
    if (key === undefined) return;
    this.#options.onEndpointEvent();
    this.#dirty.add(key);
    const trigger = slice.metadata.annotations?.[triggerAnnotation];
    if (trigger === undefined || trigger === old?.metadata.annotations?.[triggerAnnotation]) return;
    const at = Date.parse(trigger);
    if (!Number.isNaN(at)) this.#triggers.push({ family: slice.addressType as Family, at });
  }

  #nodeChanged(): void {
    const [node] = this.#options.nodes.values();
    const zone = node?.metadata.labels?.[zoneLabel];
    const nodeIps = addressesOf(node);
    const moved = nodeIps.join() !== this.#nodeIps.join();
    if (!moved && zone === this.#location.zone) return;
    this.#location = { nodeName: this.#options.nodeName, zone };
    this.#nodeIps = nodeIps;
    if (!this.#synced) return;
    if (moved) this.#claimBase();
    for (const key of this.#options.services.keys()) this.#dirty.add(key);
  }

  #claimBase(): void {
    const { families, renderer, table } = this.#options;
    table.claim(baseOwner, families.flatMap((family) => renderer.base(family, ofFamily(this.#nodeIps, family))));
  }

  #update(): void {
    if (!this.#synced || (this.#dirty.size === 0 && !this.#options.table.isDirty)) return;
    const udp = new Set<Family>();
    for (const key of this.#dirty) this.#claim(key, udp);
    this.#dirty.clear();
    const triggers = this.#triggers;
    this.#triggers = [];
    this.#options.onChange({ triggers, udp });
  }

  #claim(key: string, udpChanged: Set<Family>): void {
    const { services, slices, families, renderer, table } = this.#options;
    const service = services.get(key);
    const parts: Part[] = [];
    const udp: { family: Family; model: PortModel }[] = [];
    const endpoints = service ? slices.byIndex(serviceIndex, key) : [];
    for (const family of service ? families : []) {
      for (const model of portModels(service as Service, endpoints, family, this.#location)) {
        for (const part of renderer.port(family, model, ofFamily(this.#nodeIps, family))) parts.push(part);
        if (model.protocol === 'udp') udp.push({ family, model });
      }
    }
    table.claim(key, parts);
    this.#keepUdp(key, udp, udpChanged);
  }

  #keepUdp(key: string, udp: { family: Family; model: PortModel }[], changed: Set<Family>): void {
    const before = this.#udp.get(key) ?? [];
    if (before.length === 0 && udp.length === 0) return;
    for (const { family, model } of before) {
      const gone = this.#goneUdp.get(family) ?? new Map();
      addDestinations(gone, { ...model, cluster: [], local: [] });
      this.#goneUdp.set(family, gone);
      changed.add(family);
    }
    for (const { family } of udp) changed.add(family);
    if (udp.length > 0) this.#udp.set(key, udp);
    else this.#udp.delete(key);
  }
}

function serviceOf({ metadata: { namespace, labels } }: EndpointSlice): string[] {
  const name = labels?.[serviceLabel];
  if (!name || labels?.[headlessLabel] !== undefined || labels?.[proxyNameLabel] !== undefined) return [];
  return [formatKey({ namespace, name })];
}

function addressesOf(node: Node | undefined): string[] {
  const addresses = node?.status?.addresses ?? [];
  const internal = addresses.filter(({ type }) => type === 'InternalIP');
  const chosen = internal.length > 0 ? internal : addresses.filter(({ type }) => type === 'ExternalIP');
  return chosen.flatMap(({ address }) => canonicalIp(address) ?? []);
}

function ofFamily(ips: readonly string[], family: Family): string[] {
  return ips.filter((ip) => ipFamily(ip) === family);
}
