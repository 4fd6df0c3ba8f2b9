/** The cluster that the demo runs on where it is given none: `coxswain up` as a process of its own, gone with the demo. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

export interface OwnCluster {
  readonly kubeconfig: string;
  /** Rejects when the cluster ends by itself. */
  readonly ended: Promise<never>;
  stop(): Promise<void>;
}

const command = resolve(import.meta.dirname, '../bin/coxswain.js');

/** Containers have cgroups of their own, so it does not weigh on them: what runs in them goes before what makes them, as it would on machines with cores to spare. */
const niceness = 10;

/** Hollow nodes, or real ones that have the image. Resolves once they are Ready. */
export async function startOwnCluster(nodes: number, image: Uint8Array | undefined, signal: AbortSignal): Promise<OwnCluster> {
  const directory = mkdtempSync(join(tmpdir(), 'coxswain-demo-'));
  const options = ['up', '--output', 'json', '--datastore', 'memory', '--data-dir', directory, '--port', '0'];
  if (!image) options.push('--nodes', String(nodes));
  else {
    const archive = join(directory, 'image.tar');
    writeFileSync(archive, image);
    options.push('--real-nodes', String(nodes), '--image-archive', archive);
  }
  const child = spawn('nice', ['-n', String(image ? niceness : 0), process.execPath, command, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    await exited;
    rmSync(directory, { recursive: true, force: true });
  };
  const ended = exited.then(() => Promise.reject(new Error('the cluster has ended')));
  // Whoever stops it does not wait for it to fail.
  ended.catch(() => {});
  const ready = async () => {
    for await (const line of createInterface({ input: child.stdout })) if (line.startsWith('{"ready":true')) return (JSON.parse(line) as { kubeconfig: string }).kubeconfig;
    return ended;
  };
  try {
    const told = once(signal, 'abort').then(() => Promise.reject(signal.reason as Error));
    told.catch(() => {});
    return { kubeconfig: await Promise.race([ready(), ended, told]), ended, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
