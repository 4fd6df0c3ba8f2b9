/** What a computer must have so that machines can be made on it. */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/** Where Debian has the CNI plugins. */
export const cniPrograms = '/usr/lib/cni';

const programs = ['containerd', 'ctr', 'runc', 'nft', 'ip', 'unshare', 'nsenter', 'setpriv'];
const plugins = ['bridge', 'host-local', 'portmap', 'loopback'];

/** Why there can be no machines here; undefined: there can. */
export function machinesImpossible(): string | undefined {
  if (process.platform !== 'linux') return 'real nodes need Linux';
  if (process.getuid?.() !== 0) return 'real nodes need root';
  const folders = (process.env['PATH'] ?? '').split(':');
  const missing = [
    ...programs.filter((program) => !folders.some((folder) => isExecutable(join(folder, program)))),
    ...plugins.map((plugin) => join(cniPrograms, plugin)).filter((path) => !isExecutable(path)),
  ];
  if (missing.length === 0) return undefined;
  return `real nodes need ${missing.join(', ')} (Debian: apt-get install containerd runc containernetworking-plugins nftables iptables iproute2 conntrack)`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
