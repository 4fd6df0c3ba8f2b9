/** discovery.k8s.io/v1. */
import type { KubeObject } from '../../../api/object.ts';
import type { EndpointSlice } from '../../../api/types/discovery-v1.ts';
import type { Strategy } from '../strategy.ts';
import { strategyOf } from './status-and-generation.ts';

/** A field of the beta that version 1 shows but does not take. */
function dropTopology(object: KubeObject): void {
  const slice = object as unknown as EndpointSlice;
  if (!slice.endpoints?.some(({ deprecatedTopology }) => deprecatedTopology)) return;
  slice.endpoints = slice.endpoints.map(({ deprecatedTopology: _, ...endpoint }) => endpoint);
}

export const strategies: Readonly<Record<string, Strategy>> = {
  'discovery.k8s.io/endpointslices': strategyOf(
    {
      counted: ['addressType', 'endpoints', 'ports'],
      countedMetadata: ['labels'],
      create: dropTopology,
      update: dropTopology,
    },
    {
      allowUnconditionalUpdate: true,
      warnings: ({ addressType }) =>
        addressType === 'FQDN' ? ['spec.addressType: FQDN endpoints are deprecated'] : [],
    },
  ),
};
