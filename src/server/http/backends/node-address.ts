import * as errors from '../../../api/errors.ts';
import type { Node } from '../../../api/types/core-v1.ts';
import type { ClusterView } from '../../admission/contract.ts';
import type { Backend } from './backend-client.ts';

/** A node may say by which name it is reached; else its addresses lead to it. */
const preferredTypes = ['InternalDNS', 'InternalIP', 'ExternalDNS', 'ExternalIP', 'Hostname'];
const defaultPort = 10250;

/** Where the server of a node listens, as its object says. Throws ApiError where it says nothing. */
export function nodeAddress(view: ClusterView, name: string): Backend {
  const node = view.get('', 'nodes', '', name) as Node | undefined;
  if (!node) throw errors.notFound({ group: '', kind: 'nodes', name });
  const addresses = node.status?.addresses ?? [];
  for (const type of preferredTypes) {
    const found = addresses.find((address) => address.type === type && address.address !== '');
    if (found) return { scheme: 'https', host: found.address, port: node.status?.daemonEndpoints?.kubeletEndpoint?.Port || defaultPort, isNode: true };
  }
  throw errors.apiError(500, '', `no preferred addresses found; known addresses: [${addresses.map(({ type, address }) => `{${type} ${address}}`).join(' ')}]`);
}
