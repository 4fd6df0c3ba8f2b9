/** A cluster in a process of its own, as a user would start it, in a temporary folder. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface ServerProcess {
  readonly kubeconfig: string;
  readonly apiReadyMs: number;
  readonly nodesReadyMs: number;
  /** From spawning the process, milliseconds. */
  readonly readyMs: number;
  /** Resident memory, bytes. */
  rss(): number;
  /** CPU used so far by all its threads, milliseconds. */
  cpuMs(): number;
  stop(): Promise<void>;
}

const ticksPerSecond = 100;

export async function startServer(options: { nodes: number; datastore?: string }): Promise<ServerProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'coxswain-bench-'));
  const command = join(import.meta.dirname, '..', '..', 'bin', 'coxswain.js');
  const args = [command, 'up', '--port', '0', '--data-dir', directory, '--nodes', String(options.nodes), '--output', 'json'];
  if (options.datastore) args.push('--datastore', options.datastore);
  const started = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const line = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('\n')) resolve(text);
    });
    child.once('exit', (code) => reject(new Error(`the cluster ended with ${code}`)));
  });
  const readyMs = performance.now() - started;
  const ready = JSON.parse(line) as { kubeconfig: string; apiReadyMs: number; nodesReadyMs: number };
  const stat = () => readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return {
    ...ready,
    readyMs,
    rss: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) * 1024,
    cpuMs: () => ((Number(stat()[11]) + Number(stat()[12])) * 1000) / ticksPerSecond,
    async stop() {
      child.kill('SIGTERM');
      const cut = setTimeout(() => child.kill('SIGKILL'), 5000);
      await exited;
      clearTimeout(cut);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
