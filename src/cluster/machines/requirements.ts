/** What a computer must have so that machines can be made on it, or that it can be a node itself. */
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where Debian has the CNI plugins. */
export const cniPrograms = '/usr/lib/cni';

const programs = ['containerd', 'ctr', 'runc', 'nft', 'ip', 'unshare', 'nsenter', 'setpriv'];
const plugins = ['bridge', 'host-local', 'portmap', 'loopback'];

/** Why there can be no machines here; undefined: there can. */
export function machinesImpossible(): string | undefined {
  return containersImpossible() ?? lacking(
    [...missingPrograms(programs), ...plugins.map((plugin) => join(cniPrograms, plugin)).filter((path) => !isExecutable(path))],
    'containerd runc containernetworking-plugins nftables iptables iproute2 conntrack',
  );
}

/** Why this computer cannot be a node over the runtime with that socket; undefined: it can. */
export function hostNodeImpossible(runtimeSocket: string): string | undefined {
  return containersImpossible() ?? lacking(missingPrograms(['nft', 'ip', 'setpriv']), 'nftables iproute2 conntrack') ?? (existsSync(runtimeSocket) ? undefined : `no container runtime listens at ${runtimeSocket}`);
}

function containersImpossible(): string | undefined {
  if (process.platform !== 'linux') return 'real nodes need Linux';
  return process.getuid?.() === 0 ? undefined : 'real nodes need root';
}

function lacking(missing: readonly string[], packages: string): string | undefined {
  return missing.length === 0 ? undefined : `real nodes need ${missing.join(', ')} (Debian: apt-get install ${packages})`;
}

function missingPrograms(names: readonly string[]): readonly string[] {
  const folders = (process.env['PATH'] ?? '').split(':');
  return names.filter((name) => !folders.some((folder) => isExecutable(join(folder, name))));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
