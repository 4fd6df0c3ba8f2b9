/** discovery.k8s.io/v1: an unnamed TCP port is what an empty one means. */
import type { EndpointSlice } from '../types/discovery-v1.ts';
import { defaulter, type Defaulters } from './kind-defaulter.ts';

function defaultEndpointSlice(slice: EndpointSlice): void {
  // Not optional on the wire.
  slice.endpoints ??= null as unknown as [];
  slice.ports ??= null as unknown as [];
  for (const endpoint of slice.endpoints ?? []) endpoint.conditions ??= {};
  for (const port of slice.ports ?? []) {
    port.name ??= '';
    port.protocol ??= 'TCP';
  }
}

export const defaulters: Defaulters = {
  'discovery.k8s.io/v1/EndpointSlice': defaulter<EndpointSlice>(defaultEndpointSlice),
};
