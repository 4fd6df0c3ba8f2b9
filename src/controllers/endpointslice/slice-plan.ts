/**
 * How the endpoints of a Service are spread over slices, with as few writes as
 * may be: what a slice has stays there, what is new fills slices that change
 * anyway, then one that has room for all of it, and only then a new one. Pure.
 */
import type { Endpoint, EndpointPort } from '../../api/types/discovery-v1.ts';
import { equal } from '../../base/equality.ts';

export const endpointsPerSlice = 100;

/** Endpoints that share their ports. Those of different ports never share a slice. */
export interface EndpointGroup {
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

export interface ExistingSlice {
  readonly endpoints: readonly Endpoint[];
  readonly ports: readonly EndpointPort[];
}

export interface SlicePlan<S> {
  readonly create: readonly EndpointGroup[];
  readonly update: readonly { readonly slice: S; readonly group: EndpointGroup }[];
  readonly remove: readonly S[];
  readonly keep: readonly S[];
}

interface Working<S> {
  readonly slice: S;
  endpoints: Endpoint[];
  changed: boolean;
}

/** `existing` and `groups` are of one address type. A Service always has at least one slice, if an empty one. */
export function planSlices<S extends ExistingSlice>(existing: readonly S[], groups: readonly EndpointGroup[]): SlicePlan<S> {
  const create: EndpointGroup[] = [];
  const update: { slice: S; group: EndpointGroup }[] = [];
  const remove: S[] = [];
  const keep: S[] = [];
  const unclaimed = new Set(existing);
  for (const group of groups) {
    const mine = existing.filter((slice) => unclaimed.has(slice) && equal(slice.ports, group.ports));
    for (const slice of mine) unclaimed.delete(slice);
    planGroup(mine, group, create, update, remove, keep);
  }
  const empty = create.length === 0 && update.length === 0 && keep.length === 0;
  for (const slice of unclaimed) {
    if (empty && keep.length === 0 && slice.endpoints.length === 0 && slice.ports.length === 0) keep.push(slice);
    else remove.push(slice);
  }
  if (empty && keep.length === 0) create.push({ ports: [], endpoints: [] });
  return { create, update, remove, keep };
}

function planGroup<S extends ExistingSlice>(
  slices: readonly S[],
  { ports, endpoints }: EndpointGroup,
  create: EndpointGroup[],
  update: { slice: S; group: EndpointGroup }[],
  remove: S[],
  keep: S[],
): void {
  const wanted = new Map(endpoints.map((endpoint) => [identityOf(endpoint), endpoint]));
  const working = slices.map((slice) => keepWanted(slice, wanted));
  fill(working, [...wanted.values()], ports, create);
  for (const { slice, endpoints: now, changed } of working) {
    if (now.length === 0) remove.push(slice);
    else if (changed) update.push({ slice, group: { ports, endpoints: now } });
    else keep.push(slice);
  }
}

/** What of a slice is still wanted, as it is wanted now; that is taken out of `wanted`. */
function keepWanted<S extends ExistingSlice>(slice: S, wanted: Map<string, Endpoint>): Working<S> {
  const endpoints: Endpoint[] = [];
  let changed = false;
  for (const endpoint of slice.endpoints) {
    const identity = identityOf(endpoint);
    const now = wanted.get(identity);
    if (!now) {
      changed = true;
      continue;
    }
    wanted.delete(identity);
    endpoints.push(now);
    changed ||= !equal(endpoint, now);
  }
  return { slice, endpoints, changed };
}

function fill<S>(working: Working<S>[], rest: Endpoint[], ports: readonly EndpointPort[], create: EndpointGroup[]): void {
  const add = (slice: Working<S>): void => {
    slice.endpoints.push(...rest.splice(0, endpointsPerSlice - slice.endpoints.length));
    slice.changed = true;
  };
  for (const slice of working) if (rest.length > 0 && slice.changed && slice.endpoints.length < endpointsPerSlice) add(slice);
  while (rest.length >= endpointsPerSlice) create.push({ ports, endpoints: rest.splice(0, endpointsPerSlice) });
  if (rest.length === 0) return;
  const roomy = working.filter(({ endpoints }) => endpoints.length + rest.length <= endpointsPerSlice);
  const fullest = roomy.toSorted((a, b) => b.endpoints.length - a.endpoints.length)[0];
  if (fullest) add(fullest);
  else create.push({ ports, endpoints: rest });
}

function identityOf({ targetRef, addresses }: Endpoint): string {
  return `${targetRef?.uid ?? ''} ${addresses.join(',')}`;
}
