/** Brings images onto machines from archives, without a registry. */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runCommand } from '../../node/system/command.ts';
import { containerdSocket } from './containerd.ts';
import { pathInMachine } from './machine.ts';

/** `socket` is containerd's, as it is found from here; the archive may be OCI's or docker's. */
export async function importImages(socket: string, archive: string): Promise<void> {
  await runCommand('ctr', ['--address', socket, '--namespace', 'k8s.io', 'images', 'import', '--digests=false', resolve(archive)]);
}

/** Onto all machines below the folder that run, or the one of that name. Resolves to their names. */
export async function importIntoMachines(directory: string, archive: string, name?: string): Promise<readonly string[]> {
  const names = existsSync(directory) ? readdirSync(directory).filter((entry) => name === undefined || entry === name) : [];
  const running = names.flatMap((entry) => {
    const socket = pathInMachine(join(directory, entry), containerdSocket);
    return socket === undefined ? [] : [{ entry, socket }];
  });
  for (const { socket } of running) await importImages(socket, archive);
  return running.map(({ entry }) => entry);
}
