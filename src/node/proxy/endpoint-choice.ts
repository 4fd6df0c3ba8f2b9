/**
 * Which endpoints of a Service port its traffic may go to from this node: by
 * readiness, traffic policies and topology hints. As upstream's kube-proxy
 * (pkg/proxy/topology.go); the order of `endpoints` is kept.
 */

export interface Endpoint {
  readonly ip: string;
  readonly port: number;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** On this node. */
  readonly local: boolean;
  readonly nodeHints: readonly string[];
  readonly zoneHints: readonly string[];
}

export interface Location {
  readonly nodeName: string;
  /** Undefined where the node says none. */
  readonly zone: string | undefined;
}

/** Whether some traffic to the port goes by the one policy or the other. */
export interface PolicyUse {
  readonly cluster: boolean;
  readonly local: boolean;
}

export interface Choice {
  /** For traffic under the policy Cluster. */
  readonly cluster: readonly Endpoint[];
  /** For traffic under the policy Local. */
  readonly local: readonly Endpoint[];
  /** Somewhere there is an endpoint for it, on whatever node. */
  readonly any: boolean;
}

export function chooseEndpoints(endpoints: readonly Endpoint[], uses: PolicyUse, location: Location): Choice {
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  // While all of them are leaving, those that still serve are better than none.
  const leaving = endpoints.filter((endpoint) => !endpoint.ready && endpoint.serving && endpoint.terminating);
  const near = ready.filter(nearness(ready, location));
  const cluster = !uses.cluster ? [] : near.length > 0 ? near : leaving;
  const readyHere = ready.filter((endpoint) => endpoint.local);
  const local = !uses.local ? [] : readyHere.length > 0 ? readyHere : leaving.filter((endpoint) => endpoint.local);
  return { cluster, local, any: cluster.length > 0 || (uses.local && (ready.length > 0 || leaving.length > 0)) };
}

/** Hints count only where every ready endpoint has them and one of them is for this place: node first, then zone. */
function nearness(ready: readonly Endpoint[], { nodeName, zone }: Location): (endpoint: Endpoint) => boolean {
  const forNode = (endpoint: Endpoint) => endpoint.nodeHints.includes(nodeName);
  if (ready.every(({ nodeHints }) => nodeHints.length > 0) && ready.some(forNode)) return forNode;
  const forZone = (endpoint: Endpoint) => zone !== undefined && endpoint.zoneHints.includes(zone);
  if (ready.every(({ zoneHints }) => zoneHints.length > 0) && ready.some(forZone)) return forZone;
  return () => true;
}
