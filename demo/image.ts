/**
 * The image of servers, bots and aggregator, made of what the machine has: the
 * Node that runs this, the libraries it is linked with, and the files of
 * workload/. Nothing is compiled, nothing is pulled.
 */
import { execFileSync } from 'node:child_process';
import { stripTypeScriptTypes } from 'node:module';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ociArchive } from '../src/node/cri/oci-archive.ts';
import type { ImageFile } from '../src/node/cri/oci-archive.ts';

const workload = join(import.meta.dirname, 'workload');
const accounts = { 'etc/passwd': 'root:x:0:0:root:/:/bin/false\n', 'etc/group': 'root:x:0:\n', 'etc/nsswitch.conf': 'hosts: files dns\n' };

/** The bytes of an OCI archive. */
export function demoImage(name: string): Buffer {
  const contents = new Map<string, Uint8Array>([['bin/node', readFileSync(process.execPath)]]);
  for (const library of linkedLibraries(process.execPath)) contents.set(library.slice(1), readFileSync(library));
  for (const [path, text] of Object.entries(accounts)) contents.set(path, Buffer.from(text));
  for (const file of readdirSync(workload)) if (!file.endsWith('.test.ts')) contents.set(`demo/${file.replace(/ts$/, 'js')}`, Buffer.from(asJavaScript(join(workload, file))));
  contents.set('demo/package.json', Buffer.from('{"type":"module"}\n'));
  const folders = new Set<string>(['tmp', 'proc', 'sys', 'dev']);
  for (const path of contents.keys()) for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) folders.add(folder);
  const files: ImageFile[] = [
    ...[...folders].toSorted().map((path) => ({ path })),
    ...Array.from(contents, ([path, content]) => ({ path, content, mode: path.startsWith('etc/') ? 0o644 : 0o755 })),
  ];
  return ociArchive({ name, files, config: { Entrypoint: ['/bin/node'], Env: ['PATH=/bin'], WorkingDir: '/' } });
}

/** To strip the types here spares every container the machinery for it, which costs more than all else at its start. */
function asJavaScript(file: string): string {
  return stripTypeScriptTypes(readFileSync(file, 'utf8')).replace(/from '(\.\/[a-z-]+)\.ts'/g, "from '$1.js'");
}

/** With the loader, which ldd tells without an arrow. */
function linkedLibraries(executable: string): string[] {
  const told = execFileSync('ldd', [executable], { encoding: 'utf8' });
  return [...told.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map((match) => match[1] as string);
}
