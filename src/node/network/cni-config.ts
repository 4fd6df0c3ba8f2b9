/** The pod network of one node, for the standard CNI plugins: a bridge that routes, addresses of the node's own blocks, host ports. */

export interface PodNetworkConfig {
  /** The node's blocks, one a family. */
  readonly podCidrs: readonly string[];
  /** Of the interface that leads to the other nodes. */
  readonly mtu: number;
}

/** The name that runtimes take first. */
export const cniConfigFile = '10-coxswain.conflist';
export const podBridge = 'cni0';
/** What is in use is as short-lived as the sandboxes that use it: gone when the machine starts anew. */
const addressesDirectory = '/run/coxswain-ipam';

export function cniConfigList({ podCidrs, mtu }: PodNetworkConfig): string {
  const families = new Set(podCidrs.map((cidr) => (cidr.includes(':') ? '::/0' : '0.0.0.0/0')));
  const bridge = {
    type: 'bridge',
    bridge: podBridge,
    isGateway: true,
    // A pod reaches itself by the Service it stands behind.
    hairpinMode: true,
    mtu,
    ipam: { type: 'host-local', dataDir: addressesDirectory, ranges: podCidrs.map((subnet) => [{ subnet }]), routes: [...families].map((dst) => ({ dst })) },
  };
  const hostPorts = { type: 'portmap', capabilities: { portMappings: true }, snat: true };
  return `${JSON.stringify({ cniVersion: '0.4.0', name: 'coxswain', plugins: [bridge, hostPorts] }, undefined, 2)}\n`;
}
